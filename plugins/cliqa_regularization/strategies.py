"""Learning without forgetting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from cliqa.training import Strategy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from cliqa.training import Batch, Phase, TaskContext


class LearningWithoutForgetting(Strategy):
    """The old model teaches the old heads on the current images (TSN-IQA, IV-B).

    The teacher is the model as it is when stage 2 begins.
    """

    multi_head = True

    def phases(self, context: TaskContext) -> Iterator[Phase]:
        """The two stages; the teacher is copied between them."""
        for phase in super().phases(context):
            if phase.name != "head":
                self._teacher = context.model.teacher() if context.head else None
            yield phase
        self._teacher = None

    def penalty(self, context: TaskContext, batch: Batch, features: Tensor) -> Tensor | None:
        """Sum over old heads of the distillation loss on the current pairs."""
        if self._teacher is None:
            return None
        with torch.no_grad():
            old_features = context.through(self._teacher.backbone, batch)
        losses = [
            context.objective.distillation(
                context.model.score(head, features), self._teacher.score(head, old_features), batch
            )
            for head in range(context.head)
        ]
        return self.config.weight * torch.stack(losses).sum()
