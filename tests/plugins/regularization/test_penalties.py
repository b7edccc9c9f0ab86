"""LwF, SI, MAS and EWC: what they penalise, and by how much."""

import pytest
import torch
from cliqa_pairwise.config import FidelityConfig
from cliqa_pairwise.fidelity import Fidelity
from cliqa_regularization.config import EWCConfig, LwFConfig, MASConfig, SIConfig
from cliqa_regularization.importance import (
    ElasticWeightConsolidation,
    MemoryAwareSynapses,
    mean_over_units,
    units,
)
from cliqa_regularization.strategies import LearningWithoutForgetting
from cliqa_regularization.synaptic import SynapticIntelligence

METHODS = {
    "lwf": lambda: LearningWithoutForgetting(LwFConfig()),
    "si": lambda: SynapticIntelligence(SIConfig()),
    "mas": lambda: MemoryAwareSynapses(MASConfig()),
    "ewc": lambda: ElasticWeightConsolidation(EWCConfig()),
    "ewc, original": lambda: ElasticWeightConsolidation(EWCConfig(online=False)),
}


@pytest.fixture(scope="module")
def tasks(make_task):
    return [make_task(name, 15, seed=i) for i, name in enumerate(("one", "two", "three"))]


@pytest.fixture(scope="module")
def objective():
    return Fidelity(FidelityConfig())


def watched(strategy):
    """The strategy; `penalties` holds every penalty by number of the head being trained."""
    inner, strategy.penalties = strategy.penalty, {}

    def penalty(context, batch, features):
        value = inner(context, batch, features)
        strategy.penalties.setdefault(context.head, []).append(value)
        return value

    strategy.penalty = penalty
    return strategy


@pytest.mark.parametrize("name", METHODS)
def test_the_first_task_has_no_penalty_and_later_ones_a_positive_finite_one(
    name, learn, tiny_model, tasks, objective
):
    strategy = watched(METHODS[name]())
    learn(strategy, tiny_model(new_head=objective.new_head), tasks, objective=objective, epochs=3)
    assert all(value is None for value in strategy.penalties[0])
    for head in (1, 2):
        values = torch.stack(strategy.penalties[head]).detach()
        assert torch.isfinite(values).all()
        assert (values >= -1e-3).all()  # the fidelity of equal probabilities is -1e-4, not 0
        assert values.max() > 1e-6


@pytest.mark.parametrize("name", ["si", "mas", "ewc", "ewc, original"])
def test_a_quadratic_penalty_is_zero_at_its_anchor_and_grows_as_the_square(
    name, learn, tiny_model, tasks, objective, make_context
):
    strategy = METHODS[name]()
    model = tiny_model(new_head=objective.new_head)
    learn(strategy, model, tasks[:1], objective=objective, epochs=2)
    context = make_context(model, tasks[1:2], objective=objective)
    start = {n: p.clone() for n, p in model.backbone.named_parameters()}
    at_anchor = strategy.penalty(context, None, None)
    found = []
    for step in (0.1, 0.2):
        with torch.no_grad():
            for parameter_name, parameter in model.backbone.named_parameters():
                parameter.copy_(start[parameter_name] + step)
        found.append(strategy.penalty(context, None, None).item())
    assert at_anchor.item() == 0.0
    assert found[1] == pytest.approx(4 * found[0], rel=1e-4)
    assert found[0] > 0


@pytest.mark.parametrize(
    ("strategy", "of_pair"),
    [
        (MemoryAwareSynapses(MASConfig()), "mas"),
        (ElasticWeightConsolidation(EWCConfig()), "ewc"),
    ],
)
def test_importances_equal_a_float64_loop_over_single_pairs(
    strategy, of_pair, tiny_model, tasks, objective, make_context
):
    model = tiny_model(new_head=objective.new_head).double()
    context = make_context(model, tasks[:1], objective=objective)
    found = strategy.measure(context)
    expected = {n: torch.zeros_like(p) for n, p in model.backbone.named_parameters()}
    parameters = dict(model.backbone.named_parameters())
    model.backbone.eval().requires_grad_(True)
    model.heads.train()
    count = 0
    for images, quality, std in units(context, None, 1):
        scores = model.heads[0](model.backbone(images[0]))[:, 0][None]
        value = (
            objective.unit_outputs(scores).square()
            if of_pair == "mas"
            else objective.unit_losses(scores, quality, std)
        )
        gradients = torch.autograd.grad(value[0], list(parameters.values()))
        for name, gradient in zip(parameters, gradients, strict=True):
            expected[name] += gradient.abs() if of_pair == "mas" else gradient.square()
        count += 1
    assert count == len(tasks[0].split.train)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value / count, rtol=1e-10, atol=1e-18)


def test_importances_do_not_depend_on_how_many_pairs_are_taken_at_once(
    tiny_model, tasks, objective, make_context
):
    context = make_context(tiny_model(new_head=objective.new_head), tasks[:1], objective=objective)
    found = [
        mean_over_units(context, objective.unit_losses, torch.square, EWCConfig(chunk=chunk))
        for chunk in (1, 4, 100)
    ]
    for name, value in found[0].items():
        torch.testing.assert_close(found[1][name], value, rtol=1e-4, atol=1e-12)
        torch.testing.assert_close(found[2][name], value, rtol=1e-4, atol=1e-12)


