"""Checks of what strategies remember, declare and draw."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from cliqa.testing.checks import Check, behaviour, fail, require
from cliqa.testing.comparing import differing
from cliqa.testing.holdings import held_images, held_tasks
from cliqa.testing.learning import start
from cliqa.testing.material import OBJECTIVES, new_model
from cliqa.testing.trained import created, objectives_of, watched
from cliqa.testing.words import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa.testing.subject import Subject

#: Bytes of state that are never too many.
_SMALL = 8192
#: How often a method may store all that it trains, for each stage: online EWC stores it twice.
_COPIES = 4


def checks() -> Iterator[Check]:
    """The checks, in the order in which they are made."""
    yield behaviour(state_holds_tensors)
    yield behaviour(state_gives_everything_back)
    yield behaviour(state_is_of_reasonable_size)
    yield behaviour(kept_images_are_declared)
    yield behaviour(same_seed_same_training)
    yield behaviour(another_seed_another_training)
    yield behaviour(stopped_run_goes_on_to_the_same_result)


def state_holds_tensors(subject: Subject) -> None:
    """`state` is a dictionary of tensors by name, without graph and not those of the model."""
    learned = watched(subject)
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


def state_gives_everything_back(subject: Subject) -> None:
    """A new strategy that is given `state` and the old tasks is all that the old one was."""
    from cliqa.resume import NotWholeError, TensorPool, put_back, take

    learned = watched(subject)
    subject.blocked("state-holds-tensors", lambda: state_holds_tensors(subject))
    objective = OBJECTIVES[objectives_of(subject)[0]]()
    saved = take(learned.model, learned.strategy, TensorPool())
    model, strategy = new_model(objective), created(subject)
    start(strategy, model)
    try:
        put_back(saved, model, strategy, learned.tasks)
    except NotWholeError as error:
        fail(f"{error}. A run that is cut off would go on without it, and nobody would be told")


def state_is_of_reasonable_size(subject: Subject) -> None:
    """What it stores is at most four times what it trains, for each stage."""
    learned = watched(subject)
    model = sum(t.numel() * t.element_size() for t in learned.model.backbone.state_dict().values())
    for number, stage in enumerate(learned.stages, 1):
        trained = model + max((phase.outside for phase in stage.phases), default=0)
        allowed = _COPIES * trained * number + _SMALL
        state = learned.state()
        largest = sorted(state, key=lambda n: -state[n].numel())
        require(
            stage.state_bytes <= allowed,
            f"`state` takes {stage.state_bytes:,} bytes after stage {number}; what it trains takes "
            f"{trained:,}. The largest is {listed(largest)}: keep no per-step history, images or "
            "features in it",
        )


def kept_images_are_declared(subject: Subject) -> None:
    """Images that it keeps when a stage is over are counted in `exemplars`."""
    strategy = watched(subject).strategy
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
    first, again = watched(subject).digests(), watched(subject, again=True).digests()
    other = differing(first, again)
    require(
        not other,
        f"{listed(sorted(other))} differs between two trainings under the same seed. Something is "
        "drawn without a seed, or read from the clock, a set's order or the process: draw from "
        "`cliqa.seeds.named_rng(context.seed, ...)`",
    )


def another_seed_another_training(subject: Subject) -> None:
    """Under another seed training gives other tensors, and nothing is seeded with a constant."""
    first, other = watched(subject), watched(subject, seed=1)
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

    watched(subject)
    subject.blocked("state-holds-tensors", lambda: state_holds_tensors(subject))
    config = config_of(subject, objectives_of(subject)[0])
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
