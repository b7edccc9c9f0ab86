"""Squared error on scores, and the head it trains (LIQA)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from cliqa.training import Batch
    from cliqa_regression.config import SquaredErrorConfig


class ScoreHead(nn.Module):
    """FC, ReLU, FC, sigmoid: a score in (0, 1).

    The paper speaks of "two FC-ReLU layers then Sigmoid"; a ReLU in front of the sigmoid could only
    give scores of at least 0.5, so the second layer has none.
    """

    def __init__(self, feature_dim: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(feature_dim, hidden)
        self.second = nn.Linear(hidden, 1)

    def forward(self, features: Tensor) -> Tensor:
        """(B, feature_dim) -> (B, 1)."""
        return torch.sigmoid(self.second(torch.relu(self.first(features))))


class SquaredError:
    """(score - quality)^2, mean over the images; qualities lie in [0, 1]."""

    arity = 1
    score_scale = (
        "a number in [0, 1], learned as the rating itself stretched to [0, 1] over the range of "
        "each rated set"
    )

    def __init__(self, config: SquaredErrorConfig) -> None:
        self.config = config

    def new_head(self, feature_dim: int) -> nn.Module:
        """See `cliqa.training.Objective.new_head`."""
        return ScoreHead(feature_dim, self.config.hidden)

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        """Mean squared error of scores (B,)."""
        return (scores - batch.quality).square().mean()

    def distillation(self, scores: Tensor, old_scores: Tensor, batch: Batch) -> Tensor:  # noqa: ARG002
        """Mean squared difference from the old model's scores."""
        return (scores - old_scores).square().mean()

    def unit_outputs(self, scores: Tensor) -> Tensor:
        """The score of each image itself: (M, 1) -> (M,)."""
        return scores[:, 0]

    def unit_losses(self, scores: Tensor, quality: Tensor, std: Tensor) -> Tensor:  # noqa: ARG002
        """Squared error of each image: three times (M, 1) -> (M,)."""
        return (scores - quality).square()[:, 0]
