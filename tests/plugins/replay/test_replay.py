"""Replay: a bounded memory, and what is learned from it."""

import pytest
import torch
from cliqa_pairwise.config import FidelityConfig
from cliqa_pairwise.fidelity import Fidelity
from cliqa_replay.config import DistillationReplayConfig, ReplayConfig
from cliqa_replay.memory import Memory
from cliqa_replay.strategies import DistillationReplay, ExperienceReplay

from cliqa.seeds import named_rng


@pytest.fixture(scope="module")
def tasks(make_task):
    return [make_task(name, 20, seed=i) for i, name in enumerate(("one", "two", "three"))]


@pytest.fixture(scope="module")
def objective():
    return Fidelity(FidelityConfig())


def test_the_memory_holds_equally_many_of_each_task_and_never_more_than_its_size(tasks):
    memory, before = Memory(size=11), []
    for count, task in enumerate(tasks, start=1):
        memory.add(task, seed=0)
        rows = memory.kept
        assert {len(own) for own in rows} == {11 // count}
        assert len(memory) <= 11
        for own, learned in zip(rows, tasks, strict=False):
            assert set(own) <= set(learned.split.train)
        # What was given up is never used again.
        for kept, earlier in zip(rows, before, strict=False):
            assert kept == earlier[: len(kept)]
        before = rows


def test_a_task_smaller_than_its_quota_is_remembered_whole(tasks):
    memory = Memory(size=1000)
    memory.add(tasks[0], seed=0)
    assert sorted(memory.kept[0]) == sorted(tasks[0].split.train)


def losses_of(strategy, learn, tiny_model, tasks, objective):
    """Every (batch, head number) that stage 2 saw."""
    seen = []
    inner = strategy.loss

    def loss(context, batch):
        value = inner(context, batch)
        seen.append((context, batch, value))
        return value

    strategy.loss = loss
    learn(strategy, tiny_model(new_head=objective.new_head), tasks, objective=objective, epochs=2)
    return seen


@pytest.mark.parametrize(
    "strategy",
    [
        lambda: ExperienceReplay(ReplayConfig(memory=8)),
        lambda: DistillationReplay(DistillationReplayConfig(memory=8)),
    ],
)
def test_only_remembered_images_of_old_tasks_are_seen_again(
    strategy, learn, tiny_model, tasks, objective
):
    strategy = strategy()
    for context, batch, _ in losses_of(strategy, learn, tiny_model, tasks, objective):
        current = {task.sample_ids[r] for task in context.tasks for r in task.split.train}
        old = [s for s, t in zip(batch.sample_ids, batch.task.tolist(), strict=True) if t > 0]
        assert current.isdisjoint(old)
        remembered = {
            task.sample_ids[row]
            for task in strategy.memory.tasks
            for row in named_rng(0, "memory", task.name).permutation(task.split.train)[:8]
        }
        assert set(old) <= remembered
        assert bool(old) == (context.head > 0)
    assert strategy.exemplars == 3 * (8 // 3)


def test_the_loss_is_the_tasks_own_plus_that_of_the_old_task_whose_turn_it_is(
    learn, tiny_model, tasks, objective, make_context
):
    strategy = ExperienceReplay(ReplayConfig(memory=8, weight=3.0))
    model = tiny_model(new_head=objective.new_head)
    learn(strategy, model, tasks[:2], objective=objective)
    context = make_context(model, tasks[2:], objective=objective)
    *_, joint = strategy.phases(context)
    model.eval()
    batch = joint.batches.batch(0, 0)
    scores = [model.score(head, model.backbone(batch.images)) for head in range(3)]
    parts = [batch.task == number for number in (0, 1, 2)]
    # Number 0 is the current task (head 2); 1 and 2 are the memory's (heads 0 and 1).
    own = objective.loss(scores[2][parts[0]], batch.select(parts[0]))
    (head,) = (h for h in (0, 1) if parts[h + 1].any())
    old = objective.loss(scores[head][parts[head + 1]], batch.select(parts[head + 1]))
    torch.testing.assert_close(strategy.loss(context, batch), own + 3 * old)


def test_distillation_asks_the_old_model_instead_of_the_labels(
    learn, tiny_model, tasks, objective, make_context, disturb
):
    strategy = DistillationReplay(DistillationReplayConfig(memory=8))
    model = tiny_model(new_head=objective.new_head)
    learn(strategy, model, tasks[:1], objective=objective)
    context = make_context(model, tasks[1:2], objective=objective)
    *_, joint = strategy.phases(context)
    batch = joint.batches.batch(0, 0)
    model.backbone.eval()
    model.heads.train()
    features = context.forward(batch)
    own = batch.task == 1
    agreed = strategy._memory_loss(context, 0, features, batch, own)
    assert agreed.item() == pytest.approx(0.0, abs=2e-4)
    for parameter in model.backbone.parameters():
        disturb(parameter)
    moved = strategy._memory_loss(context, 0, context.forward(batch), batch, own)
    assert moved > agreed


def test_the_mixed_batches_run_through_the_whole_memory(
    learn, tiny_model, tasks, objective, make_context
):
    strategy = ExperienceReplay(ReplayConfig(memory=12))
    model = tiny_model(new_head=objective.new_head)
    learn(strategy, model, tasks[:2], objective=objective)
    context = make_context(model, tasks[2:], objective=objective)
    *_, joint = strategy.phases(context)
    seen = set()
    for epoch in range(3):
        for step in range(joint.batches.steps):
            batch = joint.batches.batch(epoch, step)
            seen |= {s for s, t in zip(batch.sample_ids, batch.task.tolist(), strict=True) if t > 0}
    assert len(seen) == 12
