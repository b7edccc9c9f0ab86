"""How much is computed to learn a task, counted: no more than the method asks for."""

from __future__ import annotations

import copy
from collections import Counter

import pytest
import timm
import torch
from cliqa_baselines.strategies import FineTuning
from cliqa_tsn.strategy import TaskSpecificNormalization
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cliqa.data import reader
from cliqa.model import normalization_tensors
from cliqa.training import ParameterGroup, Phase, Trainer, Update, two_stage

TRAINED = 14  # of 20 images


@pytest.fixture
def task(make_task):
    return make_task("live", 20, sizes=((40, 40),))


def phases_of(context, trainable):
    def loss(batch):
        return context.objective.loss(context.scores(batch), batch)

    return two_stage(context, trainable, loss=loss, warmup_loss=loss)


class Passes:
    """Images that went through a network while it could be trained, and while it could not."""

    def __init__(self, network):
        self.trained = self.scored = 0
        network.register_forward_pre_hook(self._count)

    def _count(self, network, inputs):
        if torch.is_grad_enabled():
            self.trained += len(inputs[0])
        else:
            self.scored += len(inputs[0])


def trained_by(context, trainable, new_trainer):
    """The samples of each phase's steps, and what went through the network."""
    passes, seen = Passes(context.model.backbone), {}
    for phase in phases_of(context, trainable):
        inner, seen[phase.name] = phase.batches.batch, []

        def batch(epoch, step, inner=inner, into=seen[phase.name]):
            found = inner(epoch, step)
            into.append(found.sample_ids)
            return found

        phase.batches.batch = batch
        new_trainer().run(phase, context)
    return seen, passes


def test_in_an_epoch_of_in_batch_pairs_each_image_goes_through_the_network_once(
    make_context, task, tiny_model, new_trainer
):
    context = make_context(tiny_model(), [task], epochs=1, warmup_epochs=0)
    seen, passes = trained_by(context, context.model.backbone.learnable(), new_trainer)
    assert Counter(i for ids in seen["joint"] for i in ids) == Counter(
        task.sample_ids[row] for row in task.split.train
    )
    assert (passes.trained, passes.scored) == (TRAINED, len(task.split.val))


def test_in_an_epoch_of_a_pair_list_two_images_a_pair_go_through_the_network(
    make_context, task, tiny_model, new_trainer
):
    settings = {"pairs": "list", "pair_list_size": 30, "epochs": 1, "warmup_epochs": 0}
    context = make_context(tiny_model(), [task], **settings)
    _, passes = trained_by(context, context.model.backbone.learnable(), new_trainer)
    assert passes.trained == 2 * 30


def test_a_warm_up_runs_the_frozen_network_once_however_many_epochs_it_has(
    make_context, task, tiny_model, new_trainer
):
    context = make_context(tiny_model(), [task], warmup_epochs=7, epochs=1)
    seen, passes = trained_by(context, [], new_trainer)
    assert len(seen["head"]) == 7 * len(seen["head-on-images"])
    assert passes.trained == TRAINED
    assert passes.scored == TRAINED + len(task.split.val)


def test_a_training_decodes_each_image_once_however_many_epochs_it_has(
    make_context, task, tiny_model, new_trainer, monkeypatch
):
    decoded = []
    decode = reader.decode

    def counted(content, **options):
        decoded.append(len(content))
        return decode(content, **options)

    monkeypatch.setattr(reader, "decode", counted)
    context = make_context(tiny_model(), [task], warmup_epochs=2, epochs=3, workers=2)
    for phase in phases_of(context, context.model.backbone.learnable()):
        new_trainer().run(phase, context)
    rows = task.split.train + task.split.val
    raw = task.dataset.table.cast_column("image", _undecoded())["image"]
    assert sorted(decoded) == sorted(len(raw[row]["bytes"]) for row in rows)


def _undecoded():
    import datasets

    return datasets.Image(decode=False)


def leaves(loss):
    """Parameters that a loss's graph leads to, each as often as there is a node for it."""
    found, left, seen = [], [loss.grad_fn], set()
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.append(node.variable)
        left += [following for following, _ in node.next_functions]
    return found


@pytest.mark.parametrize(
    ("strategy", "wanted"),
    [
        (TaskSpecificNormalization, lambda network: normalization_tensors(network)),
        (FineTuning, lambda network: [name for name, _ in network.named_parameters()]),
    ],
)
def test_the_graph_holds_the_parameters_that_are_trained_and_no_other(
    make_context, task, tiny_model, new_trainer, strategy, wanted
):
    strategy, model, found = strategy(), tiny_model(), Counter()
    strategy.start(model)
    head = strategy.begin_stage(model, [task.name])
    context = make_context(model, [task], head=head)
    inner = strategy.loss
    names = {id(p): name for name, p in model.backbone.named_parameters()}

    def loss(context, batch):
        value = inner(context, batch)
        found.update(names.get(id(p), "head") for p in leaves(value))
        return value

    strategy.loss = loss
    *_, joint = strategy.phases(context)
    new_trainer().run(joint, context)
    backbone = {name for name in wanted(model.backbone) if name in names.values()}
    assert set(found) == backbone | {"head"}
    assert {found[name] for name in backbone} == {joint.batches.steps}


