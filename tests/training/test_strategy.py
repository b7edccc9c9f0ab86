"""The base classes of continual learning methods."""

import pytest
import torch

from cliqa.model import normalization_tensors
from cliqa.training import IsolatingStrategy, Stage, Strategy


@pytest.fixture(scope="module")
def tasks(make_task):
    return [make_task(name, 15, seed=i) for i, name in enumerate(("one", "two", "three"))]


class OwnsNormalization(IsolatingStrategy):
    def own(self, backbone):
        return normalization_tensors(backbone)


class MultiHead(Strategy):
    multi_head = True


def test_as_it_stands_a_strategy_learns_one_task_after_another():
    assert Strategy().stages(((0,), (1,), (2,))) == [
        Stage(1, (0,)),
        Stage(2, (1,), fresh=False),
        Stage(3, (2,), fresh=False),
    ]


def test_a_single_head_serves_all_tasks_and_several_one_each(tiny_model, tasks, learn):
    one = learn(Strategy(), tiny_model(), tasks)
    several = learn(MultiHead(), tiny_model(), tasks)
    assert one.head_tasks == [("one", "two", "three")]
    assert several.head_tasks == [("one",), ("two",), ("three",)]
    assert several.parameter_sets == [{}, {}, {}]


@pytest.mark.parametrize("kind", [Strategy, MultiHead])
def test_plain_learning_moves_the_whole_network_on_and_on(tiny_model, tasks, learn, kind):
    seen = []
    learn(kind(), tiny_model(), tasks, after_stage=lambda _, c: seen.append(c.model.snapshot()))
    parameters = dict(tiny_model().backbone.named_parameters())
    for name in parameters:
        assert len({tuple(snapshot[name].flatten().tolist()) for snapshot in seen}) == 3


def test_a_head_of_an_old_task_is_not_touched_by_new_ones(tiny_model, tasks, learn):
    weights = []
    model = learn(
        MultiHead(),
        tiny_model(),
        tasks,
        after_stage=lambda _, c: weights.append(c.model.heads[c.head].weight.clone()),
    )
    assert all(torch.equal(h.weight, w) for h, w in zip(model.heads, weights, strict=True))


class Penalised(Strategy):
    """Remembers which batches it was asked about; pulls parameters towards a point."""

    def __init__(self, weight):
        super().__init__()
        self.weight, self.asked = weight, []

    def penalty(self, context, batch, features):
        self.asked.append(batch.images is not None)
        if self.weight is None:
            return None
        return self.weight * sum(p.square().sum() for p in context.model.backbone.parameters())


def test_a_penalty_is_added_in_the_second_stage_only(tiny_model, tasks, learn, new_trainer):
    strategy, trainer = Penalised(1.0), new_trainer()
    learn(strategy, tiny_model(), tasks[:1], trainer=trainer, warmup_epochs=2, epochs=3)
    steps_on_images = 3 * 2  # epochs x batches
    assert strategy.asked == [True] * steps_on_images


def test_the_loss_of_the_second_stage_is_the_objectives_plus_the_penalty(
    tiny_model, tasks, make_context, make_batch
):
    context = make_context(tiny_model(), tasks[:1])
    batch = make_batch([1.0, 2.0], images=torch.randn(2, 3, 16, 16))
    plain = context.objective.loss(context.scores(batch), batch)
    pull = sum(p.double().square().sum() for p in context.model.backbone.parameters())
    assert Strategy().loss(context, batch) == plain
    assert Penalised(None).loss(context, batch) == plain
    torch.testing.assert_close(
        Penalised(0.25).loss(context, batch).double(), plain.double() + 0.25 * pull
    )


def test_a_penalty_is_given_the_features_of_the_batch_with_their_graph(
    tiny_model, tasks, make_context, make_batch
):
    """So that another head's scores of the batch cost no second forward of the network."""
    context = make_context(tiny_model(), tasks[:1])
    batch = make_batch([1.0, 2.0], images=torch.randn(2, 3, 16, 16))
    exact, forwards = context.model.backbone(batch.images), []

    class Looking(Strategy):
        def penalty(self, context, batch, features):
            assert features.requires_grad
            assert torch.equal(features, exact)
            return features.sum() * 0

    context.model.backbone.register_forward_hook(lambda *_: forwards.append(1))
    Looking().loss(context, batch)
    assert len(forwards) == 1


def test_a_heavy_penalty_is_felt(tiny_model, tasks, learn):
    sizes = [
        sum(p.square().sum() for p in learn(Penalised(w), tiny_model(), tasks[:1]).parameters())
        for w in (None, 100.0)
    ]
    assert sizes[1] < sizes[0]


class Lazy(Strategy):
    """Its second phase trains what the first one changed."""

    def phases(self, context):
        before = context.model.heads[context.head].weight.clone()
        first, second = super().phases(context)
        yield first
        self.moved = not torch.equal(context.model.heads[context.head].weight, before)
        yield second


def test_phases_may_depend_on_what_earlier_ones_did(tiny_model, tasks, learn):
    strategy = Lazy()
    learn(strategy, tiny_model(), tasks[:1])
    assert strategy.moved


def test_isolated_tasks_start_from_the_pretrained_values(tiny_model, tasks, make_context):
    strategy, model = OwnsNormalization(), tiny_model()
    strategy.start(model)
    pretrained = model.snapshot()
    for task in tasks:
        head = strategy.begin_stage(model, [task.name])
        assert all(torch.equal(t, pretrained[n]) for n, t in model.backbone.state_dict().items())
        assert torch.equal(model.heads[head].weight, model.initial_head.weight)
        for name in strategy.own(model.backbone):
            model.backbone.state_dict()[name].add_(1.0)  # what learning does
        strategy.end_stage(make_context(model, [task], head=head))
        assert all(torch.equal(t, pretrained[n]) for n, t in model.backbone.state_dict().items())
        for name, tensor in model.parameter_sets[head].items():
            assert torch.equal(tensor, pretrained[name] + 1)


def test_a_stage_begins_with_the_pretrained_values_even_after_one_that_did_not_end(tiny_model):
    """A training that diverged leaves the shared network as it was when it stopped."""
    strategy, model = OwnsNormalization(), tiny_model()
    strategy.start(model)
    pretrained = model.snapshot()
    strategy.begin_stage(model, ["interrupted"])
    model.backbone.layer1.weight.data.add_(1)
    model.backbone.layer2.running_var.add_(1)
    strategy.begin_stage(model, ["next"])
    assert all(torch.equal(t, pretrained[n]) for n, t in model.backbone.state_dict().items())


def test_a_task_trains_the_parameters_it_owns(tiny_model):
    strategy, model = OwnsNormalization(), tiny_model()
    strategy.start(model)
    trainable = set(strategy.trainable(model.backbone))
    assert trainable == {f"layer{i}.{name}" for i in (1, 2) for name in ("weight", "bias")}


def test_an_isolating_method_must_say_what_a_task_owns(tiny_model):
    with pytest.raises(NotImplementedError, match=r"IsolatingStrategy must say which tensors"):
        IsolatingStrategy().start(tiny_model())


def test_state_is_refused_by_a_method_that_keeps_none():
    assert Strategy().state() == {}
    Strategy().load_state({})
    with pytest.raises(KeyError, match=r"MultiHead keeps no state but was given .*omega"):
        MultiHead().load_state({"omega": torch.ones(1)})
