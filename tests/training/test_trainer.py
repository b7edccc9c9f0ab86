"""The one training loop."""

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cliqa.training import ParameterGroup, Phase, Update
from cliqa.training.losses import DivergedError

NAN = float("nan")


class Counted:
    """Batches of fixed numbers; remembers what was asked for."""

    def __init__(self, make_batch, steps=3, size=4):
        self.steps, self.samples, self._size, self._make = steps, steps * size, size, make_batch
        self.asked = []

    def batch(self, epoch, step):
        self.asked.append((epoch, step))
        generator = torch.Generator().manual_seed(100 * epoch + step)
        images = torch.randn(self._size, 3, 16, 16, generator=generator)
        return self._make(range(self._size), images=images)


@pytest.fixture
def context(make_context, make_task, tiny_model):
    return make_context(tiny_model(), [make_task("live", 10)])


@pytest.fixture
def batches(make_batch):
    return Counted(make_batch)


def phase_of(batches, parameters, loss, *, epochs=2, lr=0.01, **options):
    group = ParameterGroup(parameters=tuple(parameters), lr=lr)
    return Phase(
        name="test",
        batches=batches,
        updates=(Update(groups=(group,), loss=loss),),
        epochs=epochs,
        **options,
    )


def squared_error(context):
    return lambda batch: (context.scores(batch) - batch.quality).square().mean()