def flops(work):
    counter = FlopCounterMode(display=False)
    with counter:
        work()
    return counter.get_total_flops()


class Resnet(nn.Module):
    """ResNet-18 as a backbone."""

    feature_dim = 512
    mean, std = (0.5, 0.5, 0.5), (0.2, 0.2, 0.2)

    def __init__(self):
        super().__init__()
        self.network = timm.create_model("resnet18", num_classes=0)

    def forward(self, images):
        return self.network(images)

    def learnable(self):
        return dict(self.named_parameters())


@pytest.fixture
def resnet_context(make_context, task):
    from cliqa.model import QualityModel

    model = QualityModel(Resnet(), lambda dim: nn.Linear(dim, 1, bias=False))
    return make_context(model, [task], batch_size=4, warmup_epochs=0)


@pytest.mark.parametrize(
    ("trained", "passes"), [("normalization", 2), ("everything", 3), ("head", 1)]
)
def test_the_operations_of_a_step_are_those_of_the_closed_form(resnet_context, trained, passes):
    """Forward, gradients towards the images but not of them, gradients of what is trained.

    F is what the convolutions of the forward take. Each of the three parts takes F; the gradient
    of the images, F of the first convolution, is never taken, and nothing below what is trained.
    """
    context = resnet_context
    model = context.model
    names = {
        "normalization": normalization_tensors(model.backbone),
        "everything": list(model.backbone.learnable()),
        "head": [],
    }[trained]
    learnable = model.backbone.learnable()
    (phase,) = phases_of(context, [name for name in names if name in learnable])
    batch = phase.batches.batch(0, 0)
    count = len(batch.sample_ids)
    side = batch.images.shape[-1]
    first = 2 * count * (side // 2) ** 2 * 64 * 3 * 7 * 7
    with torch.no_grad():
        forward = flops(lambda: model.backbone(batch.images))
    head = 2 * count * 512  # a matrix product with one column
    # The head's own weights always, and the features where something below them is trained.
    of_head = head * (2 if trained == "head" else 3)
    model.requires_grad_(False)
    for parameter in phase.updates[0].parameters:
        parameter.requires_grad_(True)
    model.backbone.train()
    found = flops(lambda: phase.updates[0].loss(batch).backward())
    images = first if trained != "head" else 0
    assert found == passes * forward - images + of_head


def adversaries():
    torch.manual_seed(0)
    return nn.Linear(5, 12), nn.Linear(12, 3)  # a generator and its discriminator


def adversarial_phase(generator, discriminator, batches):
    def judged(batch):
        with torch.no_grad():
            made = generator(batch.features)
        return discriminator(made).square().mean()

    def made_up(batch):
        return -discriminator(generator(batch.features)).mean()

    def update(network, loss):
        group = ParameterGroup(parameters=tuple(network.parameters()), lr=0.01)
        return Update(groups=(group,), loss=loss)

    updates = (update(discriminator, judged), update(generator, made_up))
    return Phase(name="adversarial", batches=batches, updates=updates, epochs=2)


class Noise:
    steps, samples, size = 3, 12, 4

    def __init__(self, make_batch):
        self._make = make_batch

    def batch(self, epoch, step):
        generator = torch.Generator().manual_seed(10 * epoch + step)
        return self._make([0.0] * self.size, features=torch.randn(4, 5, generator=generator))


def test_adversaries_learn_what_a_plain_loop_teaches_and_get_no_gradient_out_of_turn(
    make_context, task, tiny_model, make_batch
):
    batches, (generator, discriminator) = Noise(make_batch), adversaries()
    phase = adversarial_phase(generator, discriminator, batches)
    plain = copy.deepcopy((generator, discriminator))
    trainer = Trainer(log=lambda record: None, progress=lambda count: None)
    found = flops(lambda: trainer.run(phase, make_context(tiny_model(), [task])))
    reference = adversarial_phase(*plain, batches)
    optimizers = [torch.optim.Adam(u.parameters, lr=0.01, fused=True) for u in reference.updates]
    for epoch in range(2):
        for step in range(3):
            for update, optimizer in zip(reference.updates, optimizers, strict=True):
                optimizer.zero_grad()
                update.loss(batches.batch(epoch, step)).backward()
                optimizer.step()
    for ours, theirs in zip((generator, discriminator), plain, strict=True):
        assert all(map(torch.equal, ours.parameters(), theirs.parameters()))
    g, d = 2 * 4 * 5 * 12, 2 * 4 * 12 * 3
    # D's turn: both forwards, D's weights. G's turn: both forwards, back through D, G's weights.
    assert found == 6 * ((g + d + d) + (g + d + d + g))
