"""What was tried: one line when an attempt at a cell begins, one when it ends.

The file only grows, a line at a time, so a process that is killed costs at most its own line. What
is to be done follows from the bundles and the notes of failures; this is the story of how it came.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from cliqa.results.files import explained

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["CUT_OFF", "Attempt", "AttemptLog"]

#: What is said of an attempt whose end nobody lived to write down.
CUT_OFF: Final = "cut off"


@dataclass(frozen=True)
class Attempt:
    """One attempt at a cell.

    Attributes:
        number: from 1.
        started: when, in UTC.
        executor: what ran it.
        host: on which machine.
        pid: in which process there.
        ended: when; empty if it is at work, or was cut off.
        outcome: `done`, `failed`, `interrupted` or `lost` (its process or machine is gone); empty
            as `ended` is.
        message: why it failed.
    """

    number: int
    started: str
    executor: str
    host: str
    pid: int
    ended: str = ""
    outcome: str = ""
    message: str = ""


@dataclass(frozen=True)
class AttemptLog:
    """The attempts at one cell.

    Args:
        path: the file; made with the first attempt.
    """

    path: Path

    def begin(self, executor: str) -> int:
        """Note that this process begins an attempt; returns its number."""
        number = len(self.read()) + 1
        self._add(
            {
                "attempt": number,
                "started": _now(),
                "executor": executor,
                "host": socket.gethostname(),
                "pid": os.getpid(),
            }
        )
        return number

    def end(self, outcome: str, message: str = "") -> None:
        """Note how the last attempt ended; nothing if it has an end, or there was none."""
        known = self.read()
        if known and not known[-1].outcome:
            number = known[-1].number
            record = {"attempt": number, "ended": _now(), "outcome": outcome, "message": message}
            self._add(record)

    def read(self) -> list[Attempt]:
        """All attempts, the first one first; a line that was cut off is left out."""
        found: dict[int, Attempt] = {}
        for record in self._records():
            try:
                number = int(record["attempt"])
                if "started" in record:
                    found[number] = Attempt(
                        number,
                        str(record["started"]),
                        str(record["executor"]),
                        str(record["host"]),
                        int(record["pid"]),
                    )
                elif number in found:
                    ended, outcome = str(record["ended"]), str(record["outcome"])
                    message = str(record.get("message", ""))
                    found[number] = replace(
                        found[number], ended=ended, outcome=outcome, message=message
                    )
            except (KeyError, TypeError, ValueError):
                continue
        return list(found.values())

    def _records(self) -> Iterator[dict[str, Any]]:
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record

    def _add(self, record: dict[str, Any]) -> None:
        with explained("write", self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                size = os.fstat(handle).st_size
                torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
                os.write(handle, b"\n" + line if torn else line)
            finally:
                os.close(handle)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
