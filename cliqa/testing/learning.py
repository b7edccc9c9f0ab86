"""A strategy on a stream of generated pictures, watched at every step."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from cliqa.seeds import named_seed
from cliqa.testing.checks import fail
from cliqa.testing.comparing import differing, digests
from cliqa.testing.material import CPU, generated_task, new_model, schedule
from cliqa.testing.seen import Learned, PenaltySeen, PhaseSeen, StageSeen
from cliqa.training import Phase, TaskContext, Trainer
from cliqa.training.trainer import trained_outside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from cliqa.data import Task
    from cliqa.model import QualityModel
    from cliqa.training import Objective, Strategy, Update

__all__ = ["check_phase", "context_of", "learn", "phases_of", "start"]


def learn(
    create: Callable[[], Strategy],
    objective: Objective,
    names: Sequence[str] = ("one", "two"),
    *,
    seed: int = 0,
    **settings: object,
) -> Learned:
    """Train a strategy as a run does.

    Args:
        create: makes the strategy.
        objective: what is learned.
        names: of the tasks, in order.
        seed: the run's seed; the model is the same whatever it is, before the strategy starts.
        settings: of the schedule.
    """
    tasks = [generated_task(name) for name in names]
    learned = Learned(create(), new_model(objective), tasks)
    strategy, model = learned.strategy, learned.model
    with learned.seeding:
        _watch_penalty(learned)
        start(strategy, model, seed)
        for stage in strategy.stages([(t,) for t in range(len(tasks))]):
            here = tuple(tasks[t] for t in stage.tasks)
            known = len(model.heads)
            _seed(seed, here, "begin")
            context = context_of(strategy, model, objective, stage, here, seed, **settings)
            seen = StageSeen(context.head, list(range(known, len(model.heads))))
            learned.stages.append(seen)
            _phases(strategy, context, seen)
            before = _statistics(model)
            parameters = _parameters(model)
            _seed(seed, here, "end")
            strategy.end_stage(context)
            if parameters == _parameters(model):  # else the method puts other tensors in place
                seen.moved += differing(before, _statistics(model))
            _end(learned, seen)
    return learned


def start(strategy: Strategy, model: QualityModel, seed: int = 0) -> None:
    """As the runner does: what a strategy adds to the network is a function of the run's seed."""
    torch.manual_seed(named_seed(seed, "start"))
    strategy.start(model)


def context_of(
    strategy: Strategy,
    model: QualityModel,
    objective: Objective,
    stage: Any,
    tasks: tuple[Task, ...],
    seed: int = 0,
    **settings: object,
) -> TaskContext:
    """Begin a stage: what its phases are given."""
    head = strategy.begin_stage(model, [task.name for task in tasks])
    if type(head) is not int or not 0 <= head < len(model.heads):
        fail(
            f"`begin_stage` returned {head!r}, and the model has {len(model.heads)} head(s); "
            "return the number of the head to train, as `model.add_head(tasks)` gives it"
        )
    return TaskContext(
        model=model,
        objective=objective,
        stage=stage,
        tasks=tasks,
        head=head,
        config=schedule(**settings),
        compute=CPU,
        seed=seed,
    )


def _phases(strategy: Strategy, context: TaskContext, seen: StageSeen) -> None:
    trainer = Trainer(log=lambda record: None, progress=lambda count: None)  # noqa: ARG005
    phases = phases_of(strategy, context)
    number = 0
    while True:
        _seed(context.seed, context.tasks, f"phase {number}")
        before, parameters = _statistics(context.model), _parameters(context.model)
        phase = next(phases, None)
        if parameters == _parameters(context.model):
            seen.moved += differing(before, _statistics(context.model))
        if phase is None:
            return
        check_phase(phase)
        watched = PhaseSeen(phase.name, phase.norm_statistics == "frozen")
        seen.phases.append(watched)
        before = _statistics(context.model)
        trainer.run(_watched(phase, context.model, watched), context)
        watched.moved = differing(before, _statistics(context.model))
        outside = trained_outside(phase, context.model)
        watched.outside = sum(t.numel() * t.element_size() for t in outside)
        number += 1


