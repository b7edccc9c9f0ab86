"""Learning without forgetting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from cliqa_regularization.base import RegularizedStrategy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from cliqa.model import QualityModel
    from cliqa.training import Batch, Phase, TaskContext


class LearningWithoutForgetting(RegularizedStrategy):
    """The old model teaches the old heads on the current images (TSN-IQA, IV-B).

    The teacher of many heads is the model as it is when stage 2 begins. The teacher of one head is
    the model that the stage before left: with no warm-up that is the same moment, and with one the
    head would by then have learned from new images only.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._teacher: QualityModel | None = None

    def phases(self, context: TaskContext) -> Iterator[Phase]:
        """The two stages; the teacher is copied before the first that is penalised."""
        self._teacher = None
        for phase in super().phases(context):
            if self._teacher is None and self._old_heads(context) and self.penalised(phase):
                self._teacher = context.model.teacher()
            yield phase
        self._teacher = None

    def _old_heads(self, context: TaskContext) -> range:
        """The heads that old tasks are scored by."""
        if self.multi_head:
            return range(context.head)
        known = set(context.model.head_tasks[0])
        return range(1 if known - {task.name for task in context.tasks} else 0)

    def penalty(self, context: TaskContext, batch: Batch, features: Tensor) -> Tensor | None:
        """Sum over old heads of the distillation loss on the current images."""
        if self._teacher is None:
            return None
        old_features = features  # cached, of the frozen network that pupil and teacher share
        if batch.images is not None:
            with torch.no_grad():
                old_features = context.through(self._teacher.backbone, batch)
        losses = [
            context.objective.distillation(
                context.model.score(head, features), self._teacher.score(head, old_features), batch
            )
            for head in self._old_heads(context)
        ]
        return self.config.weight * torch.stack(losses).sum()
