"""Checks of strategies."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from cliqa.errors import CapabilityError
from cliqa.registry import did_you_mean
from cliqa.testing.checks import Check, CheckFailedError, api, behaviour, fail, require, skip
from cliqa.testing.holdings import held_images, held_tasks
from cliqa.testing.learning import Learned, check_phase, context_of, learn
from cliqa.testing.material import OBJECTIVES, generated_task, new_model, tiny_backbone
from cliqa.testing.words import listed
from cliqa.training import IsolatingStrategy, Strategy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa.testing.subject import Subject

#: Bytes of state that are never too many.
_SMALL = 8192
#: How often a method may store all that it trains, for each stage: online EWC stores it twice.
_COPIES = 4


def checks(kind: str) -> Iterator[Check]:  # noqa: ARG001 (it has one kind)
    """The checks, in the order in which they are made."""
    yield api(is_a_strategy)
    yield api(takes_an_objective)
    yield api(begins_with_a_head)
    yield api(trainable_names_exist)
    yield api(gives_phases)
    yield behaviour(learns_a_stream)
    yield behaviour(state_holds_tensors)
    yield behaviour(gradients_reach_what_is_trained)
    yield behaviour(every_head_is_trained)
    yield behaviour(frozen_statistics_stand_still)
    yield behaviour(statistics_move_only_in_phases)
    yield behaviour(isolated_tasks_stay_as_they_were)
    yield behaviour(isolated_tasks_ignore_their_order)
    yield behaviour(penalty_is_finite_and_not_negative)
    yield behaviour(penalty_is_zero_at_its_anchor)
    yield behaviour(penalty_acts_in_the_second_stage)
    yield behaviour(state_gives_everything_back)
    yield behaviour(state_is_of_reasonable_size)
    yield behaviour(kept_images_are_declared)
    yield behaviour(same_seed_same_training)
    yield behaviour(another_seed_another_training)
    yield behaviour(stopped_run_goes_on_to_the_same_result)


def _create(subject: Subject) -> Strategy:
    made = subject.create()
    if not isinstance(made, Strategy):
        skip("not reached: `is-a-strategy` fails")
    return made


def _objectives(subject: Subject) -> list[str]:
    """The kit's objectives that it takes."""

    def find() -> list[str]:
        refused = {}
        for name, objective in OBJECTIVES.items():
            try:
                _create(subject).check(tiny_backbone(), objective())
            except CapabilityError as error:
                refused[name] = str(error)
        if len(refused) == len(OBJECTIVES):
            skip(f"it refuses the network or the objectives of this kit: {refused['scores']}")
        return [name for name in OBJECTIVES if name not in refused]

    return subject.blocked("takes-an-objective", lambda: subject.once("objectives", find))


def _learned(subject: Subject, **options: object) -> Learned:
    """It on two tasks; trained once for all checks."""
    options = {"objective": _objectives(subject)[0], **options}
    key = str(options)
    name = str(options.pop("objective"))
    options.pop("again", None)  # it is in the key: a training of its own

    def make() -> Learned:
        return learn(lambda: _create(subject), OBJECTIVES[name](), **options)  # type: ignore[arg-type]

    return subject.once(key, make)


def _seen(subject: Subject, **options: object) -> Learned:
    return subject.blocked("learns-a-stream", lambda: _learned(subject, **options))


def is_a_strategy(subject: Subject) -> None:
    """Its factory makes a `cliqa.training.Strategy`."""
    made = subject.blocked("is-made", subject.create)
    require(
        isinstance(made, Strategy),
        f"its factory made a {type(made).__name__}; derive the class from "
        "`cliqa.training.Strategy`, which as it stands is plain fine-tuning",
    )


def takes_an_objective(subject: Subject) -> None:
    """`check` refuses what it cannot work with by `CapabilityError`, and nothing else."""
    for objective in OBJECTIVES.values():
        try:
            _create(subject).check(tiny_backbone(), objective())
        except CapabilityError:
            continue
        except Exception as error:
            raise CheckFailedError(
                f"`check` raised {type(error).__name__}: {error}. Raise "
                "`cliqa.errors.CapabilityError`, which the user reads as a message"
            ) from error


def begins_with_a_head(subject: Subject) -> None:
    """`begin_stage` returns the number of a head that the model has."""
    _begun(subject)


def _begun(subject: Subject) -> tuple[Strategy, object]:
    objective = OBJECTIVES[_objectives(subject)[0]]()
    strategy, model, task = _create(subject), new_model(objective), generated_task("one")
    strategy.start(model)
    stage = strategy.stages([(0,)])[0]
    return strategy, context_of(strategy, model, objective, stage, (task,))


