"""Checks of trackers."""

from __future__ import annotations

import math
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cliqa.testing.checks import Check, CheckSkipped, api, behaviour, fail, not_reached, require
from cliqa.testing.comparing import differing
from cliqa.testing.elsewhere import elsewhere, files_in
from cliqa.testing.fresh import ask_about
from cliqa.testing.tracked import LINES, Life
from cliqa.testing.words import listed
from cliqa.tracking import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa.testing.subject import Subject


def checks(kind: str) -> Iterator[Check]:  # noqa: ARG001 (it has one kind)
    """The checks, in the order in which they are made."""
    yield api(is_a_tracker)
    yield api(making_it_is_light)
    yield behaviour(says_what_is_missing)
    yield behaviour(follows_a_run)
    yield behaviour(writes_nothing_before_start)
    yield behaviour(writes_only_into_its_folder)
    yield behaviour(close_writes_what_is_held)
    yield behaviour(takes_every_ending)
    yield behaviour(goes_on_after_an_interruption)
    yield behaviour(remembers_text)
    yield behaviour(runs_do_not_mix)
    yield behaviour(leaves_the_process_alone)


def _new(subject: Subject) -> Tracker:
    return subject.instance(Tracker, "is-a-tracker")


@dataclass
class _Seen:
    """One run, told from its beginning to its end.

    Attributes:
        life: the run.
        early: what was written by making the tracker.
        outside: what was written anywhere else than in its folder.
        changed: what was changed of the process.
    """

    life: Life
    early: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


def _followed(subject: Subject) -> _Seen:
    def follow() -> _Seen:
        with elsewhere() as here:
            seen = _Seen(Life(lambda: _new(subject), here / "out" / "ft"))
            before, process = files_in(here), _process()
            _new(subject)
            seen.early = differing(before, files_in(here))
            seen.life.attempt(len(LINES), "finished")
            own = f"{seen.life.folder.relative_to(here).as_posix()}/"
            changed = differing(before, files_in(here))
            seen.outside = [name for name in changed if not f"{name}/".startswith(own)]
            seen.changed = differing(process, _process())
            return seen

    return subject.once("followed", follow)


def _watched(subject: Subject) -> _Seen:
    """As `_followed`; that it follows a run at all is the business of another check."""
    return subject.blocked("follows-a-run", lambda: _followed(subject))


def _process() -> dict[str, Any]:
    """What belongs to the run, and is the whole process's."""
    import numpy as np
    import torch

    return {
        "the random numbers of torch": torch.get_rng_state().numpy().tobytes(),
        "the random numbers of numpy": str(np.random.get_state(legacy=False)),
        "torch's default type": torch.get_default_dtype(),
        "torch's number of threads": torch.get_num_threads(),
        "torch's gradients": torch.is_grad_enabled(),
        "torch's deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "how numpy treats errors": np.geterr(),
        "the working folder": Path.cwd(),
        "the handlers of signals": [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)],
    }


def is_a_tracker(subject: Subject) -> None:
    """Its factory makes a `cliqa.tracking.Tracker` whose `wait` is a number of seconds."""
    made = subject.blocked("is-made", subject.made)
    require(
        isinstance(made, Tracker),
        f"its factory made a {type(made).__name__}; derive the class from "
        "`cliqa.tracking.Tracker`, whose methods may all be left as they are",
    )
    wait = made.wait
    require(
        isinstance(wait, int | float) and math.isfinite(wait) and wait >= 0,
        f"`wait` is {wait!r}; expected how many seconds a run that is done waits for it",
    )


def _asked(subject: Subject, question: str) -> Any:
    try:
        subject.made()
    except CheckSkipped:
        pass  # what it needs may be missing: that is what is asked about
    except Exception:
        not_reached("is-made")
    with elsewhere() as here:
        return ask_about(subject, question, folder=str(here / "out" / "ft"))


def making_it_is_light(subject: Subject) -> None:
    """Making it imports neither torch nor the library of the program: `start` does that."""
    loaded = _asked(subject, "making")
    require(
        not loaded,
        f"making it imports {listed(loaded)}, at {next(iter(loaded.values()), [''])[0]}. It is "
        "made to see whether it can work, before the run has set up anything: ask with "
        "`cliqa.tracking.require`, and import inside `start`",
    )


