"""What watches a run: the terminal, tests, anything that shows progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Observer:
    """Told what happens; every method may be left as it is, doing nothing."""

    def note(self, text: str) -> None:
        """Something the user should know."""

    def checking(self, images: int) -> None:
        """So many images are about to be decoded, or found to be known good."""

    def checked(self, images: int) -> None:
        """So many more are; called from one thread only."""

    def methods(self, stages: Mapping[str, int]) -> None:
        """The run begins: method label -> number of its stages."""

    def resumed(self, method: str, stages: int, place: str) -> None:
        """A method goes on with what an earlier attempt began: so many stages are over."""

    def stage_start(self, method: str, step: int, steps: int, tasks: str) -> None:
        """A method begins a stage."""

    def phase_start(self, name: str, samples: int) -> None:
        """A phase begins that will see so many samples."""

    def advance(self, samples: int) -> None:
        """So many samples were trained on."""

    def epoch(self, record: Mapping[str, Any]) -> None:
        """An epoch ended; the record as in `train_log.jsonl`."""

    def evaluating(self) -> None:
        """The stage's training is over and its test images are being scored."""

    def stage_end(self, method: str, summary: Mapping[str, Any]) -> None:
        """A stage ended."""
