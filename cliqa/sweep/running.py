"""How far a cell at work is: a small file that its process rewrites, for whoever wants to look."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from cliqa.run.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Progress", "ProgressFile"]

#: Seconds between two writings.
_EVERY: Final = 1.0


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        text: the method, its stage and phase.
        done: stages that are over.
        stages: how many there are; 0 while the run is being prepared.
        host: the machine.
        pid: the process there.
    """

    text: str
    done: int
    stages: int
    host: str
    pid: int

    @classmethod
    def read(cls, path: Path) -> Progress | None:
        """What a file says; None if there is none, or none that can be read."""
        try:
            return cls(**json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None


class ProgressFile(Observer):
    """Keeps the file of one run; use it as a context, at whose end the file goes.

    It is written at most once a second and never flushed to the disk: nothing is lost with it. A
    file system that refuses it costs the display only.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done = self._stages = 0
        self._stage = "preparing"
        self._phase = ""
        self._written = 0.0

    def __enter__(self) -> ProgressFile:
        self._write()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            return

    def methods(self, stages: Mapping[str, int]) -> None:
        """See `Observer.methods`."""
        self._stages = sum(stages.values())
        self._write()

    def resumed(self, method: str, stages: int, place: str) -> None:  # noqa: ARG002
        """See `Observer.resumed`."""
        self._done += stages

    def stage_start(self, method: str, step: int, steps: int, tasks: str) -> None:
        """See `Observer.stage_start`."""
        self._stage, self._phase = f"{method} {step}/{steps}: {tasks}", ""
        self._write()

    def phase_start(self, name: str, samples: int) -> None:  # noqa: ARG002
        """See `Observer.phase_start`."""
        self._phase = name
        self._write()

    def epoch(self, record: Mapping[str, Any]) -> None:
        """See `Observer.epoch`."""
        self._phase = f"{self._phase.partition(',')[0]}, epoch {record['epoch']}"
        self._write()

    def evaluating(self) -> None:
        """See `Observer.evaluating`."""
        self._phase = "scoring test images"
        self._write()

    def stage_end(self, method: str, summary: Mapping[str, Any]) -> None:  # noqa: ARG002
        """See `Observer.stage_end`."""
        self._done += 1
        self._write()

    def _write(self) -> None:
        now = time.monotonic()
        if self._written and now - self._written < _EVERY:
            return
        self._written = now
        text = f"{self._stage}, {self._phase}" if self._phase else self._stage
        record = Progress(text, self._done, self._stages, socket.gethostname(), os.getpid())
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(asdict(record)), encoding="utf-8")
            temporary.replace(self._path)
        except OSError:
            return
