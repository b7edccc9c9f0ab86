"""Progress of a sweep in the terminal: each run under a line that says which it is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from cliqa.cli.progress import TerminalProgress
from cliqa.sweep.execute import SweepObserver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from cliqa.run import Observer
    from cliqa.sweep import Cell, Failure


class SweepProgress(SweepObserver):
    """Shows every cell as `cliqa run` shows a run.

    Args:
        console: where to show them.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def watch(self, cell: Cell, number: int, count: int) -> Iterator[Observer]:
        """See `SweepObserver.watch`."""
        self._say(f"\n[{number}/{count}] {cell.name}")
        with TerminalProgress(self._console) as progress:
            progress.opening(cell.config)
            yield progress

    def failed(self, failure: Failure) -> None:
        """See `SweepObserver.failed`."""
        self._say(f"failed: {failure.message}")

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)