def says_what_is_missing(subject: Subject) -> None:
    """Where a package of an extra is not installed, making it says what to install."""
    found = _asked(subject, "alone")
    if found["made"]:
        require(
            not found["told"],
            f"where only cliqa and what its own distribution asks for is installed, it is made, "
            f"and then fails in a run that has begun: {found['told']}. Ask for the package in "
            "`__init__`: cliqa.tracking.require(PACKAGE, EXTRA, NAME)",
        )
        return
    require(
        found["message_for_the_user"] and "install" in found["said"],
        f"without its package it says: {found['said']}. Leave that to "
        "cliqa.tracking.require(PACKAGE, EXTRA, NAME) in `__init__`, and import the package "
        "inside `start`",
    )


def follows_a_run(subject: Subject) -> None:
    """It takes all that a run tells, in a thread that is not the run's, and raises nothing."""
    _followed(subject)


def writes_nothing_before_start(subject: Subject) -> None:
    """Nothing is written by making it: it is made, and perhaps never told anything."""
    early = _watched(subject).early
    require(not early, f"making it writes {listed(early)}; do that in `start`")


def writes_only_into_its_folder(subject: Subject) -> None:
    """All files that it writes are in `TrackedRun.folder`, none in the result nor beside it."""
    outside = _watched(subject).outside
    require(
        not outside,
        f"it writes {listed(outside)} in the folder where the command was called; the only place "
        "for files is `run.folder`, which it makes itself. The result beside it is only read: its "
        "files have sums, and no tracker is part of them",
    )


def close_writes_what_is_held(subject: Subject) -> None:
    """When `close` has returned, its files hold all there is."""
    held = _watched(subject).life.held
    require(
        not held,
        f"{listed(held)} changes after `close`, when the object goes: flush and close it in "
        "`close`, or a process that ends now loses it",
    )


def takes_every_ending(subject: Subject) -> None:
    """A run may be interrupted or fail, in its middle or before its first epoch."""
    _watched(subject)
    with elsewhere() as here:
        for number, (lines, ending) in enumerate(
            ((4, "interrupted"), (4, "failed"), (0, "interrupted"), (0, "failed"))
        ):
            life = Life(lambda: _new(subject), here / f"out-{number}" / "ft")
            life.attempt(lines, ending)  # type: ignore[arg-type]


def goes_on_after_an_interruption(subject: Subject) -> None:
    """A new one takes up an interrupted or killed run, whether or not it remembers the old one."""
    _watched(subject)
    with elsewhere() as here:
        life = Life(lambda: _new(subject), here / "out" / "ft")
        life.attempt(5, None)
        life.attempt(5, "interrupted", known=4)
        life.attempt(len(LINES), "finished", known=5)
        life.attempt(len(LINES), "finished", known=len(LINES))  # killed when it was all but done
        life.memory = {}  # its file is damaged, or the run starts over in the same folder
        life.attempt(len(LINES), "finished")


def remembers_text(subject: Subject) -> None:
    """What it gives to `TrackedRun.remember` are text values by name."""
    for values in _watched(subject).life.remembered:
        wrong = [f"{k}: {v!r}" for k, v in dict(values).items() if not _is_text(k, v)]
        require(
            not wrong,
            f"`remember` is given {listed(wrong)}; the next attempt reads text, so write it as "
            "text and take it apart there",
        )


def _is_text(key: object, value: object) -> bool:
    return isinstance(key, str) and isinstance(value, str)


def runs_do_not_mix(subject: Subject) -> None:
    """What it writes of one run is not changed by another, tracked after it in the same process."""
    _watched(subject)
    with elsewhere() as here:
        first, second = (Life(lambda: _new(subject), here / "out" / n) for n in ("ft", "ewc"))
        first.attempt(len(LINES), "finished")
        before = files_in(first.folder)
        second.attempt(len(LINES), "finished")
        changed, here_too = differing(before, files_in(first.folder)), files_in(second.folder)
    if changed or (before and not here_too):
        where = f"changes {listed(changed)} of" if changed else "writes nothing, after"
        fail(
            f"a second run's tracker {where} the first one. Methods that are compared are tracked "
            "in one process: keep what is open in the object, not in the class or the module"
        )


def leaves_the_process_alone(subject: Subject) -> None:
    """It draws no random number of torch or numpy, and changes no option that is the process's."""
    changed = _watched(subject).changed
    require(
        not changed,
        f"it changes {', '.join(changed)}, and with it the run that it only watches; draw names "
        "from `secrets` or `uuid`, and leave the process as it is",
    )
