"""A sweep's folder: the durable state of a sweep is what lies here, and nothing else.

sweep.json            the grid's text, its axes, its cells and their run ids
configs/NAME.yaml     the whole configuration of one cell
cells/NAME/           the bundle of one cell, as `cliqa run --out` writes it
failed/NAME.json      why a cell failed; goes when it is tried again
attempts/NAME.jsonl   every attempt at a cell: begun where and when, ended how
running/NAME.json     how far a cell at work is; no part of the state
logs/NAME.log         what a worker process printed over a cell, if it did
stages/               trained stages that the cells share, unless they share another store
"""

from __future__ import annotations

import json
import traceback
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Final

from cliqa.errors import CliqaError, ResultError
from cliqa.results import Bundle, FolderState, folder_state
from cliqa.results.files import explained, write_atomic
from cliqa.results.layout import LOCK, TEMPORARY, plain
from cliqa.results.lock import folder_lock, is_locked
from cliqa.stages import StageStore, shared_stages
from cliqa.sweep.attempts import AttemptLog
from cliqa.sweep.compare import differences, other_versions
from cliqa.sweep.index import INDEX, SCHEMA_VERSION, Index, write_configs, write_index
from cliqa.sweep.transient import is_transient

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from cliqa.sweep.plan import Plan

__all__ = ["CellState", "Failure", "SweepFolder"]

_CELLS: Final = "cells"
_FAILED: Final = "failed"
_ATTEMPTS: Final = "attempts"
_RUNNING: Final = "running"
_LOGS: Final = "logs"
_STAGES: Final = "stages"
_LOCK: Final = ".cliqa-sweep-lock"
_SHOWN: Final = 10


class CellState(Enum):
    """How far a cell is."""

    NEW = "not run"
    UNFINISHED = "unfinished"
    FAILED = "failed"
    DONE = "done"


@dataclass(frozen=True)
class Failure:
    """Why a cell failed.

    Attributes:
        cell: its name.
        message: one sentence; of a defect, the error's type and text.
        traceback: where a defect arose; empty for a mistake of the user's.
        transient: whether the same run may succeed if it is tried again.
    """

    cell: str
    message: str
    traceback: str = ""
    transient: bool = False