def test_measuring_importances_leaves_the_model_as_it_is(
    tiny_model, tasks, objective, make_context
):
    model = tiny_model(new_head=objective.new_head)
    before = {n: t.clone() for n, t in model.state_dict().items()}
    context = make_context(model, tasks[:1], objective=objective)
    MemoryAwareSynapses(MASConfig()).measure(context)
    assert all(torch.equal(t, model.state_dict()[n]) for n, t in before.items())


def test_importances_of_tasks_add_up_with_decay(tiny_model, tasks, objective, learn):
    measured = []

    class Watched(ElasticWeightConsolidation):
        def measure(self, context):
            measured.append(super().measure(context))
            return measured[-1]

    strategy = Watched(EWCConfig(decay=0.5))
    learn(strategy, tiny_model(new_head=objective.new_head), tasks, objective=objective)
    for name, omega in strategy.importance.items():
        one, two, three = (m[name] for m in measured)
        torch.testing.assert_close(omega, 0.25 * one + 0.5 * two + three)


def test_the_original_penalty_is_half_the_sum_over_all_tasks(
    tiny_model, tasks, objective, learn, make_context
):
    strategy = ElasticWeightConsolidation(EWCConfig(online=False, weight=7.0))
    model = tiny_model(new_head=objective.new_head)
    learn(strategy, model, tasks[:2], objective=objective)
    context = make_context(model, tasks[2:], objective=objective)
    expected = sum(
        (omega * (dict(model.backbone.named_parameters())[name] - anchor[name]) ** 2).sum()
        for importance, anchor in strategy._tasks
        for name, omega in importance.items()
    )
    found = strategy.penalty(context, None, None)
    torch.testing.assert_close(found, 3.5 * expected)
    assert len(strategy._tasks) == 2


def test_the_path_integral_is_the_sum_of_minus_gradient_times_step(
    tiny_model, tasks, objective, learn
):
    steps = []

    class Watched(SynapticIntelligence):
        def _accumulate(self, held):
            before = {n: t.clone() for n, t in self._before.items()}
            steps.append({n: -(p.grad * (p.detach() - before[n])) for n, p in held.items()})
            super()._accumulate(held)

    strategy = Watched(SIConfig(damping=0.1))
    model = tiny_model(new_head=objective.new_head)
    start = {n: p.detach().clone() for n, p in model.backbone.named_parameters()}
    learn(strategy, model, tasks[:1], objective=objective, epochs=3)
    end = dict(model.backbone.named_parameters())
    assert len(steps) == 3 * 2  # three epochs of two steps: none in the warm-up
    for name, omega in strategy.importance.items():
        path = sum(step[name] for step in steps)
        moved = (end[name].detach() - start[name]).square()
        torch.testing.assert_close(omega, (path / (moved + 0.1)).clamp_min(0.0))


def test_lwf_distils_every_old_head_from_the_model_at_the_start_of_stage_two(
    tiny_model, tasks, objective, learn
):
    found = []

    class Watched(LearningWithoutForgetting):
        def penalty(self, context, batch, features):
            value = super().penalty(context, batch, features)
            if value is not None:
                teacher = self._teacher
                with torch.no_grad():
                    old = teacher.backbone(batch.images)
                expected = sum(
                    objective.distillation(
                        context.model.score(h, features), teacher.score(h, old), batch
                    )
                    for h in range(context.head)
                )
                found.append((value.detach(), 10 * expected.detach(), context.head))
            return value

    model = tiny_model(new_head=objective.new_head)
    learn(Watched(LwFConfig()), model, tasks, objective=objective, epochs=2)
    assert {head for *_, head in found} == {1, 2}
    for value, expected, _ in found:
        torch.testing.assert_close(value, expected)


@pytest.mark.parametrize("name", ["si", "mas", "ewc", "ewc, original"])
def test_the_state_restores_the_penalty(
    name, learn, tiny_model, tasks, objective, make_context, disturb
):
    strategy, copy = METHODS[name](), METHODS[name]()
    model = tiny_model(new_head=objective.new_head)
    learn(strategy, model, tasks[:2], objective=objective)
    copy.load_state(strategy.state())
    context = make_context(model, tasks[2:], objective=objective)
    for parameter in model.backbone.parameters():
        disturb(parameter)
    expected = strategy.penalty(context, None, None)
    assert expected > 0
    assert torch.equal(copy.penalty(context, None, None), expected)


@pytest.mark.parametrize("name", METHODS)
def test_a_penalty_keeps_old_heads_closer_to_what_they_were_than_fine_tuning_does(
    name, learn, tiny_model, tasks, objective, cpu
):
    from cliqa_baselines.strategies import MultiHeadFineTuning

    def drift(strategy):
        """Change of the first head's score differences on the second task's images."""
        kept = []

        def keep(stage, context):
            kept.append(
                cpu.over_images(
                    tasks[1].images,
                    tasks[1].split.train,
                    context.model.backbone,
                    lambda images: context.model.eval().head_scores(images, [0]),
                )
            )

        # Group normalization: running statistics would move old heads whatever is penalised.
        model = tiny_model("group", new_head=objective.new_head)
        learn(
            strategy,
            model,
            tasks[:2],
            objective=objective,
            after_stage=keep,
            epochs=6,
            select="last",
        )
        return (kept[1] - kept[0]).var().item()

    held = METHODS[name]()
    held.config = held.config.model_copy(update={"weight": held.config.weight * 10})
    assert drift(held) < drift(MultiHeadFineTuning())
