"""LwF, SI, MAS and EWC with one head for all tasks: the network is held as a whole."""

import pytest
import torch
from cliqa_baselines.config import FineTuningConfig
from cliqa_baselines.strategies import fine_tuning
from cliqa_regression.config import SquaredErrorConfig
from cliqa_regression.objective import SquaredError
from cliqa_regularization.config import EWCConfig, LwFConfig, MASConfig, SIConfig
from cliqa_regularization.importance import ElasticWeightConsolidation, MemoryAwareSynapses, units
from cliqa_regularization.strategies import LearningWithoutForgetting
from cliqa_regularization.synaptic import SynapticIntelligence

QUADRATIC = {
    "si": lambda: SynapticIntelligence(SIConfig(heads="single", weight=100)),
    "mas": lambda: MemoryAwareSynapses(MASConfig(heads="single")),
    "ewc": lambda: ElasticWeightConsolidation(EWCConfig(heads="single", weight=5000)),
    "ewc, a term a task": lambda: ElasticWeightConsolidation(
        EWCConfig(heads="single", weight=5000, online=False)
    ),
}
METHODS = QUADRATIC | {
    "lwf": lambda: LearningWithoutForgetting(LwFConfig(heads="single", weight=1)),
}


@pytest.fixture(scope="module")
def tasks(make_task):
    return [make_task(name, 15, seed=i) for i, name in enumerate(("one", "two", "three"))]


@pytest.fixture(scope="module")
def objective():
    return SquaredError(SquaredErrorConfig(hidden=5))


@pytest.fixture
def model(tiny_model, objective):
    return tiny_model("group", new_head=objective.new_head)


def parameters(model):
    """What is held, by the names it is held by."""
    return dict(model.backbone.named_parameters()) | {
        f"head:{name}": p for name, p in model.heads[0].named_parameters()
    }


@pytest.mark.parametrize("warmup_epochs", [0, 1])
@pytest.mark.parametrize("name", METHODS)
def test_every_step_after_the_first_task_is_penalised_those_of_the_head_alone_too(
    name, learn, model, tasks, objective, warmup_epochs
):
    strategy, found = METHODS[name](), []
    inner = strategy.penalty

    def penalty(context, batch, features):
        value = inner(context, batch, features)
        if value is not None:
            assert context.tasks[0].name != "one"
            found.append(value.item())
        return value

    strategy.penalty = penalty
    learn(strategy, model, tasks, objective=objective, epochs=2, warmup_epochs=warmup_epochs)
    assert not strategy.multi_head
    assert model.head_tasks == [("one", "two", "three")]
    assert len(found) == 2 * (2 * 2 + warmup_epochs * 2)  # two steps an epoch, two later tasks
    assert all(0 <= value < float("inf") for value in found)
    assert max(found) > 0


@pytest.mark.parametrize("name", QUADRATIC)
def test_the_penalty_equals_a_float64_loop_over_backbone_and_head(
    name, learn, model, tasks, objective, make_context, disturb
):
    strategy = QUADRATIC[name]()
    learn(strategy, model, tasks[:2], objective=objective)
    context = make_context(model, tasks[2:], objective=objective, head=0)
    for parameter in parameters(model).values():
        disturb(parameter)
    state = {n: t.double() for n, t in strategy.state().items()}
    pairs = {  # importance -> anchor; tasks are numbered where each has its own
        n: n.replace("importance", "anchor") for n in state if "importance" in n.partition("/")[0]
    }
    assert {n.partition("/")[2] for n in pairs} == set(parameters(model))
    expected = 0.0
    for importance, anchor in pairs.items():
        now = parameters(model)[importance.partition("/")[2]].double()
        flat = (t.flatten().tolist() for t in (state[importance], state[anchor], now))
        expected += sum(omega * (a - b) ** 2 for omega, a, b in zip(*flat, strict=True))
    expected *= strategy.config.weight * (0.5 if "term" in name else 1)
    found = strategy.penalty(context, None, None).item()
    assert found == pytest.approx(expected, rel=1e-4)
    assert found > 0


@pytest.mark.parametrize("name", ["si", "mas", "ewc"])
def test_the_penalty_is_zero_at_its_anchor_and_not_where_only_the_head_has_moved(
    name, learn, model, tasks, objective, make_context, disturb
):
    strategy = QUADRATIC[name]()
    learn(strategy, model, tasks[:2], objective=objective)
    context = make_context(model, tasks[2:], objective=objective, head=0)
    assert strategy.penalty(context, None, None).item() == 0.0
    for parameter in model.heads[0].parameters():
        disturb(parameter)
    assert strategy.penalty(context, None, None).item() > 0


