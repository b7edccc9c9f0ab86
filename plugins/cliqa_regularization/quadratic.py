"""What SI, MAS and EWC share: a quadratic penalty around anchors, weighted by importances.

There is no 1/2, and importances of tasks are added up (TSN-IQA, released code).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from cliqa_regularization.base import RegularizedStrategy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from cliqa.training import Batch, TaskContext

Named = dict[str, "Tensor"]


class QuadraticPenalty(RegularizedStrategy):
    """weight * sum_i Omega_i (theta_i - theta*_i)^2 over the held parameters."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.importance: Named = {}
        self.anchor: Named = {}

    def penalty(self, context: TaskContext, batch: Batch, features: Tensor) -> Tensor | None:  # noqa: ARG002
        """See the class."""
        if not self.importance:
            return None
        terms = distances(self.held(context), self.importance, self.anchor)
        return self.config.weight * torch.stack(terms).sum()

    def end_stage(self, context: TaskContext) -> None:
        """Add the task's importances and move the anchor to where it ended."""
        new = self.measure(context)
        decay = getattr(self.config, "decay", 1.0)
        self.importance = {
            name: decay * self.importance.get(name, 0.0) + omega for name, omega in new.items()
        }
        self.anchor = snapshot(self.held(context))

    def measure(self, context: TaskContext) -> Named:
        """Importance of every held parameter for the task just learned, non-negative."""
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


def snapshot(parameters: Mapping[str, Tensor]) -> Named:
    """Copies of parameters as they are now."""
    return {name: p.detach().clone() for name, p in parameters.items()}


def distances(parameters: Mapping[str, Tensor], importance: Named, anchor: Named) -> list[Tensor]:
    """sum_i Omega_i (theta_i - theta*_i)^2 within each held tensor, a scalar for each."""
    return [
        (omega * (parameters[name] - anchor[name]).square()).sum()
        for name, omega in importance.items()
    ]
