"""The cells of a sweep that have no result, for tables that would otherwise not show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cliqa.config.roles import as_mapping
from cliqa.config.yaml_source import read_yaml
from cliqa.errors import CliqaError
from cliqa.sweep.folder import CellState
from cliqa.sweep.index import INDEX, Index
from cliqa.sweep.status import sweep_status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cliqa.sweep.status import CellStatus

__all__ = ["MissingRun", "missing_runs"]


@dataclass(frozen=True)
class MissingRun:
    """A cell that is not done.

    Attributes:
        folder: where its bundle would be.
        state: as `CellStatus.state`.
        reason: the state and, if it failed, why.
        methods: labels of what it would have trained; empty if its configuration is not there.
        tasks: labels of its tasks as configured; likewise.
        order: the name of its order; empty if it has none.
    """

    folder: Path
    state: str
    reason: str
    methods: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    order: str = ""


def missing_runs(folder: Path) -> list[MissingRun]:
    """Every cell without a result of the sweeps in or below a folder; links are not followed.

    What cannot be read as a sweep is none.
    """
    return [run for sweep in _sweeps(folder) for run in _of_sweep(sweep)]


def _sweeps(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    if (folder / INDEX).is_file():
        yield folder
        return
    for below in sorted(folder.iterdir()):
        if below.is_dir() and not below.is_symlink():
            yield from _sweeps(below)


def _of_sweep(sweep: Path) -> list[MissingRun]:
    try:
        found = [cell for cell in sweep_status(sweep) if cell.state != CellState.DONE.value]
        index = Index.read(sweep)
    except CliqaError:
        return []
    return [_missing(index, cell) for cell in found]


def _missing(index: Index, cell: CellStatus) -> MissingRun:
    failed = cell.state == CellState.FAILED.value
    reason = f"{cell.state}: {cell.text}" if failed and cell.text else cell.state
    folder = index.folder / "cells" / cell.name
    try:
        path = index.config_file(cell.name)
        data = read_yaml(path, str(path)).data
        methods = tuple(_label(m) for m in (data["strategy"], *data.get("compare", [])))
        stream = data["stream"]
        tasks = tuple(_label(task) for task in stream["tasks"])
        order = stream.get("order", "")
    except (CliqaError, KeyError, TypeError, AttributeError):
        return MissingRun(folder, cell.state, reason)
    known = order if isinstance(order, str) else ""
    return MissingRun(folder, cell.state, reason, methods, tasks, known)


def _label(reference: Any) -> str:
    mapping = as_mapping(reference)
    return str(mapping.get("as", mapping["name"]))
