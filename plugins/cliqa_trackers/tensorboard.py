"""Event files that TensorBoard reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cliqa.tracking import Ending, TrackedRun, Tracker, final_scalars, require, scalars

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch.utils.tensorboard import SummaryWriter

    from cliqa_trackers.config import TensorBoardConfig

__all__ = ["TensorBoardTracker"]


class TensorBoardTracker(Tracker):
    """Writes scalars into `trackers/LABEL` of the bundle.

    The horizontal axis is the line of `train_log.jsonl`, so that curves of all tasks follow each
    other; what belongs to a task has the stage, from 1.

    Args:
        config: its settings.
    """

    def __init__(self, config: TensorBoardConfig) -> None:
        require("tensorboard", "tensorboard", "tensorboard")
        self.wait = config.wait
        self._writer: SummaryWriter | None = None

    def start(self, run: TrackedRun) -> None:
        """Open a new event file.

        One that goes on beside older ones begins with the order to forget those from step 0 on:
        everything is told again, so nothing is there twice and nothing that a killed process had
        not written yet is missing.
        """
        from torch.utils.tensorboard import SummaryWriter

        before = any(run.folder.glob("events.out.tfevents.*"))
        self._writer = SummaryWriter(str(run.folder), purge_step=0 if before else None)
        config = (run.bundle / "config.yaml").read_text("utf-8")
        code = "".join(f"    {line}\n" for line in config.splitlines())  # Markdown
        self._writer.add_text("config", code, 0)
        self._writer.flush()

    def record(self, number: int, record: Mapping[str, Any]) -> None:
        """See `Tracker.record`."""
        self._add(number, scalars(record))

    def task_end(self, number: int, summary: Mapping[str, Any]) -> None:  # noqa: ARG002
        """See `Tracker.task_end`."""
        self._add(summary["step"], scalars({"event": "stage", **summary}))

    def metrics(self, metrics: Mapping[str, Any]) -> None:
        """See `Tracker.metrics`."""
        for step, values in final_scalars(metrics):
            self._add(step, values)

    def close(self, ending: Ending) -> None:  # noqa: ARG002
        """See `Tracker.close`."""
        if self._writer is not None:
            self._writer.close()

    def _add(self, step: int, values: Mapping[str, float]) -> None:
        assert self._writer is not None  # noqa: S101 (`start` comes first)
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()  # an epoch's worth: whoever looks sees it now
