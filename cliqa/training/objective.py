"""What is learned: head type and target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cliqa.training.batches import Batch


class Objective(Protocol):
    """A head type with the loss that trains it."""

    def new_head(self, feature_dim: int) -> nn.Module:
        """A freshly initialised head: features (B, feature_dim) -> scores (B, 1), higher better.

        It is made once a run; every head of the model starts as a copy of it.
        """

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        """Scalar loss of float32 scores (B,) against the batch's qualities."""
