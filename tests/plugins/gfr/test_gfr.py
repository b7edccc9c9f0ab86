"""Generative feature replay: what trains what, what is replayed, and what a stage leaves."""

import copy
import math

import pytest
import torch
from cliqa_gfr.config import GFRConfig
from cliqa_gfr.strategy import GenerativeFeatureReplay
from cliqa_pairwise.config import FidelityConfig
from cliqa_pairwise.fidelity import Fidelity
from cliqa_regression.config import SquaredErrorConfig
from cliqa_regression.objective import SquaredError

SMALL = {
    "copies": 2,
    "generator_epochs": 2,
    "generator_batch_size": 8,
    "discriminator_steps": 2,
    "replay_size": 20,
    "latent": 4,
    "hidden": 8,
}


@pytest.fixture(scope="module")
def tasks(make_task):
    return [make_task(name, 15, seed=i) for i, name in enumerate(("one", "two", "three"))]


@pytest.fixture(scope="module")
def objective():
    return SquaredError(SquaredErrorConfig(hidden=5))


@pytest.fixture
def model(tiny_model, objective):
    return tiny_model(new_head=objective.new_head)


def new_strategy(**settings):
    return GenerativeFeatureReplay(GFRConfig(**(SMALL | settings)))


def parts(strategy, model):
    """The four networks and whether each has got a gradient."""
    found = {"backbone": model.backbone, "head": model.heads[0]}
    if strategy.replay is not None:
        found |= {
            "generator": strategy.replay.generator,
            "discriminator": strategy.replay.discriminator,
        }
    return found


def test_each_part_gets_a_gradient_in_its_own_phase_and_in_no_other(
    model, tasks, objective, make_context, new_trainer
):
    strategy, trainer = new_strategy(), new_trainer()
    for task in tasks[:2]:
        head = strategy.begin_stage(model, [task.name])
        context = make_context(model, [task], objective=objective, head=head)
        found = {}
        for phase in strategy.phases(context):
            for network in parts(strategy, model).values():
                network.zero_grad(set_to_none=True)
            trainer.begin(phase, context).train()  # at its end gradients are let go of
            found[phase.name] = {
                name
                for name, network in parts(strategy, model).items()
                if any(p.grad is not None for p in network.parameters())
            }
            for name in found[phase.name]:  # no part of a network is left out
                gradients = [p.grad for p in parts(strategy, model)[name].parameters()]
                assert all(g is not None for g in gradients)
                assert any(g.abs().max() > 0 for g in gradients)
            trainer.end()
        assert found == {
            "head": {"head"},
            "joint": {"head", "backbone"},
            "generator": {"generator", "discriminator"},
        }


def test_a_phase_moves_no_tensor_of_the_other_side(
    model, tasks, objective, make_context, new_trainer
):
    strategy, trainer = new_strategy(), new_trainer()

    def tensors(*modules):
        return [t.clone() for module in modules for t in module.state_dict().values()]

    for task in tasks[:2]:
        head = strategy.begin_stage(model, [task.name])
        context = make_context(model, [task], objective=objective, head=head)
        for phase in strategy.phases(context):
            still = model if phase.name == "generator" else strategy.replay
            before = tensors(still) if still is not None else []
            trainer.run(phase, context)
            after = tensors(still) if still is not None else []
            assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_only_later_tasks_are_penalised_and_nothing_old_is_held_between_stages(
    model, tasks, objective, learn
):
    strategy, found = new_strategy(), {}
    inner = strategy.penalty

    def penalty(context, batch, features):
        value = inner(context, batch, features)
        found.setdefault(context.tasks[0].name, []).append(value)
        return value

    def between(stage, context):
        assert strategy._teacher is None
        assert strategy._old is None

    strategy.penalty = penalty
    learn(strategy, model, tasks, objective=objective, after_stage=between)
    assert model.head_tasks == [("one", "two", "three")]
    assert all(value is None for value in found["one"])
    for name in ("two", "three"):
        values = torch.stack(found[name]).detach()
        assert torch.isfinite(values).all()
        assert values.max() > 0


