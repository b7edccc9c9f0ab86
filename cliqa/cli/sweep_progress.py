"""Progress of a sweep in the terminal."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from cliqa.cli.progress import TerminalProgress
from cliqa.sweep.execute import SweepObserver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console
    from rich.table import Table

    from cliqa.run import Observer
    from cliqa.sweep import Cell, Failure
    from cliqa.sweep.running import Progress

__all__ = ["ParallelProgress", "SweepProgress"]


class _Spoken(SweepObserver):
    """Says what becomes of each cell, a line each; use it as a context.

    Args:
        console: where to say it.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to do."""

    def again(self, failure: Failure, attempt: int, attempts: int) -> None:
        """See `SweepObserver.again`."""
        self._say(
            f"{failure.cell} failed, attempt {attempt} of {attempts}, and is tried again: "
            f"{failure.message}"
        )

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


class SweepProgress(_Spoken):
    """Shows every cell as `cliqa run` shows a run, under a line that says which it is."""

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


class ParallelProgress(_Spoken):
    """Shows cells that run at the same time: a line when one ends, and a table of those at work.

    The table is on a terminal only; a file or pipe gets a line when a cell begins too.
    """

    def __init__(self, console: Console) -> None:
        from rich.live import Live

        super().__init__(console)
        self._live = Live(console=console, refresh_per_second=2, transient=True)
        self._since: dict[str, float] = {}
        self._numbers: dict[str, str] = {}
        self._over = self._count = 0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def started(self, cell: Cell, number: int, count: int) -> None:
        """See `SweepObserver.started`."""
        self._since[cell.name] = time.monotonic()
        self._numbers[cell.name], self._count = f"[{number}/{count}] {cell.name}", count
        if not self._console.is_terminal:
            self._say(f"{self._numbers[cell.name]}: begins")

    def running(self, progress: Mapping[str, Progress | None]) -> None:
        """See `SweepObserver.running`."""
        if self._console.is_terminal:
            self._live.update(self._table(progress))

    def done(self, cell: Cell) -> None:
        """See `SweepObserver.done`."""
        self._over += 1
        self._say(f"{self._numbers[cell.name]}: done in {self._seconds(cell.name)}")

    def failed(self, failure: Failure) -> None:
        """See `SweepObserver.failed`."""
        self._over += 1
        self._say(f"{self._numbers[failure.cell]}: failed: {failure.message}")

    def _seconds(self, name: str) -> str:
        seconds = round(time.monotonic() - self._since[name])
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}"

    def _table(self, progress: Mapping[str, Progress | None]) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, title_justify="left", title_style="")
        table.title = f"{self._over} of {self._count} over"
        for _ in range(4):
            table.add_column(overflow="ellipsis", no_wrap=True)
        for name, found in progress.items():
            stage = f"{found.done}/{found.stages} stages" if found and found.stages else ""
            text = found.text if found else "waiting for its process"
            table.add_row(*map(Text, (name, self._seconds(name), stage, text)))
        return table
