"""Checks of strategies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch

from cliqa.errors import CapabilityError
from cliqa.registry import did_you_mean
from cliqa.testing.checks import Check, CheckFailedError, api, behaviour, fail, require, skip
from cliqa.testing.kinds import strategy_state
from cliqa.testing.learning import check_phase, context_of, phases_of, start
from cliqa.testing.material import OBJECTIVES, generated_task, new_model, tiny_backbone
from cliqa.testing.trained import created, learned_by, objectives_of, watched
from cliqa.testing.words import crash, listed
from cliqa.training import IsolatingStrategy, Strategy, TaskContext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa.testing.seen import Learned
    from cliqa.testing.subject import Subject


def checks(kind: str) -> Iterator[Check]:  # noqa: ARG001 (it has one kind)
    """The checks, in the order in which they are made."""
    yield api(is_a_strategy)
    yield api(takes_an_objective)
    yield api(begins_with_a_head)
    yield api(trainable_names_exist)
    yield api(gives_phases)
    yield behaviour(learns_a_stream)
    yield behaviour(gradients_reach_what_is_trained)
    yield behaviour(every_head_is_trained)
    yield behaviour(frozen_statistics_stand_still)
    yield behaviour(statistics_move_only_in_phases)
    yield behaviour(isolated_tasks_stay_as_they_were)
    yield behaviour(isolated_tasks_ignore_their_order)
    yield behaviour(penalty_is_finite_and_not_negative)
    yield behaviour(penalty_is_zero_at_its_anchor)
    yield behaviour(penalty_acts_in_the_second_stage)
    yield from strategy_state.checks()


def is_a_strategy(subject: Subject) -> None:
    """Its factory makes a `cliqa.training.Strategy`."""
    made = subject.blocked("is-made", subject.made)
    require(
        isinstance(made, Strategy),
        f"its factory made a {type(made).__name__}; derive the class from "
        "`cliqa.training.Strategy`, which as it stands is plain fine-tuning",
    )


def takes_an_objective(subject: Subject) -> None:
    """`check` refuses what it cannot work with by `CapabilityError`, and nothing else."""
    for objective in OBJECTIVES.values():
        strategy = created(subject)
        try:
            strategy.check(tiny_backbone(), objective())
        except CapabilityError:
            continue
        except Exception as error:
            raise CheckFailedError(
                f"in `check` {crash(error, subject)}. If it cannot work with what it is given, "
                "raise `cliqa.errors.CapabilityError`, which the user reads as a message"
            ) from error


def begins_with_a_head(subject: Subject) -> None:
    """`begin_stage` returns the number of a head that the model has."""
    _begun(subject)


def _begun(subject: Subject) -> tuple[Strategy, TaskContext]:
    objective = OBJECTIVES[objectives_of(subject)[0]]()
    strategy, model, task = created(subject), new_model(objective), generated_task("one")
    start(strategy, model)
    stage = strategy.stages([(0,)])[0]
    return strategy, context_of(strategy, model, objective, stage, (task,))


def trainable_names_exist(subject: Subject) -> None:
    """`trainable` names only parameters that the backbone lets train."""
    strategy, context = subject.blocked("begins-with-a-head", lambda: _begun(subject))
    known, names = context.model.backbone.learnable(), strategy.trainable(context.model.backbone)
    if not isinstance(names, Iterable):
        fail(f"`trainable` returned {names!r}, expected names: is a `return` missing?")
    wrong = [name for name in names if name not in known]
    if wrong:
        near = did_you_mean(wrong[0], known)
        fail(
            f"`trainable` names {listed(wrong)}, which is not in `backbone.learnable()`.{near} "
            "Names are those of `backbone.named_parameters()`, without `backbone.` before them; "
            "running statistics are not parameters"
        )


def gives_phases(subject: Subject) -> None:
    """`phases` gives `Phase` objects, each with parameters to train."""
    strategy, context = subject.blocked("begins-with-a-head", lambda: _begun(subject))
    subject.blocked("trainable-names-exist", lambda: trainable_names_exist(subject))
    phase = next(phases_of(strategy, context), None)
    require(phase is not None, "`phases` gave nothing, so nothing is trained; `return` or `yield`?")
    check_phase(phase)


def learns_a_stream(subject: Subject) -> None:
    """It learns two tasks, from pairs and from single scores, and every loss is finite."""
    subject.blocked("gives-phases", lambda: gives_phases(subject))
    for objective in objectives_of(subject):
        learned_by(subject, objective=objective)


def gradients_reach_what_is_trained(subject: Subject) -> None:
    """In every phase a gradient that is not 0 reaches every parameter that it trains."""
    for number, stage in enumerate(watched(subject).stages, 1):
        for phase in stage.phases:
            missed = [name for name, reached in phase.reached.items() if not reached]
            require(
                not missed,
                f"stage {number}, phase `{phase.name}`: no gradient ever reaches {listed(missed)}. "
                "The loss does not depend on it: a `detach()` or `no_grad()` too many, a head that "
                "the loss does not use, or a parameter that should not be in the phase",
            )


def every_head_is_trained(subject: Subject) -> None:
    """Every head that a stage adds is trained in that stage, or in one before the last."""
    learned = watched(subject)
    model = learned.model
    initial = model.initial_head.state_dict()
    for number, stage in enumerate(learned.stages, 1):
        for head in stage.new_heads:
            now = model.heads[head].state_dict()
            require(
                any(not torch.equal(now[name], initial[name]) for name in initial),
                f"head {head}, added in stage {number}, ends as it began: no phase trains "
                f"`model.heads[{head}]`. A head must be trained by the phases of the stage that "
                "adds it; an optimiser made before does not know it",
            )


def frozen_statistics_stand_still(subject: Subject) -> None:
    """In a phase with `norm_statistics: frozen` no running statistic moves."""
    for number, stage in enumerate(watched(subject).stages, 1):
        for phase in stage.phases:
            require(
                not (phase.frozen and phase.moved),
                f"stage {number}, phase `{phase.name}` moves {listed(phase.moved)} although its "
                "statistics are frozen: its loss puts the network into training mode. Leave "
                "`train()` and `eval()` to the trainer",
            )


def statistics_move_only_in_phases(subject: Subject) -> None:
    """Between phases, and when a stage ends, no running statistic of the network moves."""
    for number, stage in enumerate(watched(subject).stages, 1):
        require(
            not stage.moved,
            f"stage {number}: {listed(stage.moved)} moves outside the phases: something is "
            "measured with the network in training mode. Measure with `model.eval()`, or with a "
            "copy",
        )


def _isolating(subject: Subject) -> Learned:
    if not isinstance(created(subject), IsolatingStrategy):
        skip("its tasks share tensors: it is no `IsolatingStrategy`")
    return watched(subject)


def isolated_tasks_stay_as_they_were(subject: Subject) -> None:
    """A strategy that isolates tasks leaves task k bit for bit as it is when it learns k+1."""
    learned = _isolating(subject)
    first, last = learned.stages[0], learned.stages[-1]
    head = first.head
    require(
        first.digests[head] == last.digests[head],
        f"head {head} depends on other tensors after the second task than after the first. "
        "`own` does not name everything that training changes, or `end_stage` does not call "
        "super().end_stage(context). Running statistics of shared layers move, too: own them, or "
        'give phases with norm_statistics="frozen"',
    )
    assert first.scores is not None and last.scores is not None  # noqa: S101, PT018
    require(
        torch.equal(first.scores[:, head], last.scores[:, head]),
        f"head {head} scores the same images differently after the second task; something outside "
        "the backbone's own tensors is shared",
    )


def isolated_tasks_ignore_their_order(subject: Subject) -> None:
    """A strategy that isolates tasks learns a task the same wherever it comes in the stream."""
    learned = _isolating(subject)
    other = watched(subject, names=("two", "one"))
    mine, theirs = learned.stages[1], other.stages[0]
    require(
        mine.digests[mine.head] == theirs.digests[theirs.head],
        "the second task ends with other tensors than if it comes first: it does not start from "
        "the pre-trained values. `begin_stage` must call super().begin_stage(model, tasks)",
    )


def _penalties(subject: Subject) -> Iterator[tuple[str, Learned]]:
    """With frozen statistics, so that an unchanged network gives unchanged outputs."""
    found = [
        (name, watched(subject, objective=name, norm_statistics="frozen"))
        for name in objectives_of(subject)
    ]
    if not any(learned.penalties for _, learned in found):
        skip("it adds no `penalty`")
    yield from found


def penalty_is_finite_and_not_negative(subject: Subject) -> None:
    """`penalty` is finite and not negative, at every step."""
    for objective, learned in _penalties(subject):
        for seen in learned.penalties:
            require(
                0 <= seen.value < float("inf"),
                f"learning from {objective}, stage {seen.stage + 1}: `penalty` is {seen.value:g}. "
                "A negative one is a reward for leaving the old tasks: look for a sign, or for "
                "importances that can be negative",
            )


def penalty_is_zero_at_its_anchor(subject: Subject) -> None:
    """`penalty` is 0 at the first step of the second stage, where nothing has moved yet."""
    for objective, learned in _penalties(subject):
        values = [seen.value for seen in learned.penalties if seen.stage == 1]
        if values:
            require(
                values[0] <= 1e-4 * max(values) or max(values) == 0,
                f"learning from {objective}: `penalty` is {values[0]:g} before the second task has "
                f"changed anything (at most {max(values):g} later). The anchor or the old model is "
                "not what the last stage ended with: it is stored too early, is a reference "
                "instead of a copy, or is compared in another mode",
            )


def penalty_acts_in_the_second_stage(subject: Subject) -> None:
    """`penalty` is not 0 while a second task is learned, and the network feels it."""
    for objective, learned in _penalties(subject):
        second = [seen for seen in learned.penalties if seen.stage == 1]
        require(
            any(seen.value > 0 for seen in second),
            f"learning from {objective}: `penalty` is {'0 throughout' if second else 'None'} in "
            "the second stage, so nothing holds the first task. Importances that are all 0, an "
            "anchor that moves along, or a distillation that says nothing for this objective",
        )
        require(
            any(seen.differentiable for seen in second),
            f"learning from {objective}: `penalty` carries no gradient, so it changes the loss and "
            "not the network; compute it from parameters or `features` without detach() or item()",
        )