def test_the_penalty_is_head_distillation_on_generated_and_feature_distillation_on_real_images(
    model, tasks, objective, learn, make_context, disturb, make_batch
):
    strategy = new_strategy(replay_weight=7.0, distillation_weight=0.3)
    learn(strategy, model, tasks[:1], objective=objective)
    old = model.teacher()
    context = make_context(model, tasks[1:2], objective=objective, head=0)
    phases = iter(strategy.phases(context))
    next(phases)  # the teacher is there once the stage has begun
    for parameter in model.parameters():
        disturb(parameter)
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    batch = make_batch([0.1, 0.2, 0.3, 0.4], images=images)
    with torch.no_grad():
        features = model.eval().backbone(images)
        torch.manual_seed(5)
        found = strategy.penalty(context, batch, features)
        torch.manual_seed(5)
        made, _ = strategy.replay.draw(20)
        replayed = sum(
            (model.heads[0](h[None]) - old.heads[0](h[None])).item() ** 2 for h in made
        ) / len(made)
        distances = (features - old.backbone(images)).double()
    distilled = sum(value**2 for row in distances.tolist() for value in row) / len(images)
    assert found.item() == pytest.approx(7.0 * replayed + 0.3 * distilled, rel=1e-4)
    assert min(replayed, distilled) > 0


@pytest.mark.parametrize("kind", ["squared error", "fidelity"])
def test_every_loss_of_every_phase_is_finite(
    kind, tiny_model, tasks, objective, learn, new_trainer
):
    objective = Fidelity(FidelityConfig()) if kind == "fidelity" else objective
    trainer = new_trainer()
    learn(
        new_strategy(),
        tiny_model(new_head=objective.new_head),
        tasks,
        objective=objective,
        trainer=trainer,
    )
    assert [r["phase"] for r in trainer.records] == ["head", "joint", *["generator"] * 2] * 3
    assert all(math.isfinite(record["loss"]) for record in trainer.records)


def test_a_fresh_instance_given_the_state_goes_on_bit_for_bit_as_the_old_one_would(
    model, tasks, objective, learn, make_context, new_trainer
):
    strategy, fresh = new_strategy(), new_strategy()
    learn(strategy, model, tasks[:2], objective=objective)
    saved = {name: tensor.clone() for name, tensor in strategy.state().items()}
    fresh.load_state(saved)
    ends = []
    for instance, own in ((strategy, copy.deepcopy(model)), (fresh, copy.deepcopy(model))):
        head = instance.begin_stage(own, ["three"])
        context = make_context(own, tasks[2:], objective=objective, head=head)
        trainer = new_trainer()
        for phase in instance.phases(context):
            trainer.run(phase, context)
        ends.append(own.state_dict() | {f"state/{n}": t for n, t in instance.state().items()})
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(tensor, ends[1][name]) for name, tensor in ends[0].items())
    changed = {n for n, t in saved.items() if not torch.equal(t, ends[0][f"state/{n}"])}
    assert {n.partition(".")[0] for n in changed} == {"generator", "discriminator", "tasks"}


def test_before_the_first_stage_there_is_no_state():
    fresh = new_strategy()
    assert fresh.state() == {}
    fresh.load_state({})
    assert fresh.replay is None


def test_a_seed_gives_the_same_networks_again_and_another_seed_others(
    tiny_model, tasks, objective, learn
):
    def outcome(seed):
        strategy, model = new_strategy(), tiny_model(new_head=objective.new_head)
        learn(strategy, model, tasks[:2], objective=objective, seed=seed)
        return model.state_dict() | strategy.state()

    once, again, other = outcome(0), outcome(0), outcome(1)
    assert all(torch.equal(tensor, again[name]) for name, tensor in once.items())
    for name in ("heads.0.first.weight", "generator.layers.0.weight", "discriminator.plain.weight"):
        assert not torch.equal(once[name], other[name])


def test_a_stage_of_several_tasks_counts_them_all(
    model, tasks, objective, make_context, new_trainer
):
    strategy = new_strategy()
    context = make_context(model, tasks[:2], objective=objective)
    for phase in strategy.phases(context):
        new_trainer().run(phase, context)
    assert strategy.replay.tasks.item() == 2
    assert strategy._adversaries(strategy.replay, 1).alignment == pytest.approx(2 * 0.128)
    once = new_strategy(alignment_by_tasks=False)
    assert once._adversaries(strategy.replay, 1).alignment == pytest.approx(0.128)