def trainable_names_exist(subject: Subject) -> None:
    """`trainable` names only parameters that the backbone lets train."""
    strategy, context = subject.blocked("begins-with-a-head", lambda: _begun(subject))
    known = context.model.backbone.learnable()  # type: ignore[attr-defined]
    wrong = [n for n in strategy.trainable(context.model.backbone) if n not in known]  # type: ignore[attr-defined]
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
    phase = next(iter(strategy.phases(context)), None)  # type: ignore[arg-type]
    require(phase is not None, "`phases` gave nothing, so nothing is trained; `return` or `yield`?")
    check_phase(phase)


def learns_a_stream(subject: Subject) -> None:
    """It learns two tasks, from pairs and from single scores, and every loss is finite."""
    for objective in _objectives(subject):
        _learned(subject, objective=objective)


def state_holds_tensors(subject: Subject) -> None:
    """`state` is a dictionary of tensors by name, without graph and not those of the model."""
    learned = _seen(subject)
    state = learned.strategy.state()
    require(isinstance(state, dict), f"`state` returned a {type(state).__name__}, expected a dict")
    wrong = [str(n) for n, t in state.items() if not isinstance(t, torch.Tensor)]
    require(
        not wrong,
        f"`state` holds {listed(wrong)}, which is no tensor; write numbers as torch.tensor(...), "
        "and what a setting says not at all",
    )
    graph = [n for n, t in state.items() if t.requires_grad]
    require(not graph, f"{listed(graph)} of `state` carries a graph; store `.detach()`")
    own = {t.untyped_storage().data_ptr() for t in learned.model.tensors().values() if t.numel()}
    shared = [n for n, t in state.items() if t.numel() and t.untyped_storage().data_ptr() in own]
    require(
        not shared,
        f"{listed(shared)} of `state` is the model's own tensor, so the next stage overwrites it; "
        "store `.detach().clone()`",
    )


def gradients_reach_what_is_trained(subject: Subject) -> None:
    """In every phase a gradient that is not 0 reaches every parameter that it trains."""
    for number, stage in enumerate(_seen(subject).stages, 1):
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
    learned = _seen(subject)
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
    for number, stage in enumerate(_seen(subject).stages, 1):
        for phase in stage.phases:
            require(
                not (phase.frozen and phase.moved),
                f"stage {number}, phase `{phase.name}` moves {listed(phase.moved)} although its "
                "statistics are frozen: its loss puts the network into training mode. Leave "
                "`train()` and `eval()` to the trainer",
            )


def statistics_move_only_in_phases(subject: Subject) -> None:
    """Between phases, and when a stage ends, no running statistic of the network moves."""
    for number, stage in enumerate(_seen(subject).stages, 1):
        require(
            not stage.moved,
            f"stage {number}: {listed(stage.moved)} moves outside the phases: something is "
            "measured with the network in training mode. Measure with `model.eval()`, or with a "
            "copy",
        )


def _isolating(subject: Subject) -> Learned:
    if not isinstance(_create(subject), IsolatingStrategy):
        skip("its tasks share tensors: it is no `IsolatingStrategy`")
    return _seen(subject)


