"""What SI, MAS and EWC share: a quadratic penalty around anchors, weighted by importances.

Only backbone parameters are held; heads belong to their tasks. There is no 1/2, importances of
tasks are added up, and nothing is penalised while only the head is trained (TSN-IQA, released
code).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from cliqa.training import Strategy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from cliqa.model import Backbone
    from cliqa.training import Batch, TaskContext

Named = dict[str, "Tensor"]


class QuadraticPenalty(Strategy):
    """weight * sum_i Omega_i (theta_i - theta*_i)^2 over backbone parameters."""

    multi_head = True

    def __init__(self, config: object = None) -> None:
        super().__init__(config)
        self.importance: Named = {}
        self.anchor: Named = {}

    def penalty(self, context: TaskContext, batch: Batch, features: Tensor) -> Tensor | None:  # noqa: ARG002
        """See the class."""
        if not self.importance:
            return None
        parameters = context.model.backbone.learnable()
        terms = [
            (omega * (parameters[name] - self.anchor[name]).square()).sum()
            for name, omega in self.importance.items()
        ]
        return self.config.weight * torch.stack(terms).sum()

    def end_stage(self, context: TaskContext) -> None:
        """Add the task's importances and move the anchor to where it ended."""
        new = self.measure(context)
        decay = getattr(self.config, "decay", 1.0)
        self.importance = {
            name: decay * self.importance.get(name, 0.0) + omega for name, omega in new.items()
        }
        self.anchor = snapshot(context.model.backbone)

    def measure(self, context: TaskContext) -> Named:
        """Importance of every backbone parameter for the task just learned, non-negative."""
        raise NotImplementedError(f"{type(self).__name__} must say how it measures importance")

    def state(self) -> dict[str, Tensor]:
        """Importances and anchors."""
        return {f"importance/{n}": t for n, t in self.importance.items()} | {
            f"anchor/{n}": t for n, t in self.anchor.items()
        }

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore them."""
        self.importance, self.anchor = select(state, "importance"), select(state, "anchor")


def select(state: Mapping[str, Tensor], part: str) -> Named:
    """The tensors of one part of a state, by parameter name."""
    return {n.partition("/")[2]: t for n, t in state.items() if n.partition("/")[0] == part}


def snapshot(backbone: Backbone) -> Named:
    """Copies of all backbone parameters that may train."""
    return {name: p.detach().clone() for name, p in backbone.learnable().items()}
