"""Running the cells of a sweep: what is next, what is tried again, when to stop.

Everything durable lies in the sweep's folder, so the process that does this may be killed at any
moment: the next one reads there what is left.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cliqa.sweep.running import Progress
from cliqa.sweep.schedule import Work, choose

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from cliqa.resume import Interrupts
    from cliqa.run import Observer
    from cliqa.sweep.folder import Failure, SweepFolder
    from cliqa.sweep.plan import Cell
    from cliqa.sweep.pool import Ended, Pool

__all__ = ["RETRIES", "SweepObserver", "run_cells"]

#: How often a cell is tried again after a failure of the machine.
RETRIES: Final = 2
#: Seconds between two looks at how far the running cells are.
_LOOK: Final = 1.0


class SweepObserver:
    """Told what happens in a sweep; every method may be left as it is, doing nothing."""

    def watch(
        self,
        cell: Cell,  # noqa: ARG002 - for those who override it
        number: int,  # noqa: ARG002
        count: int,  # noqa: ARG002
    ) -> AbstractContextManager[Observer]:
        """A cell begins in this process: who watches its run.

        Args:
            cell: the cell.
            number: its place among the cells to run, from 1.
            count: how many cells there are to run.
        """
        from cliqa.run import Observer

        return nullcontext(Observer())

    def started(self, cell: Cell, number: int, count: int) -> None:
        """A cell was given to the executor; arguments as of `watch`."""

    def running(self, progress: Mapping[str, Progress | None]) -> None:
        """About once a second: cell -> how far it is, None while that is not known."""

    def done(self, cell: Cell) -> None:
        """A cell is finished."""

    def again(self, failure: Failure, attempt: int, attempts: int) -> None:
        """A cell failed for a reason that may pass, and is tried again.

        Args:
            failure: why.
            attempt: which attempt that was, from 1.
            attempts: how many there will be at most.
        """

    def failed(self, failure: Failure) -> None:
        """A cell failed, and is not tried again."""


def run_cells(
    cells: Sequence[Cell],
    folder: SweepFolder,
    pool: Pool,
    *,
    observer: SweepObserver | None = None,
    retries: int = RETRIES,
    fail_fast: bool = False,
    interrupts: Interrupts | None = None,
    stages: Mapping[str, tuple[str, ...]] | None = None,
    trained: Collection[str] = (),
) -> list[Failure]:
    """Run cells; one that fails is noted and does not stop the others.

    Args:
        cells: the cells to run; none of them may be finished.
        folder: where their bundles go.
        pool: what runs them.
        observer: told what happens.
        retries: how often one is tried again after a failure of the machine (`is_transient`).
        fail_fast: begin no cell after the first failure; those at work are finished.
        interrupts: what may stop the sweep; the runs at work are saved.
        stages: cell -> keys of its stages, as `Work.stages`; default: nothing is shared.
        trained: the keys of those that are trained already.

    Returns:
        The failures.

    Raises:
        ResultError: a failure cannot be noted down.
    """
    run = _Sweep(
        {cell.name: cell for cell in cells},
        folder,
        pool,
        observer or SweepObserver(),
        retries,
        fail_fast,
        set(trained),
    )
    run.waiting = [Work(cell.name, (stages or {}).get(cell.name, ())) for cell in cells]
    held = interrupts.deferred if interrupts else nullcontext
    try:
        while run.waiting or run.running:
            with held():
                run.fill()
            ended = pool.wait(_LOOK)
            with held():
                run.over(ended)
                run.look()
    except KeyboardInterrupt:
        pool.stop()
        raise
    return run.failures


@dataclass
class _Sweep:
    cells: Mapping[str, Cell]
    folder: SweepFolder
    pool: Pool
    observer: SweepObserver
    retries: int
    fail_fast: bool
    trained: set[str]
    waiting: list[Work] = field(default_factory=list)
    running: dict[str, Work] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)

    def fill(self) -> None:
        """Give cells to the executor while it takes them."""
        while self.waiting and self.pool.room() > 0:
            work = choose(self.waiting, list(self.running.values()), self.trained)
            self.waiting.remove(work)
            self.running[work.name] = work
            number = self.numbers.setdefault(work.name, len(self.numbers) + 1)
            self.tries[work.name] = self.tries.get(work.name, 0) + 1
            self.observer.started(self.cells[work.name], number, len(self.cells))
            self.pool.start(work.name)

    def over(self, ended: Sequence[Ended]) -> None:
        """Attempts have ended: note those whose process could not, and try some again."""
        for end in ended:
            work = self.running.pop(end.cell)
            failure = end.failure
            if end.lost:
                failure = self.folder.record_loss(end.cell, end.lost)
            if failure is None:
                self.trained.update(work.stages)
                self.observer.done(self.cells[end.cell])
            elif failure.transient and self.tries[end.cell] <= self.retries and not self._stopping:
                self.observer.again(failure, self.tries[end.cell], self.retries + 1)
                self.waiting.append(work)  # last: what ails the machine may have passed by then
            else:
                self.failures.append(failure)
                self.observer.failed(failure)
        if self._stopping:
            self.waiting.clear()

    @property
    def _stopping(self) -> bool:
        return self.fail_fast and bool(self.failures)

    def look(self) -> None:
        """Tell how far the running cells are."""
        if self.running:
            files = {name: self.folder.progress_file(name) for name in self.running}
            found = {name: Progress.read(file) for name, file in files.items()}
            for name, progress in found.items():
                if progress is not None:
                    self.trained.update(self.running[name].stages[: progress.done])
            self.observer.running(found)
