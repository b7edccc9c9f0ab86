"""What a tracker is told, and what it may rely on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["Ending", "TrackedRun", "Tracker"]

#: How a run ended. One that is not `finished` may be gone on with.
Ending: TypeAlias = Literal["finished", "interrupted", "failed"]


def _say_nothing(text: str) -> None:
    """Nobody listens."""


def _forget(values: Mapping[str, str]) -> None:
    """Nothing is kept."""


@dataclass(frozen=True)
class TrackedRun:
    """One method's run, as a tracker sees it.

    Attributes:
        name: what to call it beside other runs: `GROUP/METHOD`.
        group: the name of the whole run's folder; methods trained beside each other share it.
        method: the method's label.
        bundle: folder of its result, which a tracker only reads.
        folder: where the tracker may write; no part of the result. It is not made yet.
        record: the content of `run.json` so far: `run_id`, `config`, `tasks`, `seed`, ...
        known: an earlier attempt's records stand up to this number; 0 in a new run.
        memory: what the tracker remembered in an earlier attempt; empty in a new run.
        remember: keeps text values for the next attempt, in place of all that was kept before.
        note: says a sentence to the user.
    """

    name: str
    group: str
    method: str
    bundle: Path
    folder: Path
    record: Mapping[str, Any]
    known: int = 0
    memory: Mapping[str, str] = field(default_factory=dict)
    remember: Callable[[Mapping[str, str]], None] = _forget
    note: Callable[[str], None] = _say_nothing


class Tracker:
    """Copies what happens in a run to somewhere else; every method may be left doing nothing.

    One object tracks one method's run. It is made before anything is trained, and must then raise
    a `CliqaError` if it cannot work here, for example for want of a package (`require`); it imports
    that package in `start`, and writes nothing before. Files belong into `TrackedRun.folder` only.

    All methods are called one after the other in a thread of the tracker's own, while the run goes
    on without waiting: a slow one costs no time. The first exception is told to the user, and the
    tracker then hears nothing more but a last `close`. What it is given are copies.

    Every record has a number: its line in `train_log.jsonl`, from 1. A run that goes on after an
    interruption tells them all again, from the first, so a tracker can fill in what it has missed.
    What it already has under a number it leaves as it is: records up to `TrackedRun.known` are the
    same as before, later ones of the earlier attempt come again, equal but for their times.

    A tracker draws no random numbers from torch or numpy's global generators, sets none of their
    options, handles no signals and stays in the working folder: those are the run's. Several may
    live in one process, one after the other or beside each other.

    Attributes:
        wait: seconds that a run that is done waits for it to finish.
    """

    wait: float = 60.0

    def start(self, run: TrackedRun) -> None:
        """The run begins or goes on."""

    def record(self, number: int, record: Mapping[str, Any]) -> None:
        """A record was written to `train_log.jsonl`.

        Args:
            number: its line there, from 1.
            record: what kind it is, `event`, and its values. After every epoch, event `epoch`:
                `step` (the stage, from 1), `task`, `phase`, `epoch` (from 1 in each phase),
                `loss`, `validation_srcc` (None: not measured or not defined), `lr`, `seconds`.
        """

    def task_end(self, number: int, summary: Mapping[str, Any]) -> None:
        """A stage was trained and evaluated.

        Args:
            number: its line in `train_log.jsonl`.
            summary: `step` (the stage, from 1), `task`, `train_seconds`, `evaluate_seconds`.
        """

    def metrics(self, metrics: Mapping[str, Any]) -> None:
        """The run was evaluated: the content of `metrics.json`."""

    def close(self, ending: Ending) -> None:
        """Nothing more will come in this attempt: write what is still held, and let go."""
