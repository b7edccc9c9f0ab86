"""Progress of a job in the terminal: a bar where there is a screen, a line an epoch anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliqa.cli.bars import Bars
from cliqa.pretraining import PretrainingObserver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console
    from rich.progress import TaskID


class PretrainProgress(Bars, PretrainingObserver):
    """Shows how a job gets on.

    Args:
        console: where to show it.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._bar: TaskID | None = None

    def note(self, text: str) -> None:
        """See `PretrainingObserver.note`."""
        self._say(text)

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
