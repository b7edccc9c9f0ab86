"""LIQA: what trains what, what the losses are, and what a stage leaves."""

import copy
import itertools
import math

import pytest
import torch
from cliqa_liqa.strategy import by_own_head
from cliqa_pairwise.config import FidelityConfig
from cliqa_pairwise.fidelity import Fidelity

from cliqa.errors import CapabilityError


def parts(strategy, model):
    """Every part that some phase trains."""
    found = {"backbone": model.backbone}
    found |= {f"head {n}": head for n, head in enumerate(model.heads)}
    if strategy._adversaries is not None:
        generator = strategy._adversaries.generator
        discriminator = strategy._adversaries.discriminator
        found |= {"E_G": generator.embedding, "E_D": discriminator.embedding}
        for j in range(strategy._adversaries.known):
            found |= {
                f"mu, sigma {j}": torch.nn.ParameterList([generator.mean[j], generator.spread[j]]),
                f"G {j}": generator.heads[j],
                f"P {j}": discriminator.quality[j],
                f"Q {j}": discriminator.real[j],
            }
    return found


def stage(strategy, model, tasks, objective, make_context, **settings):
    names = [task.name for task in tasks]
    head = strategy.begin_stage(model, names)
    return make_context(model, tasks, objective=objective, head=head, **settings)


def test_each_part_gets_gradients_in_its_own_phase_and_in_no_other(
    model, tasks, objective, make_context, new_trainer, new_strategy
):
    strategy, trainer = new_strategy(), new_trainer()
    for j, task in enumerate(tasks[:2]):
        context = stage(strategy, model, [task], objective, make_context)
        found = {}
        for phase in strategy.phases(context):
            for part in parts(strategy, model).values():
                part.zero_grad(set_to_none=True)
            trainer.begin(phase, context).train()  # at its end gradients are let go of
            gradients = {
                name: [p.grad for p in part.parameters()]
                for name, part in parts(strategy, model).items()
            }
            found[phase.name] = {
                name for name, own in gradients.items() if any(g is not None for g in own)
            }
            for name in found[phase.name]:  # no part of a network is left out
                assert all(g is not None for g in gradients[name])
                assert any(g.abs().max() > 0 for g in gradients[name])
            trainer.end()
        strategy.end_stage(context)
        assert found == {
            "head": {"head 0"},
            "joint": {"head 0", "backbone"},
            "generator": {"E_G", "E_D", f"mu, sigma {j}", f"G {j}", f"P {j}", f"Q {j}"},
            "auxiliary heads": {f"head {j + 1}"},
        }


def test_what_belongs_to_an_old_distortion_stays_bit_identical(
    model, tasks, objective, learn, new_strategy
):
    strategy, kept = new_strategy(), {}

    def own(strategy):
        mine = parts(strategy, model)
        return {
            name: [t.clone() for t in part.state_dict().values()]
            for name, part in mine.items()
            if name.split()[-1].isdigit() and name != "head 0"
        }

    def after(_, context):
        for name, tensors in own(strategy).items():
            old = kept.setdefault(name, tensors)
            assert all(torch.equal(a, b) for a, b in zip(old, tensors, strict=True)), name

    learn(strategy, model, tasks, objective=objective, after_stage=after)
    assert len(kept) == 3 * 5
    assert model.head_tasks == [("one", "two", "three"), ("one",), ("two",), ("three",)]


def test_the_merge_loss_is_regression_feature_distillation_and_pseudo_replay_written_out(
    model, tasks, objective, learn, make_context, make_batch, disturb, new_strategy
):
    strategy = new_strategy(replay=7.0, feature_distillation=0.3)
    learn(strategy, model, tasks[:2], objective=objective)
    old = model.teacher()
    context = stage(strategy, model, tasks[2:], objective, make_context)
    next(iter(strategy.phases(context)))  # the teacher is there once the stage has begun
    for parameter in (*model.backbone.parameters(), *model.heads[0].parameters()):
        disturb(parameter)
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    batch = make_batch([0.1, 0.2, 0.3, 0.4], images=images)
    model.eval()
    with torch.no_grad():
        torch.manual_seed(5)
        found = strategy.merge_loss(context, batch)
        torch.manual_seed(5)
        from cliqa_liqa.replay import draw

        asked = draw(20, 2, "quality+distortion", torch.device("cpu"))
        pseudo = asked.through(strategy._adversaries.generator)
        now, before = model.backbone(images), old.backbone(images)
        regression = distilled = replayed = 0.0
        for image, quality in enumerate([0.1, 0.2, 0.3, 0.4]):
            regression += (model.heads[0](now[image]).item() - quality) ** 2 / 4
            for entry, entry_before in zip(now[image], before[image], strict=True):
                distilled += (entry.item() - entry_before.item()) ** 2 / 4
        for feature, j in zip(pseudo, asked.distortion.tolist(), strict=True):
            taught = old.heads[1 + j](feature).item()
            replayed += (taught - model.heads[0](feature).item()) ** 2 / 20
    assert found.item() == pytest.approx(regression + 0.3 * distilled + 7 * replayed, rel=1e-4)
    assert min(regression, distilled, replayed) > 1e-6


