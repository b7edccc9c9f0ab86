"""Experience replay, and replay with distillation."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import torch

from cliqa.training import ImageBatches, Strategy
from cliqa_replay.memory import Memory, Mixed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor

    from cliqa.data import Task
    from cliqa.model import QualityModel
    from cliqa.training import Batch, Phase, TaskContext


class ExperienceReplay(Strategy):
    """Stage 2 sees a batch of the memory behind every batch of the task.

    Images and memory share one forward; every image is scored by its own task's head, and pairs
    never cross datasets.
    """

    multi_head = True

    def __init__(self, config: object = None) -> None:
        super().__init__(config)
        self.memory = Memory(self.config.memory)

    @property
    def exemplars(self) -> int:
        """Images in the memory."""
        return len(self.memory)

    def phases(self, context: TaskContext) -> Iterator[Phase]:
        """The two stages; the second with the memory, once there is one."""
        for phase in super().phases(context):
            if phase.name == "head" or not self.memory.tasks:
                yield phase
                continue
            replayed = ImageBatches(
                self.memory.tasks,
                context.model.backbone,
                context.config,
                context.seed,
                context.compute.device,
                rows=self.memory.kept,
                name=f"memory for step {context.stage.step}",
            )
            assert isinstance(phase.batches, ImageBatches)  # noqa: S101 (stage 2 always sees images)
            yield dataclasses.replace(
                phase, batches=Mixed(phase.batches, replayed, len(context.tasks))
            )

    def loss(self, context: TaskContext, batch: Batch) -> Tensor:
        """The current task's loss, and that of the old task whose turn it is in the memory."""
        features = context.forward(batch)
        current = batch.task < len(context.tasks)
        loss = self._task_loss(context, context.head, features[current], batch.select(current))
        old = [
            self._memory_loss(context, head, features, batch, batch.task == number)
            for head, number in self._old_heads(context, batch)
        ]
        return loss + self.config.weight * torch.stack(old).mean() if old else loss

    def _old_heads(self, context: TaskContext, batch: Batch) -> list[tuple[int, int]]:
        """(head, number in `batch.task`) of the old tasks in the batch."""
        first = len(context.tasks)
        present = set(batch.task.tolist())
        return [(head, first + head) for head in range(context.head) if first + head in present]

    def _memory_loss(
        self, context: TaskContext, head: int, features: Tensor, batch: Batch, own: Tensor
    ) -> Tensor:
        return self._task_loss(context, head, features[own], batch.select(own))

    def _task_loss(self, context: TaskContext, head: int, features: Tensor, batch: Batch) -> Tensor:
        return context.objective.loss(context.model.score(head, features), batch)

    def end_stage(self, context: TaskContext) -> None:
        """Remember some of the task's images."""
        for task in context.tasks:
            self.memory.add(task, context.seed)

    def state(self) -> dict[str, Tensor]:
        """Which images of which old tasks the memory holds."""
        return self.memory.state()

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Keep it until the tasks are there, too."""
        self._rows = state

    def recall_tasks(self, tasks: Sequence[Task]) -> None:
        """Restore the memory."""
        self.memory.restore(self._rows, tasks)
        del self._rows


class DistillationReplay(ExperienceReplay):
    """On the memory the old model's probabilities are learned instead of the labels."""

    def __init__(self, config: object = None) -> None:
        super().__init__(config)
        self._teacher: QualityModel | None = None

    def phases(self, context: TaskContext) -> Iterator[Phase]:
        """As in experience replay; the teacher is the model when stage 2 begins."""
        for phase in super().phases(context):
            if phase.name != "head":
                self._teacher = context.model.teacher()
            yield phase

    def end_stage(self, context: TaskContext) -> None:
        """Remember some of the task's images; the old model is not needed any more."""
        super().end_stage(context)
        self._teacher = None

    def _memory_loss(
        self, context: TaskContext, head: int, features: Tensor, batch: Batch, own: Tensor
    ) -> Tensor:
        assert self._teacher is not None  # noqa: S101 (the phase has begun)
        part = batch.select(own)
        with torch.no_grad():
            old_features = context.through(self._teacher.backbone, part)
        return context.objective.distillation(
            context.model.score(head, features[own]), self._teacher.score(head, old_features), part
        )