def values(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def changed(model, before):
    return {name for name, t in model.state_dict().items() if not torch.equal(t, before[name])}


@settings(max_examples=20)
@given(choice=st.sets(st.integers(0, 9), min_size=1), frozen=...)
def test_what_a_phase_does_not_train_stays_bit_identical_and_gets_no_gradient(
    make_context, make_task, make_batch, tiny_model, new_trainer, choice: set[int], frozen: bool
):
    context = make_context(tiny_model(), [make_task("live", 10)])
    model = context.model
    names = [name for name, _ in model.named_parameters() if not name.startswith("initial_head")]
    trained = {names[i] for i in choice if i < len(names)}
    parameters = [p for name, p in model.named_parameters() if name in trained]
    before = values(model)
    gradients = {}

    def loss(batch):
        gradients.update({n: p.grad is not None for n, p in model.named_parameters()})
        return squared_error(context)(batch)

    mode = "frozen" if frozen else "update"
    phase = phase_of(Counted(make_batch), parameters, loss, norm_statistics=mode)
    new_trainer().run(phase, context)
    statistics = {n for n in before if "running" in n or "num_batches" in n}
    assert changed(model, before) == trained | (set() if frozen else statistics)
    assert {name for name, has in gradients.items() if has} == trained


def test_after_training_nothing_requires_a_gradient_and_the_model_is_in_eval_mode(
    context, batches, new_trainer
):
    model = context.model
    new_trainer().run(phase_of(batches, model.parameters(), squared_error(context)), context)
    assert not any(p.requires_grad for p in model.parameters())
    assert not any(module.training for module in model.modules())


def test_frozen_statistics_are_the_ones_that_training_uses(context, batches, new_trainer):
    """In `update` a batch is normalised by itself, in `frozen` as at evaluation."""
    model, found = context.model, {}
    reference = copy.deepcopy(model.backbone).eval()

    def spy(mode):
        def loss(batch):
            same = torch.allclose(model.backbone(batch.images), reference(batch.images), atol=1e-5)
            found[mode] = same
            return context.scores(batch).sum() * 0

        return loss

    for mode in ("frozen", "update"):
        head = model.heads[0].parameters()
        phase = phase_of(batches, head, spy(mode), epochs=1, lr=1e-12, norm_statistics=mode)
        new_trainer().run(phase, context)
    assert found == {"frozen": True, "update": False}


def test_statistics_may_move_in_the_first_epoch_only_as_in_the_released_code(
    context, batches, new_trainer
):
    model, seen = context.model, []

    def validate():
        seen.append(model.backbone.layer1.running_mean.clone())
        return 0.0

    phase = phase_of(
        batches,
        model.heads[0].parameters(),
        squared_error(context),
        epochs=3,
        norm_statistics="first-epoch",
        validate=validate,
    )
    start = model.backbone.layer1.running_mean.clone()
    new_trainer().run(phase, context)
    assert not torch.equal(seen[0], start)
    assert torch.equal(seen[0], seen[1])
    assert torch.equal(seen[1], seen[2])


@pytest.mark.parametrize(
    ("measured", "kept"),
    [
        ([0.1, 0.5, 0.3], 1),
        ([0.5, 0.1, 0.5], 0),  # a later epoch must be better
        ([NAN, 0.2, NAN], 1),
        ([0.2, NAN, 0.1], 0),
        ([-0.9, -0.5, NAN], 1),
        ([NAN, NAN, NAN], 2),  # nothing to choose by
    ],
)
@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_epoch_with_the_best_validation_is_kept_whole(
    context, batches, new_trainer, measured, kept, keep
):
    """Parameters and running statistics; an undefined value (nan) is never better."""
    model, snapshots, script = context.model, [], iter(measured)

    def validate():
        snapshots.append(values(model))
        return next(script)

    phase = phase_of(
        batches,
        model.backbone.parameters(),
        squared_error(context),
        epochs=3,
        validate=validate,
        keep=keep,
    )
    trainer = new_trainer()
    trainer.run(phase, context)
    assert len({tuple(s["backbone.conv1.bias"].tolist()) for s in snapshots}) == 3
    assert changed(model, snapshots[kept if keep == "best" else 2]) == set()
    logged = [record["validation_srcc"] for record in trainer.records]
    assert logged == [None if math.isnan(v) else v for v in measured]


@pytest.mark.parametrize(("drop", "dropped_epochs"), [(None, 0), (1, 3), (3, 1), (4, 0)])
def test_the_learning_rate_falls_to_a_tenth_after_the_named_epoch(
    context, batches, new_trainer, drop, dropped_epochs
):
    """Under a constant gradient each step of Adam is as long as the learning rate."""
    weight = context.model.heads[0].bias
    start = weight.item()
    phase = phase_of(
        batches, [weight], lambda batch: weight.sum(), epochs=4, lr=0.01, lr_drop_epoch=drop
    )
    new_trainer().run(phase, context)
    steps = 3 * ((4 - dropped_epochs) * 0.01 + dropped_epochs * 0.001)
    assert start - weight.item() == pytest.approx(steps, rel=1e-4)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_stops_with_the_samples_of_its_batch(
    context, batches, new_trainer, bad
):
    before = values(context.model)
    head = context.model.heads[0]

    def loss(batch):
        value = context.scores(batch).sum()
        return value * bad if len(batches.asked) == 5 else value * 0

    phase = phase_of(batches, head.parameters(), loss, norm_statistics="frozen")
    with pytest.raises(DivergedError, match="phase `test`, epoch 2, on samples s0, s1, s2, s3;"):
        new_trainer().run(phase, context)
    assert changed(context.model, before) == set()  # no step was made with that loss


def test_batches_are_asked_for_epoch_after_epoch_and_progress_counts_samples(
    context, batches, new_trainer
):
    trainer = new_trainer()
    parameters = context.model.heads[0].parameters()
    trainer.run(phase_of(batches, parameters, squared_error(context)), context)
    assert batches.asked == [(e, s) for e in range(2) for s in range(3)]
    assert sum(trainer.samples) == 2 * batches.samples


def test_one_record_an_epoch_says_what_was_trained_and_the_mean_loss(context, batches, new_trainer):
    trainer, losses = new_trainer(), []

    def loss(batch):
        value = squared_error(context)(batch)
        losses.append(value.item())
        return value

    trainer.run(phase_of(batches, context.model.heads[0].parameters(), loss), context)
    assert [record["epoch"] for record in trainer.records] == [1, 2]
    for epoch, record in enumerate(trainer.records):
        assert (record["task"], record["phase"], record["step"]) == ("live", "test", 1)
        mean = sum(losses[3 * epoch : 3 * epoch + 3]) / 3
        assert record["loss"] == pytest.approx(mean)


def test_groups_have_their_own_rate_and_decay_as_in_torchs_adam(context, batches, new_trainer):
    model = context.model
    reference = copy.deepcopy(model)
    groups = (
        ParameterGroup(parameters=(model.heads[0].weight,), lr=0.1, weight_decay=0.5),
        ParameterGroup(parameters=(model.backbone.conv2.weight,), lr=0.001),
    )
    update = Update(groups=groups, loss=squared_error(context))
    new_trainer().run(
        Phase(name="p", batches=batches, updates=(update,), epochs=2, norm_statistics="frozen"),
        context,
    )
    by_hand = torch.optim.Adam(
        [
            {"params": [reference.heads[0].weight], "lr": 0.1, "weight_decay": 0.5},
            {"params": [reference.backbone.conv2.weight], "lr": 0.001},
        ],
        foreach=False,
    )
    reference.eval().requires_grad_(True)
    for epoch in range(2):
        for step in range(3):
            batch = batches.batch(epoch, step)
            score = reference.heads[0](reference.backbone(batch.images))[:, 0]
            by_hand.zero_grad()
            (score - batch.quality).square().mean().backward()
            by_hand.step()
    torch.testing.assert_close(model.heads[0].weight, reference.heads[0].weight.detach())
    torch.testing.assert_close(
        model.backbone.conv2.weight, reference.backbone.conv2.weight.detach()
    )


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.9)])
def test_an_update_is_adam_with_the_betas_that_it_names(context, batches, new_trainer, betas):
    parameter, reference = (torch.nn.Parameter(torch.tensor(2.0)) for _ in range(2))
    group = ParameterGroup(parameters=(parameter,), lr=0.1)
    named = {} if betas == (0.9, 0.999) else {"betas": betas}
    update = Update(groups=(group,), loss=lambda batch: parameter.square(), **named)
    new_trainer().run(Phase(name="g", batches=batches, updates=(update,), epochs=2), context)
    adam = torch.optim.Adam([reference], lr=0.1, betas=betas)
    for _ in range(2 * batches.steps):
        adam.zero_grad()
        reference.square().backward()
        adam.step()
    assert parameter.item() == pytest.approx(reference.item(), rel=1e-5)
    assert parameter.item() < 2.0