@pytest.mark.parametrize("name", ["mas", "ewc"])
def test_importances_equal_a_float64_loop_over_single_images_of_all_tasks_of_the_stage(
    name, tiny_model, tasks, objective, make_context
):
    model = tiny_model(new_head=objective.new_head).double()
    context = make_context(model, tasks[:2], objective=objective)
    found = QUADRATIC[name]().measure(context)
    held = parameters(model)
    model.eval().requires_grad_(True)
    expected = {n: torch.zeros_like(p) for n, p in held.items()}
    seen = 0
    for images, quality, _ in units(context, None, 1):
        assert images.shape[:2] == (1, 1)  # one image a unit
        score = model.heads[0](model.backbone(images[0]))[0, 0]
        value = score**2 if name == "mas" else (score - quality[0, 0]) ** 2
        gradients = torch.autograd.grad(value, list(held.values()))
        for parameter_name, g in zip(held, gradients, strict=True):
            expected[parameter_name] += g.abs() if name == "mas" else g**2
        seen += 1
    assert seen == len(tasks[0].split.train) + len(tasks[1].split.train)
    assert set(found) == set(expected)
    for parameter_name, value in expected.items():
        torch.testing.assert_close(found[parameter_name], value / seen, rtol=1e-9, atol=1e-18)


def test_the_path_of_si_runs_through_backbone_and_head_and_through_the_warm_up(
    model, tasks, objective, learn
):
    steps = []

    class Watched(SynapticIntelligence):
        def _accumulate(self, held):
            steps.append(
                {
                    n: -(p.grad * (p.detach() - self._before[n]))
                    for n, p in held.items()
                    if p.grad is not None
                }
            )
            super()._accumulate(held)

    strategy = Watched(SIConfig(heads="single", damping=0.1))
    model.add_head([])
    start = {n: p.detach().clone() for n, p in parameters(model).items()}
    learn(strategy, model, tasks[:1], objective=objective, epochs=3)
    end = parameters(model)
    assert [len(step) == len(end) for step in steps] == [False] * 2 + [True] * 6
    assert set(strategy.importance) == set(end)
    for name, omega in strategy.importance.items():
        path = sum(step[name] for step in steps if name in step)
        moved = (end[name].detach() - start[name]).square()
        torch.testing.assert_close(omega, (path / (moved + 0.1)).clamp_min(0.0))


def test_lwf_distils_the_head_that_the_stage_before_left(model, tasks, objective, learn):
    found, left = [], {}

    class Watched(LearningWithoutForgetting):
        def penalty(self, context, batch, features):
            value = super().penalty(context, batch, features)
            if value is not None:
                for name, tensor in self._teacher.state_dict().items():
                    assert torch.equal(tensor, left[name])
                with torch.no_grad():
                    old = features if batch.images is None else left["net"](batch.images)
                    target = left["head"](old)[:, 0]
                error = context.model.score(0, features) - target
                found.append((value.item(), 3 * error.square().mean().item()))
            return value

    def keep(stage, context):
        copy = context.model.teacher()
        left.update(copy.state_dict() | {"net": copy.backbone, "head": copy.heads[0]})

    learn(
        Watched(LwFConfig(heads="single", weight=3)),
        model,
        tasks,
        objective=objective,
        epochs=2,
        after_stage=keep,
    )
    assert len(found) == 2 * 3 * 2  # two later tasks, a warm-up and two epochs, two steps each
    for value, expected in found:
        assert value == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", QUADRATIC)
def test_the_state_restores_the_penalty_on_the_head(
    name, learn, model, tasks, objective, make_context, disturb
):
    strategy, copy = QUADRATIC[name](), QUADRATIC[name]()
    learn(strategy, model, tasks[:2], objective=objective)
    copy.load_state(strategy.state())
    context = make_context(model, tasks[2:], objective=objective, head=0)
    for parameter in model.heads[0].parameters():
        disturb(parameter)
    expected = strategy.penalty(context, None, None)
    assert expected > 0
    assert torch.equal(copy.penalty(context, None, None), expected)


@pytest.mark.parametrize("online", [True, False])
def test_the_half_stands_in_front_of_one_term_a_task_and_elsewhere_when_asked_for(
    online, learn, model, tasks, objective, make_context, disturb
):
    strategy = ElasticWeightConsolidation(EWCConfig(heads="single", online=online))
    learn(strategy, model, tasks[:2], objective=objective)
    context = make_context(model, tasks[2:], objective=objective, head=0)
    for parameter in model.heads[0].parameters():
        disturb(parameter)
    found = {}
    for halved in (None, True, False):
        strategy.config = EWCConfig(heads="single", online=online, halved=halved)
        found[halved] = strategy.penalty(context, None, None).item()
    assert found[True] == 0.5 * found[False] > 0
    assert found[None] == found[not online]


@pytest.mark.parametrize("name", METHODS)
def test_a_penalty_keeps_old_scores_closer_to_what_they_were_than_fine_tuning_does(
    name, learn, tiny_model, tasks, objective, cpu
):
    def drift(strategy):
        """Mean squared change of the scores of the second task's images."""
        kept = []

        def keep(stage, context):
            context.model.eval()
            kept.append(
                cpu.over_images(
                    tasks[1].images,
                    tasks[1].split.train,
                    context.model.backbone,
                    lambda images: context.model.head_scores(images, [0]),
                )
            )

        model = tiny_model("group", new_head=objective.new_head)
        settings = {"epochs": 6, "select": "last", "warmup_epochs": 0}
        learn(strategy, model, tasks[:2], objective=objective, after_stage=keep, **settings)
        return (kept[1] - kept[0]).square().mean().item()

    held = METHODS[name]()
    held.config = held.config.model_copy(update={"weight": held.config.weight * 10})
    assert drift(held) < drift(fine_tuning(FineTuningConfig()))
