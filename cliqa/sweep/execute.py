"""Running the cells of a sweep, one after the other in this process.

Other engines need `attempt` only: whatever runs a cell, its bundle and the note of its failure lie
in the sweep's folder, and nothing else has to come back.
"""

from __future__ import annotations

import gc
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import torch

from cliqa.run import BuiltDatasets, Observer, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.resume import Interrupts
    from cliqa.stages import StageStore
    from cliqa.sweep.folder import Failure, SweepFolder
    from cliqa.sweep.plan import Cell

__all__ = ["SweepObserver", "attempt", "run_cells"]


class SweepObserver:
    """Told what happens in a sweep; every method may be left as it is, doing nothing."""

    def watch(
        self,
        cell: Cell,  # noqa: ARG002 - for those who override it
        number: int,  # noqa: ARG002
        count: int,  # noqa: ARG002
    ) -> AbstractContextManager[Observer]:
        """A cell begins: who watches its run.

        Args:
            cell: the cell.
            number: its place among the cells to run, from 1.
            count: how many cells there are to run.
        """
        return nullcontext(Observer())

    def failed(self, failure: Failure) -> None:
        """A cell failed."""


def run_cells(
    cells: Sequence[Cell],
    folder: SweepFolder,
    *,
    observer: SweepObserver | None = None,
    fail_fast: bool = False,
    interrupts: Interrupts | None = None,
    store: StageStore | None = None,
) -> list[Failure]:
    """Run cells one after the other; one that fails is noted and does not stop the others.

    Args:
        cells: the cells to run; none of them may be finished.
        folder: where their bundles go.
        observer: told what happens.
        fail_fast: stop after the first failure.
        interrupts: what may stop a run; the run is saved.
        store: trained stages that the cells share; default: as each configuration says.

    Returns:
        The failures.

    Raises:
        ResultError: a failure cannot be noted down.
    """
    observer = observer or SweepObserver()
    datasets = BuiltDatasets()
    threads = torch.get_num_threads()
    failures = []
    try:
        for number, cell in enumerate(cells, start=1):
            torch.set_num_threads(
                threads
            )  # a cell that asks for none gets what a run of its own has
            with observer.watch(cell, number, len(cells)) as watcher:
                failure = attempt(cell, folder, watcher, datasets, interrupts, store)
            gc.collect()  # models hold cycles, and the next cell builds its own
            if failure is not None:
                observer.failed(failure)
                failures.append(failure)
                if fail_fast:
                    break
    finally:
        torch.set_num_threads(threads)
    return failures


def attempt(
    cell: Cell,
    folder: SweepFolder,
    observer: Observer | None = None,
    datasets: BuiltDatasets | None = None,
    interrupts: Interrupts | None = None,
    store: StageStore | None = None,
) -> Failure | None:
    """Run one cell; a failure is noted in the sweep's folder and returned."""
    try:
        run(
            cell.config,
            folder.cell(cell.name),
            observer=observer,
            datasets=datasets,
            interrupts=interrupts,
            store=store,
        )
    except (Exception, SystemExit) as error:  # a plugin may raise anything
        return folder.record_failure(cell.name, error)
    folder.clear_failure(cell.name)
    return None