@given(every=st.integers(1, 9), epochs=st.integers(1, 3))
@settings(max_examples=10)
def test_an_update_that_waits_is_performed_on_the_first_step_and_each_so_many_th_of_the_phase(
    make_context, make_task, make_batch, tiny_model, new_trainer, every: int, epochs: int
):
    context = make_context(tiny_model(), [make_task("live", 10)])
    batches, done = Counted(make_batch), {1: [], every: []}
    parameter = torch.nn.Parameter(torch.ones(1))
    group = ParameterGroup(parameters=(parameter,), lr=0.01)

    def update(number):
        def loss(batch):
            done[number].append(batches.asked[-1])
            return parameter.square().sum()

        return Update(groups=(group,), loss=loss, every=number)

    updates = tuple(update(number) for number in done)
    new_trainer().run(Phase(name="g", batches=batches, updates=updates, epochs=epochs), context)
    assert done[1] == batches.asked
    assert done[every] == batches.asked[::every]


def test_several_updates_a_batch_run_in_turn_as_in_adversarial_training(
    context, batches, new_trainer
):
    """Each moves its own parameters by its own loss and sees what the one before did."""
    critic, maker = (torch.nn.Parameter(torch.tensor(v)) for v in (0.3, -0.2))
    calls = []

    def update(name, own, loss, lr):
        def counted(batch):
            calls.append(name)
            return loss(critic, maker)

        group = ParameterGroup(parameters=(own,), lr=lr)
        return Update(
            groups=(group,), loss=counted, after_step=lambda: calls.append(f"{name} done")
        )

    def critic_loss(c, m):
        return (c * m - 1).square()

    def maker_loss(c, m):
        return -c * m + m.square()

    updates = (update("critic", critic, critic_loss, 0.1), update("maker", maker, maker_loss, 0.01))
    new_trainer().run(Phase(name="g", batches=batches, updates=updates, epochs=2), context)
    assert calls == ["critic", "critic done", "maker", "maker done"] * 6

    c, m = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.3, -0.2))
    sides = [
        (torch.optim.Adam([c], lr=0.1), critic_loss, c),
        (torch.optim.Adam([m], lr=0.01), maker_loss, m),
    ]
    for _ in range(6):
        for optimizer, loss, own in sides:
            (own.grad,) = torch.autograd.grad(loss(c, m), [own])
            optimizer.step()
    assert critic.item() == pytest.approx(c.item(), abs=1e-5)
    assert maker.item() == pytest.approx(m.item(), abs=1e-5)


@pytest.mark.parametrize("layers_draw", [False, True])
def test_a_training_is_a_function_of_the_seed_whatever_was_drawn_before(
    tiny_model, make_context, make_task, new_trainer, train_config, layers_draw
):
    """Dropout included: layers draw the same at the same place of any run."""
    from cliqa.training import ImageBatches

    task = make_task("live", 12)

    def train(seed, noise):
        model = tiny_model()
        model.backbone.dropout.p = 0.5 if layers_draw else 0.0
        context = make_context(model, [task], seed=seed)
        source = ImageBatches([task], model.backbone, context.config, seed, torch.device("cpu"))
        phase = phase_of(source, [*model.backbone.parameters()], squared_error(context))
        torch.manual_seed(noise)
        new_trainer().run(phase, context)
        return values(model)

    one, same, other = train(0, noise=1), train(0, noise=2), train(1, noise=1)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["backbone.conv1.weight"], other["backbone.conv1.weight"])