def test_the_first_stage_is_plain_regression(
    model, tasks, objective, make_context, make_batch, new_strategy
):
    strategy = new_strategy()
    context = stage(strategy, model, tasks[:1], objective, make_context)
    next(iter(strategy.phases(context)))
    batch = make_batch([0.1, 0.9], features=torch.rand(2, model.backbone.feature_dim))
    assert torch.equal(
        strategy.merge_loss(context, batch), objective.loss(context.scores(batch), batch)
    )


def test_a_stage_of_several_distortions_gives_each_a_generator_and_a_head(
    model, tasks, objective, make_context, new_trainer, new_strategy
):
    strategy = new_strategy()
    for part in (tasks[:2], tasks[2:]):
        context = stage(strategy, model, part, objective, make_context)
        for phase in strategy.phases(context):
            new_trainer().run(phase, context)
        strategy.end_stage(context)
    assert strategy._adversaries.known == 3
    assert strategy._names == ["one", "two", "three"]
    assert model.head_tasks == [("one", "two", "three"), ("one",), ("two",), ("three",)]


PHASES = {
    "replay": ["head", "joint", "auxiliary heads"],
    "split_and_merge": ["head", "joint", "generator"],
    "feature_distillation": ["head", "joint", "generator", "auxiliary heads"],
}


@pytest.mark.parametrize("without", list(PHASES))
def test_an_ablation_leaves_out_its_part_and_nothing_else(
    without, model, tasks, objective, learn, new_trainer, new_strategy
):
    trainer = new_trainer()
    strategy = new_strategy(**{without: False if without == "split_and_merge" else 0})
    learn(strategy, model, tasks, objective=objective, trainer=trainer)
    phases = [name for name, _ in itertools.groupby(r["phase"] for r in trainer.records)]
    assert phases == PHASES[without] * 3
    assert all(math.isfinite(record["loss"]) for record in trainer.records)
    assert len(model.heads) == (1 if without == "split_and_merge" else 4)
    assert (strategy._adversaries is None) == (without == "replay")


def test_without_split_and_merge_the_old_single_head_teaches(
    model, tasks, objective, learn, make_context, new_strategy, disturb
):
    strategy = new_strategy(split_and_merge=False)
    learn(strategy, model, tasks[:1], objective=objective)
    context = stage(strategy, model, tasks[1:2], objective, make_context)
    next(iter(strategy.phases(context)))
    torch.manual_seed(0)
    assert strategy.recall_loss(context).item() == 0.0
    for parameter in model.heads[0].parameters():
        disturb(parameter)
    assert strategy.recall_loss(context).item() > 0


def test_a_fresh_instance_given_the_state_goes_on_bit_for_bit_as_the_old_one_would(
    model, tasks, objective, learn, make_context, new_trainer, new_strategy
):
    strategy, fresh = new_strategy(gradient_penalty=1.0), new_strategy(gradient_penalty=1.0)
    learn(strategy, model, tasks[:2], objective=objective)
    saved = {name: tensor.clone() for name, tensor in strategy.state().items()}
    fresh.load_state(saved)
    ends = []
    for instance, own in ((strategy, copy.deepcopy(model)), (fresh, copy.deepcopy(model))):
        context = stage(instance, own, tasks[2:], objective, make_context)
        for phase in instance.phases(context):
            new_trainer().run(phase, context)
        instance.end_stage(context)
        ends.append(own.state_dict() | {f"state/{n}": t for n, t in instance.state().items()})
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(tensor, ends[1][name]) for name, tensor in ends[0].items())
    changed = {n for n, t in saved.items() if not torch.equal(t, ends[0][f"state/{n}"])}
    assert {n.split(".")[0] for n in changed} == {"generator/embedding", "discriminator/embedding"}


def test_before_the_first_stage_there_is_no_state(new_strategy):
    fresh = new_strategy()
    assert fresh.state() == {}
    fresh.load_state({})
    assert fresh.state() == {}


def test_a_seed_gives_the_same_networks_again_and_another_seed_others(
    tiny_model, tasks, objective, learn, new_strategy
):
    def outcome(seed):
        strategy, model = new_strategy(), tiny_model(new_head=objective.new_head)
        learn(strategy, model, tasks[:2], objective=objective, seed=seed)
        return model.state_dict() | strategy.state()

    once, again, other = outcome(0), outcome(0), outcome(1)
    assert all(torch.equal(tensor, again[name]) for name, tensor in once.items())
    for name in (
        "heads.0.first.weight",
        "generator/embedding.0.weight",
        "discriminator/real.0.weight",
    ):
        assert not torch.equal(once[name], other[name])


def test_an_objective_that_learns_from_pairs_is_refused(tiny_backbone, new_strategy, objective):
    with pytest.raises(CapabilityError, match="expected `objective: squared-error`"):
        new_strategy().check(tiny_backbone(), Fidelity(FidelityConfig()))
    new_strategy().check(tiny_backbone(), objective)


def test_scores_by_own_heads_are_those_of_each_feature_alone(tiny_model, objective):
    model = tiny_model(new_head=objective.new_head)
    for name in "abc":
        torch.nn.init.normal_(model.heads[model.add_head([name])].second.weight)
    features = torch.rand(9, model.backbone.feature_dim)
    heads = torch.tensor([2, 0, 1, 1, 2, 0, 0, 2, 1])
    alone = [model.score(h, f[None]).item() for h, f in zip(heads.tolist(), features, strict=True)]
    assert by_own_head(model, features, heads).tolist() == pytest.approx(alone)
