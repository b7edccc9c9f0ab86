"""When a run is saved, and what is saved with every method's state."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cliqa.errors import ResultError
from cliqa.resume import Checkpoint, Interrupts, ResumeStore, Snapshot, TensorPool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Keeper", "Position"]

#: Where a phase or stage ends, a checkpoint is written if so many times as long has passed since
#: the last one as that took to write: checkpoints take at most about a twentieth of the time.
_SHARE: Final = 20


@dataclass(frozen=True)
class Position(Snapshot):
    """How far a method is, with all that it needs to go on."""

    def place(self, stages: int) -> str:
        """Where that is, in words; `stages` is how many the method has."""
        index, phase = self.values["stage"], self.values.get("phase")
        if self.values["trained"]:
            return f"after the training of stage {index + 1}"
        if index == stages or not phase:
            over = len(self.values.get("after", ()))
            return f"stage {index + 1}" + (f", after {over} phases" if over else "")
        run = phase["run"]
        return f"stage {index + 1}, phase {run['name']}, epoch {run['epoch'] + 1}"


@dataclass
class Keeper:
    """Writes checkpoints of a run.

    Args:
        store: where they go.
        identity: what must be equal for the run to go on.
        minutes: at most so many pass between two.
        interrupts: what may interrupt, but not in the middle of one.
        attempts: one record an attempt at this run, the present one last.
        finished: methods that are done but whose bundle is not sealed: label -> path -> SHA-256.
        writes: False: another process of the run does; nothing is saved here.
    """

    store: ResumeStore
    identity: Mapping[str, Any]
    minutes: float
    interrupts: Interrupts
    attempts: list[dict[str, Any]] = field(default_factory=list)
    finished: dict[str, dict[str, str]] = field(default_factory=dict)
    writes: bool = True
    blocked: str = ""
    method: str = ""
    written: int = 0
    bytes: int = 0
    seconds: float = 0.0
    _capture: Callable[[], Position] | None = None
    _saved: float = field(default_factory=time.perf_counter)
    _took: float = 0.0

    def __post_init__(self) -> None:
        self._began = time.perf_counter()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.attempts = [*self.attempts, {"started": now, "seconds": 0.0}]

    def follow(self, method: str, capture: Callable[[], Position] | None) -> None:
        """From now on save this method, whose position `capture` takes; None: it has not begun."""
        self.method, self._capture, self.blocked = method, capture, ""

    def block(self, why: str = "") -> None:
        """Save this method no more, for that reason; without one: save it again."""
        self.blocked = why

    def after_step(self) -> None:
        """A step is over: save if it is time."""
        if time.perf_counter() - self._saved >= 60 * self.minutes:
            self.save()

    def at_boundary(self) -> None:
        """A phase or stage is over, which is a good moment: save unless it was done just now."""
        if time.perf_counter() - self._saved >= min(_SHARE * self._took, 60 * self.minutes):
            self.save()

    def save(self) -> bool:
        """Write a checkpoint now; returns whether that was possible.

        Raises:
            ResultError: the system does not let us.
        """
        if self.blocked or not self.writes:
            return False
        with self.interrupts.deferred():
            began = time.perf_counter()
            position = None if self._capture is None else self._capture()
            state = {
                "identity": self.identity,
                "attempts": self.told(),
                "finished": self.finished,
                "method": self.method,
                "position": None if position is None else position.values,
            }
            entries = {} if position is None else position.entries
            pool = TensorPool() if position is None else position.pool
            self.bytes = self._write(Checkpoint(state, entries, pool))
            self._saved = time.perf_counter()
            self._took = self._saved - began
            self.seconds += self._took
            self.written += 1
        return True

    def _write(self, checkpoint: Checkpoint) -> int:
        try:
            return self.store.save(checkpoint)
        except ResultError as error:
            if not self.store.names():
                raise
            raise ResultError(
                f"{error}; the checkpoint before is kept, and the same command goes on from it"
            ) from error

    def told(self) -> list[dict[str, Any]]:
        """The attempts, the present one with its seconds so far."""
        *before, this = self.attempts
        return [*before, this | {"seconds": round(time.perf_counter() - self._began, 3)}]
