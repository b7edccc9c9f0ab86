"""A generated run, told to a tracker as the runner tells one. Imports neither torch nor numpy."""

from __future__ import annotations

import copy
import gc
import json
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from cliqa.testing.checks import fail
from cliqa.testing.comparing import differing
from cliqa.testing.elsewhere import files_in
from cliqa.tracking import Ending, TrackedRun, Tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["LINES", "Life"]

#: Seconds that one attempt may take: a client's import and its server's first answer.
_PATIENCE: Final = 120.0
_TASKS: Final = ("one", "white noise 10% (é)")


def _epoch(step: int, phase: str, epoch: int, **more: Any) -> dict[str, Any]:
    place = {"event": "epoch", "step": step, "task": _TASKS[step - 1], "phase": phase}
    values = {"loss": 1 / (step + epoch), "validation_srcc": 0.5, "lr": 0.001, "seconds": 0.25}
    return {**place, "epoch": epoch, **values, **more}


def _stage(step: int) -> dict[str, Any]:
    seconds = {"train_seconds": 1.5, "evaluate_seconds": 0.5}
    return {"event": "stage", "step": step, "task": _TASKS[step - 1], **seconds}


#: A `train_log.jsonl` with every kind of record: undefined values, several losses, a method's own.
LINES: Final[tuple[dict[str, Any], ...]] = (
    _epoch(1, "head", 1, validation_srcc=None),
    _epoch(1, "joint", 1),
    _stage(1),
    {"event": "of a method", "step": 2, "kept": {"one": 3}, "names": ["a", "é"], "why": None},
    _epoch(2, "gan", 1, losses={"critic": 0.5, "generator": 0.25}, validation_srcc=None),
    _epoch(2, "joint", 1, lr=[0.001, 0.01]),
    _stage(2),
)
_METRICS: Final = {
    "tasks": list(_TASKS),
    "learned_at": [1, 2],
    "gates": {
        "newest": {
            "mSRCC": 0.5,
            "mPLCC": None,
            "srcc": [[0.5, None], [0.25, 0.75]],
            "stability": [[None, None], [0.5, None]],
            "undefined": {"mPLCC": "predictions are constant"},
        }
    },
}
_RECORD: Final = {
    "run_id": "0123456789abcdef",
    "created": "2024-01-01T00:00:00+00:00",
    "method": "ft",
    "tasks": list(_TASKS),
    "seed": 0,
    "config": {"seed": 0, "strategy": {"name": "ft"}, "gates": ["newest"], "extends": None},
}


@dataclass
class Life:
    """One run of one method, and attempts at it.

    Attributes:
        make: makes the tracker.
        bundle: folder of the result.
        memory: what the tracker remembers, as the next attempt reads it.
        remembered: what it gave to `remember`, as it gave it.
        held: files that closed trackers wrote only when they were let go.
    """

    make: Callable[[], Tracker]
    bundle: Path
    memory: dict[str, str] = field(default_factory=dict)
    remembered: list[Mapping[str, str]] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    _killed: list[Tracker] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self.bundle.mkdir(parents=True)
        (self.bundle / "config.yaml").write_text("seed: 0\nstrategy: ft\n", "utf-8")
        (self.bundle / "run.json").write_text(json.dumps(_RECORD), "utf-8")
        lines = "".join(f"{json.dumps(line)}\n" for line in LINES)
        (self.bundle / "train_log.jsonl").write_text(lines, "utf-8")

    @property
    def folder(self) -> Path:
        """Where the tracker may write."""
        return self.bundle / "trackers" / "mine"

    def attempt(self, lines: int, ending: Ending | None, *, known: int = 0) -> None:
        """Make the tracker here, and tell it in a thread of its own; what it raises is raised.

        Args:
            lines: how many of `LINES` it is told.
            ending: how the attempt ends; None: its process is killed, and nothing is told.
            known: how many lines stand from the attempt before.
        """
        tracker = self.make()
        _in_a_thread(self._tell, tracker, lines, ending, known)
        if ending is None:
            self._killed.append(tracker)  # nothing of it may be written by its being let go
            return
        closed = files_in(self.bundle)
        del tracker
        gc.collect()
        self.held += differing(closed, files_in(self.bundle))

    def _tell(self, tracker: Tracker, lines: int, ending: Ending | None, known: int) -> None:
        tracker.start(self._run(known))
        for number, line in enumerate(copy.deepcopy(LINES[:lines]), start=1):
            if line["event"] == "stage":
                del line["event"]
                tracker.task_end(number, line)
            else:
                tracker.record(number, line)
        if ending == "finished":
            tracker.metrics(copy.deepcopy(_METRICS))
        if ending is not None:
            tracker.close(ending)

    def _run(self, known: int) -> TrackedRun:
        return TrackedRun(
            name=f"{self.bundle.parent.name}/{self.bundle.name}",
            group=self.bundle.parent.name,
            method=self.bundle.name,
            bundle=self.bundle,
            folder=self.folder,
            record=copy.deepcopy(_RECORD),
            known=known,
            memory=dict(self.memory),
            remember=self._remember,
        )

    def _remember(self, values: Mapping[str, str]) -> None:
        self.remembered.append(values)
        self.memory = {str(key): str(value) for key, value in dict(values).items()}


def _in_a_thread(call: Callable[..., None], *arguments: Any) -> None:
    found: list[BaseException] = []

    def work() -> None:
        try:
            call(*arguments)
        except BaseException as error:
            found.append(error)

    thread = Thread(target=work, name="tracker", daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    if thread.is_alive():
        fail(
            f"it did not come back within {_PATIENCE:g} s. A run would leave it behind at its end: "
            "give whatever it waits for a limit of its own"
        )
    for error in found:
        if isinstance(error, Exception):
            raise error
        fail(f"it raised {type(error).__name__}; raise an Exception, which is told to the user")
