"""A sweep's folder: the durable state of a sweep is what lies here, and nothing else.

sweep.json            the grid's text, its axes, its cells and their run ids
cells/NAME/           the bundle of one cell, as `cliqa run --out` writes it
failed/NAME.json      why a cell failed; goes when the cell is finished
stages/               trained stages that the cells share, unless they share another store
"""

from __future__ import annotations

import json
import traceback
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from cliqa.errors import CliqaError, ResultError
from cliqa.results import Bundle, FolderState, folder_state
from cliqa.results.files import explained, write_atomic
from cliqa.results.layout import TEMPORARY, plain
from cliqa.results.lock import folder_lock
from cliqa.stages import StageStore, shared_stages
from cliqa.sweep.compare import differences, other_versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from cliqa.sweep.plan import Cell, Plan

__all__ = ["CellState", "Failure", "SweepFolder"]

#: Version of the layout of `sweep.json` and `failed/NAME.json`.
SCHEMA_VERSION: Final = 1
INDEX: Final = "sweep.json"
_CELLS: Final = "cells"
_FAILED: Final = "failed"
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
    """

    cell: str
    message: str
    traceback: str = ""


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

    def failure(self, name: str) -> Failure | None:
        """Why a cell failed the last time; None if it did not."""
        try:
            record = json.loads(self._failure_file(name).read_bytes())
            return Failure(name, str(record["message"]), str(record.get("traceback", "")))
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

    def write(self, plan: Plan) -> None:
        """Write `sweep.json`, with the run ids of the cells that are finished."""
        for cell in plan.cells:
            if self.state(cell.name) is CellState.DONE:
                self.clear_failure(cell.name)  # left by a process that was killed at the very end
        record = {
            "schema_version": SCHEMA_VERSION,
            "name": plan.name,
            "description": plan.description,
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
            "overrides": list(plan.overrides),
            "axes": [
                {
                    "name": axis.name,
                    "points": [
                        {"name": p.text, "set": {o.key: o.value for o in p.overrides}}
                        for p in axis.points
                    ],
                }
                for axis in plan.axes
            ],
            "cells": [self._cell_record(cell) for cell in plan.cells],
            "grid": plan.text,
        }
        self._write(self.path / INDEX, record)

    def record_failure(self, name: str, error: BaseException) -> Failure:
        """Note that a cell failed, and why."""
        if isinstance(error, CliqaError):
            failure = Failure(name, str(error))
        else:
            text = f"{type(error).__name__}: {error}"
            failure = Failure(name, text, "".join(traceback.format_exception(error)))
        record = {
            "schema_version": SCHEMA_VERSION,
            "cell": name,
            "message": failure.message,
            "traceback": failure.traceback,
            "written": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        self._write(self._failure_file(name), record)
        return failure

    def clear_failure(self, name: str) -> None:
        """Forget an earlier failure of a cell that is now finished."""
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
            text = (self.path / INDEX).read_bytes() if INDEX in names else None
        if text is None:
            raise ResultError(
                f"{self.path} is not empty and holds no sweep, so nothing is written there; name "
                "a new or empty folder with --out"
            )
        try:
            version = int(json.loads(text)["schema_version"])
            if not isinstance(json.loads(text)["cells"], list):
                raise TypeError("`cells` is no list")
        except (ValueError, KeyError, TypeError) as error:
            raise ResultError(
                f"{self.path / INDEX} is damaged or not cliqa's ({type(error).__name__}: {error}); "
                "restore it, or name another --out"
            ) from None
        if version > SCHEMA_VERSION:
            raise ResultError(
                f"{self.path / INDEX} has schema version {version}, this cliqa knows up to "
                f"{SCHEMA_VERSION}; use a newer cliqa"
            )

    def _strays(self, plan: Plan) -> list[str]:
        names = {cell.name for cell in plan.cells}
        folder = self.path / _CELLS
        found = sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
        return [
            p.name for p in found if p.name not in names and folder_state(p) is FolderState.FINISHED
        ]

    def _cell_record(self, cell: Cell) -> dict[str, Any]:
        done = folder_state(self.cell(cell.name)) is FolderState.FINISHED
        return {
            "name": cell.name,
            "points": dict(cell.points),
            "set": dict(cell.changes),
            "run_id": self.bundle(cell.name).run.get("run_id") if done else None,
        }

    def _failure_file(self, name: str) -> Path:
        return self.path / _FAILED / f"{name}.json"

    def _write(self, path: Path, record: Mapping[str, Any]) -> None:
        text = json.dumps(plain(record), indent=1, ensure_ascii=False) + "\n"
        write_atomic(path, lambda file: file.write(text.encode()))
