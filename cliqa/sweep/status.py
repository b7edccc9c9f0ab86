"""How far each cell of a sweep is, for those who look at it from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cliqa.sweep.attempts import CUT_OFF
from cliqa.sweep.folder import CellState, SweepFolder
from cliqa.sweep.index import Index
from cliqa.sweep.running import Progress

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RUNNING", "CellStatus", "sweep_status"]

#: The state of a cell at which a process is at work.
RUNNING = "running"


@dataclass(frozen=True)
class CellStatus:
    """One cell.

    Attributes:
        name: its folder in `cells`.
        state: `running`, or the value of a `CellState`.
        attempts: how often it was begun.
        text: how far it is, why it failed, or how the last attempt ended.
        points: axis -> its place on it.
    """

    name: str
    state: str
    attempts: int
    text: str
    points: dict[str, str]


def sweep_status(path: Path) -> list[CellStatus]:
    """Every cell of the sweep in a folder, in the order of its grid.

    Reads only files, builds nothing and loads no torch.

    Raises:
        ResultError: the folder holds no sweep.
    """
    index, folder = Index.read(path), SweepFolder(path)
    points = {cell["name"]: dict(cell.get("points", {})) for cell in index.record["cells"]}
    return [_status(folder, name, points[name]) for name in index.names]


def _status(folder: SweepFolder, name: str, points: dict[str, str]) -> CellStatus:
    state = folder.state(name)
    attempts = folder.attempts(name).read()
    last = attempts[-1] if attempts else None
    shown, text = state.value, ""
    if state is not CellState.DONE and folder.at_work(name):
        shown, progress = RUNNING, Progress.read(folder.progress_file(name))
        if progress is not None:
            stages = f"{progress.done}/{progress.stages} stages, " if progress.stages else ""
            text = f"{stages}{progress.text} (process {progress.pid} on {progress.host})"
    elif state is CellState.FAILED:
        failure = folder.failure(name)
        text = failure.message if failure else ""
    elif state is not CellState.DONE and last is not None:
        text = last.message or last.outcome or CUT_OFF
    return CellStatus(name, shown, len(attempts), text, points)