def isolated_tasks_stay_as_they_were(subject: Subject) -> None:
    """A strategy that isolates tasks leaves task k bit for bit as it is when it learns k+1."""
    learned = _isolating(subject)
    first, last = learned.stages[0], learned.stages[-1]
    head = first.head
    require(
        first.digests[head] == last.digests[head],
        f"head {head} depends on other tensors after the second task than after the first. "
        "`own` does not name everything that training changes (running statistics?), or "
        "`end_stage` does not call super().end_stage(context)",
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
    other = _seen(subject, names=("two", "one"))
    mine, theirs = learned.stages[1], other.stages[0]
    require(
        mine.digests[mine.head] == theirs.digests[theirs.head],
        "the second task ends with other tensors than if it comes first: it does not start from "
        "the pre-trained values. `begin_stage` must call super().begin_stage(model, tasks)",
    )


def _penalties(subject: Subject) -> Iterator[tuple[str, Learned]]:
    """With frozen statistics, so that an unchanged network gives unchanged outputs."""
    found = [
        (name, _seen(subject, objective=name, norm_statistics="frozen"))
        for name in _objectives(subject)
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


def state_gives_everything_back(subject: Subject) -> None:
    """A new strategy that is given `state` and the old tasks is all that the old one was."""
    from cliqa.resume import NotWholeError, TensorPool, put_back, take

    learned = _seen(subject)
    objective = OBJECTIVES[_objectives(subject)[0]]()
    saved = take(learned.model, learned.strategy, TensorPool())
    model, strategy = new_model(objective), _create(subject)
    strategy.start(model)
    try:
        put_back(saved, model, strategy, learned.tasks)
    except NotWholeError as error:
        fail(f"{error}. A run that is cut off would go on without it, and nobody would be told")


def state_is_of_reasonable_size(subject: Subject) -> None:
    """What it stores is at most four times what it trains, for each stage."""
    learned = _seen(subject)
    model = sum(t.numel() * t.element_size() for t in learned.model.backbone.state_dict().values())
    for number, stage in enumerate(learned.stages, 1):
        trained = model + max((phase.outside for phase in stage.phases), default=0)
        allowed = _COPIES * trained * number + _SMALL
        state = learned.strategy.state()
        largest = sorted(state, key=lambda n: -state[n].numel())
        require(
            stage.state_bytes <= allowed,
            f"`state` takes {stage.state_bytes:,} bytes after stage {number}; what it trains takes "
            f"{trained:,}. The largest is {listed(largest)}: keep no per-step history, images or "
            "features in it",
        )


def kept_images_are_declared(subject: Subject) -> None:
    """Images that it keeps when a stage is over are counted in `exemplars`."""
    strategy = _seen(subject).strategy
    declared = strategy.exemplars
    require(
        isinstance(declared, int) and declared >= 0,
        f"`exemplars` is {declared!r}; expected the number of images that it keeps",
    )
    kept = held_images({"": strategy, "state()": strategy.state()})
    total = sum(kept.values())
    require(
        total <= declared,
        f"it keeps {total} image(s), in {listed(kept)}, and `exemplars` says {declared}. Results "
        "say how many old images a method sees: count them, or drop them in `end_stage`",
    )
    tasks = held_tasks(strategy)
    require(
        declared or not tasks,
        f"{listed(tasks)} still holds a task with all its images, and `exemplars` says 0. Drop it "
        "in `end_stage` (a stored context holds its tasks), or count the images that are used",
    )


def same_seed_same_training(subject: Subject) -> None:
    """Trained twice under one seed it gives the same tensors, bit for bit."""
    first, again = _seen(subject).digests(), _seen(subject, again=True).digests()
    other = [name for name in {**first, **again} if first.get(name) != again.get(name)]
    require(
        not other,
        f"{listed(sorted(other))} differs between two trainings under the same seed. Something is "
        "drawn without a seed, or read from the clock, a set's order or the process: draw from "
        "`cliqa.seeds.named_rng(context.seed, ...)`",
    )


def another_seed_another_training(subject: Subject) -> None:
    """Under another seed training gives other tensors, and nothing is seeded with a constant."""
    first, other = _seen(subject), _seen(subject, seed=1)
    fixed = first.seeding.calls.keys() & other.seeding.calls.keys()
    for function, seed in sorted(fixed):
        fail(
            f"{function}({seed}) at {first.seeding.calls[function, seed]}, whatever the run's seed "
            "says: runs over several seeds would not be several. Draw from "
            "`cliqa.seeds.named_rng(context.seed, ...)`"
        )
    require(
        first.digests() != other.digests(),
        "training under another seed gives the same tensors: `context.seed` does not reach the "
        "batches. Hand it to the batch source, as `two_stage` does",
    )


def stopped_run_goes_on_to_the_same_result(subject: Subject) -> None:
    """A run that is stopped in its second stage goes on to the same bytes as one that is not."""
    from cliqa.run import BuiltDatasets
    from cliqa.testing.whole_run import RESULTS, config_of, go

    _seen(subject)
    config = config_of(subject, _objectives(subject)[0])
    with tempfile.TemporaryDirectory(prefix="cliqa-check-") as folder:
        whole, cut, datasets = Path(folder, "whole"), Path(folder, "cut"), BuiltDatasets()
        steps = go(config, whole, datasets)
        go(config, cut, datasets, stop_at=steps - 1)
        go(config, cut, datasets)
        other = [n for n in RESULTS if (whole / n).read_bytes() != (cut / n).read_bytes()]
    require(
        not other,
        f"{listed(other)} differs from an uninterrupted run's. Something that later steps depend "
        "on is neither in `state` nor made anew by `phases`: a counter or cache in a local "
        "variable, a closure, or the module",
    )