@dataclass(frozen=True)
class SweepFolder:
    """Reads and writes the state of a sweep; deletes nothing but its own notes of failures.

    Args:
        path: the folder of `--out`.
    """

    path: Path

    def cell(self, name: str) -> Path:
        """The folder of a cell's bundle."""
        return self.path / _CELLS / name

    def store(self, plan: Plan) -> StageStore | None:
        """Where the cells share trained stages: those that several of them need.

        None where a cell's configuration names a store of its own: then all do as theirs say.
        """
        configs = [cell.config for cell in plan.cells]
        if any(config.run.store is not None for config in configs):
            return None
        return StageStore((self.path / _STAGES).absolute(), shared_stages(configs))

    def bundle(self, name: str) -> Bundle:
        """A cell's bundle, finished or not."""
        return Bundle(self.cell(name))

    def attempts(self, name: str) -> AttemptLog:
        """What was tried."""
        return AttemptLog(self.path / _ATTEMPTS / f"{name}.jsonl")

    def progress_file(self, name: str) -> Path:
        """Where a cell at work says how far it is."""
        return self.path / _RUNNING / f"{name}.json"

    def log_file(self, name: str) -> Path:
        """What a worker process printed over a cell."""
        return self.path / _LOGS / f"{name}.log"

    def at_work(self, name: str) -> bool:
        """Whether a process is at work on a cell now, on this machine or one that shares locks."""
        return is_locked(self.cell(name) / LOCK)

    def failure(self, name: str) -> Failure | None:
        """Why a cell failed the last time; None if it did not."""
        try:
            record = json.loads(self._failure_file(name).read_bytes())
            return Failure(
                name,
                str(record["message"]),
                str(record.get("traceback", "")),
                bool(record.get("transient", False)),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            return Failure(name, f"its note of failure cannot be read: {error}")

    def state(self, name: str) -> CellState:
        """How far a cell is; `ResultError` if its folder holds what cliqa did not write."""
        found = folder_state(self.cell(name))
        if found is FolderState.FOREIGN:
            raise ResultError(
                f"{self.cell(name)} is not empty and holds no cliqa run, so nothing is written "
                "there; move it away, or name another --out"
            )
        if found is FolderState.FINISHED:
            return CellState.DONE
        if self._failure_file(name).exists():
            return CellState.FAILED
        return CellState.NEW if found is FolderState.NEW else CellState.UNFINISHED

    def notes(self, plan: Plan, states: Mapping[str, CellState]) -> list[str]:
        """What a reader should know of the finished cells; nothing of it stops the sweep."""
        done = [cell for cell in plan.cells if states[cell.name] is CellState.DONE]
        counts = Counter(v for cell in done for v in other_versions(self, cell))
        found = [f"{n} of the finished runs were made with {text}" for text, n in counts.items()]
        strays = self._strays(plan)
        if strays:
            names = ", ".join(strays[:3]) + (", ..." if len(strays) > 3 else "")
            found.append(f"not of this grid, and left alone: {len(strays)} finished runs ({names})")
        return found

    def states(self, plan: Plan) -> dict[str, CellState]:
        """How far every cell of a plan is."""
        return {cell.name: self.state(cell.name) for cell in plan.cells}

    def check(self, plan: Plan) -> dict[str, CellState]:
        """The state of every cell of a plan; changes nothing.

        Raises:
            ResultError: the folder is not a sweep's, or holds finished runs of other
                configurations where cells of this plan belong.
        """
        self._check_own()
        states = self.states(plan)
        done = [cell for cell in plan.cells if states[cell.name] is CellState.DONE]
        strange = [(cell, found) for cell in done if (found := differences(self, cell))]
        if strange:
            lines = [f"{_CELLS}/{cell.name}: {found}" for cell, found in strange[:_SHOWN]]
            lines += [f"and {len(strange) - _SHOWN} more"] if len(strange) > _SHOWN else []
            raise ResultError(
                f"{self.path} holds finished runs of another configuration, so nothing was "
                "started\n  " + "\n  ".join(lines) + "\nname another --out, or move them away"
            )
        return states

    def write(self, plan: Plan, store: StageStore | None = None) -> None:
        """Write `sweep.json`, with the run ids of the cells that are finished.

        Args:
            plan: the sweep.
            store: trained stages that its cells share; None: each does as its configuration says.
        """
        for cell in plan.cells:
            if self.state(cell.name) is CellState.DONE:
                self.clear_failure(cell.name)  # left by a process that was killed at the very end
        write_configs(self.path, plan)
        run_ids = {cell.name: self._run_id(cell.name) for cell in plan.cells}
        write_index(self.path, plan, run_ids, store)

    def record_failure(self, name: str, error: BaseException) -> Failure:
        """Note that a cell failed, and why."""
        transient = is_transient(error)
        if isinstance(error, CliqaError):
            return self._note(Failure(name, str(error), transient=transient))
        text = f"{type(error).__name__}: {error}"
        where = "".join(traceback.format_exception(error))
        return self._note(Failure(name, text, where, transient))

    def record_loss(self, name: str, message: str) -> Failure:
        """Note that the process that ran a cell is gone, in the place of that process."""
        self.attempts(name).end("lost", message)
        with suppress(OSError):
            self.progress_file(name).unlink(missing_ok=True)
        return self._note(Failure(name, message, transient=True))

    def _note(self, failure: Failure) -> Failure:
        record = {
            "schema_version": SCHEMA_VERSION,
            "cell": failure.cell,
            "message": failure.message,
            "transient": failure.transient,
            "traceback": failure.traceback,
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        text = json.dumps(plain(record), indent=1, ensure_ascii=False) + "\n"
        write_atomic(self._failure_file(failure.cell), lambda file: file.write(text.encode()))
        return failure

    def clear_failure(self, name: str) -> None:
        """Forget an earlier failure of a cell that is finished, or tried again."""
        file = self._failure_file(name)
        with explained("clear", file):
            file.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second sweep out of the folder; the lock goes with the process, however it ends.

        Raises:
            ResultError: another sweep is at work here.
        """
        with explained("write to", self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        with folder_lock(self.path / _LOCK, "sweep"):
            yield

    def _check_own(self) -> None:
        with explained("look into", self.path):
            if not self.path.exists():
                return
            if not self.path.is_dir():
                raise ResultError(f"{self.path} is a file, not a folder; name another --out")
            names = [p.name for p in self.path.iterdir()]
            if all(n.startswith(TEMPORARY) or n == _LOCK for n in names):
                return
        if INDEX not in names:
            raise ResultError(
                f"{self.path} is not empty and holds no sweep, so nothing is written there; name "
                "a new or empty folder with --out"
            )
        Index.read(self.path)

    def _strays(self, plan: Plan) -> list[str]:
        names = {cell.name for cell in plan.cells}
        folder = self.path / _CELLS
        found = sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
        return [
            p.name for p in found if p.name not in names and folder_state(p) is FolderState.FINISHED
        ]

    def _run_id(self, name: str) -> str | None:
        if folder_state(self.cell(name)) is not FolderState.FINISHED:
            return None
        return self.bundle(name).run.get("run_id")

    def _failure_file(self, name: str) -> Path:
        return self.path / _FAILED / f"{name}.json"
