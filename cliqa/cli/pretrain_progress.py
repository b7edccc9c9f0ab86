"""Progress of a job in the terminal: a bar where there is a screen, a line an epoch anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cliqa.pretraining import PretrainingObserver

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from rich.console import Console
    from rich.progress import TaskID


class PretrainProgress(PretrainingObserver):
    """Shows how a job gets on; use it as a context.

    Args:
        console: where to show it.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._bar: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def note(self, text: str) -> None:
        """See `PretrainingObserver.note`."""
        # In a file a line stays whole, so that it can be searched for.
        whole = not self._console.is_terminal
        self._console.print(text, highlight=False, markup=False, soft_wrap=whole)

    def start(self, what: str, total: int) -> None:
        """See `PretrainingObserver.start`."""
        if self._bar is not None:
            self._progress.remove_task(self._bar)
        self._bar = self._progress.add_task(what, total=total)

    def advance(self, count: int) -> None:
        """See `PretrainingObserver.advance`."""
        if self._bar is not None:
            self._progress.advance(self._bar, count)

    def epoch(self, number: int, epochs: int, figures: Mapping[str, float]) -> None:
        """See `PretrainingObserver.epoch`."""
        shown = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
        self.note(f"epoch {number} of {epochs}: {shown}")