def phases_of(strategy: Strategy, context: TaskContext) -> Iterator[Phase]:
    """The phases of a stage; fail unless they can be gone through."""
    found = strategy.phases(context)
    if not isinstance(found, Iterable):
        fail(
            f"`phases` returned {found!r}, expected phases to go through: is a `return` missing, "
            "or a `yield from`?"
        )
    return iter(found)


def check_phase(phase: object) -> None:
    """Fail unless it is a phase that can be trained."""
    if not isinstance(phase, Phase):
        fail(
            f"`phases` gave a {type(phase).__name__}, expected `cliqa.training.Phase`; "
            "`two_stage(context, ...)` makes the usual two"
        )
    if not phase.updates or not all(update.parameters for update in phase.updates):
        fail(
            f"phase `{phase.name}` has nothing to train: `updates` is empty, or one of its groups "
            "names no parameter"
        )


def _watched(phase: Phase, model: QualityModel, seen: PhaseSeen) -> Phase:
    names = {id(p): name for name, p in model.named_parameters()}
    for update in phase.updates:
        for number, parameter in enumerate(update.parameters):
            names.setdefault(id(parameter), f"{update.name or phase.name} parameter {number}")
            seen.reached[names[id(parameter)]] = False

    def after(update: Update) -> None:
        for parameter in update.parameters:
            if parameter.grad is not None and bool(parameter.grad.any()):
                seen.reached[names[id(parameter)]] = True
        if update.after_step is not None:
            update.after_step()

    def loss(update: Update, batch: Any) -> Tensor:
        value = update.loss(batch)
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            fail(
                f"phase `{phase.name}`: its loss is {_briefly(value)}, expected a tensor of one "
                "number: is a `return` missing, or a `mean()`?"
            )
        return value

    updates = tuple(
        dataclasses.replace(update, loss=partial(loss, update), after_step=partial(after, update))
        for update in phase.updates
    )
    return dataclasses.replace(phase, updates=updates)


def _briefly(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return f"a tensor {tuple(value.shape)}"
    return repr(value)


def _watch_penalty(learned: Learned) -> None:
    strategy = learned.strategy
    original = strategy.penalty

    def penalty(*args: Any, **kwargs: Any) -> Tensor | None:
        value = original(*args, **kwargs)
        if value is not None:
            stage, tensor = len(learned.stages) - 1, torch.as_tensor(value)
            if tensor.numel() != 1:
                fail(f"`penalty` is {_briefly(tensor)}, expected one number: is a `sum()` missing?")
            seen = PenaltySeen(stage, float(tensor.detach()), tensor.requires_grad)
            learned.penalties.append(seen)
        return value

    strategy.penalty = penalty  # type: ignore[method-assign]


def _end(learned: Learned, seen: StageSeen) -> None:
    model = learned.model.eval()
    images = _images(learned.tasks, model)
    with torch.no_grad():
        seen.scores = model.head_scores(images, range(len(model.heads)))
    seen.digests = model.head_digests()
    seen.state_bytes = sum(t.numel() * t.element_size() for t in learned.state().values())


def _images(tasks: Sequence[Task], model: QualityModel) -> Tensor:
    from cliqa.model import to_input

    by_name = sorted(tasks, key=lambda task: task.name)  # the same images in every order
    views = [task.images.read(row) for task in by_name for row in task.split.test]
    return to_input(views, model.backbone, CPU.device)


def _seed(seed: int, tasks: tuple[Task, ...], place: str) -> None:
    """As the runner does: what is drawn between phases is a function of the place."""
    torch.manual_seed(named_seed(seed, "between", "+".join(t.name for t in tasks), place))


def _statistics(model: QualityModel) -> dict[str, str]:
    return digests(model.backbone.named_buffers())


def _parameters(model: QualityModel) -> dict[str, str]:
    return digests(model.backbone.named_parameters())
