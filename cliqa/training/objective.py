"""What is learned: head type and target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cliqa.training.batches import Batch


class Objective(Protocol):
    """A head type with the loss that trains it.

    Attributes:
        arity: images in one unit that the loss is a mean over: 2 for pairs, 1 for single images.
        score_scale: optional; what a trained model's score is, in one sentence for its users.
    """

    arity: int

    def new_head(self, feature_dim: int) -> nn.Module:
        """A freshly initialised head: features (B, feature_dim) -> scores (B, 1), higher better.

        It is made once a run; every head of the model starts as a copy of it.
        """

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        """Scalar loss of float32 scores (B,) against the batch's qualities."""

    def distillation(self, scores: Tensor, old_scores: Tensor, batch: Batch) -> Tensor:
        """Scalar loss of scores (B,) against those of an older model: 0 where they agree.

        It compares what the objective compares (for pairs their probabilities), so that old
        models teach in the language that the heads were trained in.
        """

    def unit_outputs(self, scores: Tensor) -> Tensor:
        """What the model says of each unit: scores (M, arity) -> (M,); for MAS importances."""

    def unit_losses(self, scores: Tensor, quality: Tensor, std: Tensor) -> Tensor:
        """Loss of each unit: three times (M, arity) -> (M,); for Fisher information."""
