"""Progress of a run in the terminal: bars where there is a screen, a line a stage anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.progress import TaskID, TextColumn

from cliqa.cli.bars import Bars
from cliqa.run.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from cliqa.config import ResolvedConfig


class TerminalProgress(Bars, Observer):
    """Shows stages, phases and epochs.

    Args:
        console: where to show them.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console, TextColumn("{task.fields[about]}"))
        self._stages: TaskID | None = None
        self._phase: TaskID | None = None
        self._checks: TaskID | None = None

    def opening(self, config: ResolvedConfig) -> None:
        """Say what will be run, before anything heavy is loaded."""
        methods = ", ".join(r.label for r in (config.strategy, *config.compare))
        tasks = " → ".join(task.label for task in config.tasks)
        if config.run.description:
            self._say(config.run.description)
        self._say(
            f"{methods} on {config.backbone.name}; tasks {tasks}, order "
            f"{config.run.stream.order}, seed {config.run.seed}"
        )
        self._say("Preparing: weights, images, splits ...")

    def note(self, text: str) -> None:
        """See `Observer.note`."""
        self._say(f"note: {text}")

    def checking(self, images: int) -> None:
        """See `Observer.checking`."""
        self._checks = self._progress.add_task("checking", total=images, about="images")

    def checked(self, images: int) -> None:
        """See `Observer.checked`."""
        if self._checks is not None:
            self._progress.advance(self._checks, images)

    def methods(self, stages: Mapping[str, int]) -> None:
        """See `Observer.methods`."""
        if self._checks is not None:
            self._progress.remove_task(self._checks)
            self._checks = None
        self._stages = self._progress.add_task("stages", total=sum(stages.values()), about="")

    def resumed(self, method: str, stages: int, place: str) -> None:
        """See `Observer.resumed`."""
        if self._stages is not None:
            self._progress.advance(self._stages, stages)
        self._say(f"{method}: goes on, {place}")

    def stage_start(self, method: str, step: int, steps: int, tasks: str) -> None:
        """See `Observer.stage_start`."""
        if self._stages is not None:
            shown = tasks if len(tasks) < 40 else f"{tasks[:37]}..."
            self._progress.update(self._stages, about=f"{method} {step}/{steps}: {shown}")

    def phase_start(self, name: str, samples: int) -> None:
        """See `Observer.phase_start`."""
        self._end_phase()
        self._phase = self._progress.add_task(f"training {name}", total=samples, about="images")

    def advance(self, samples: int) -> None:
        """See `Observer.advance`."""
        if self._phase is not None:
            self._progress.advance(self._phase, samples)

    def epoch(self, record: Mapping[str, Any]) -> None:
        """See `Observer.epoch`."""
        if self._phase is not None:
            value = record["validation_srcc"]
            validation = "" if value is None else f", validation SRCC {value:.3f}"
            about = f"epoch {record['epoch']}, loss {record['loss']:.4f}{validation}"
            self._progress.update(self._phase, about=about)

    def evaluating(self) -> None:
        """See `Observer.evaluating`."""
        self._end_phase()

    def stage_end(self, method: str, summary: Mapping[str, Any]) -> None:
        """See `Observer.stage_end`."""
        if self._stages is not None:
            self._progress.advance(self._stages)
        seconds = f"{summary['train_seconds']:.1f} s"
        how = f"took {summary['task']} from the store, trained in {seconds}"
        if not summary.get("reused"):
            how = f"learned {summary['task']} in {seconds}"
        self._say(f"{method}: {how}, scored the test images in {summary['evaluate_seconds']:.1f} s")

    def _end_phase(self) -> None:
        if self._phase is not None:
            self._progress.remove_task(self._phase)
            self._phase = None
