"""Cells run one after the other in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliqa.sweep.cellrun import CellRunner
from cliqa.sweep.execute import SweepObserver
from cliqa.sweep.pool import Ended, Pool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.resume import Interrupts
    from cliqa.stages import StageStore
    from cliqa.sweep.folder import Failure, SweepFolder
    from cliqa.sweep.plan import Cell

__all__ = ["InProcess"]


class InProcess(Pool):
    """Runs one cell after the other in this process.

    Args:
        cells: those that it may be given.
        folder: the sweep's.
        observer: asked who watches each run.
        interrupts: what may stop a run; the run is saved.
        store: trained stages that the cells share; None: each does as its configuration says.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        folder: SweepFolder,
        observer: SweepObserver | None = None,
        interrupts: Interrupts | None = None,
        store: StageStore | None = None,
    ) -> None:
        self._cells = {cell.name: cell for cell in cells}
        self._runner = CellRunner(folder, "in-process")
        self._observer = observer or SweepObserver()
        self._interrupts = interrupts
        self._store = store
        self._numbers: dict[str, int] = {}
        self._next: str | None = None

    def room(self) -> int:
        """See `Pool.room`."""
        return int(self._next is None)

    def start(self, cell: str) -> None:
        """See `Pool.start`."""
        self._next = cell

    def wait(self, seconds: float) -> Sequence[Ended]:  # noqa: ARG002 - it takes what it takes
        """See `Pool.wait`; this is where the cell is run."""
        if self._next is None:
            return []
        name, self._next = self._next, None
        return [Ended(name, self._run(self._cells[name]))]

    def _run(self, cell: Cell) -> Failure | None:
        number = self._numbers.setdefault(cell.name, len(self._numbers) + 1)
        with self._observer.watch(cell, number, len(self._cells)) as watcher:
            return self._runner.run(cell.name, cell.config, self._store, watcher, self._interrupts)
