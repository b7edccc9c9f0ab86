"""The fidelity loss on all pairs inside a batch, and the cosine head it trains."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cliqa.errors import DataError

if TYPE_CHECKING:
    from cliqa.training import Batch
    from cliqa_pairwise.config import FidelityConfig

#: Keeps the square roots' gradients finite (released code).
EPSILON = 1e-8


class CosineHead(nn.Module):
    """Linear score of the L2-normalised feature.

    When scoring, the weight is L2-normalised too: a score is then a cosine in [-1, 1], which is
    what makes the scores of different tasks' heads comparable (TSN-IQA, released code). In
    training the weight keeps its length, which sets the slope of the predicted probabilities.
    """

    def __init__(self, feature_dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(feature_dim, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """(B, feature_dim) -> (B, 1)."""
        weight = self.linear.weight
        if not self.training:
            weight = F.normalize(weight, dim=1)
        return F.linear(F.normalize(features, dim=1), weight)


class Fidelity:
    """1 - sqrt(r p) - sqrt((1 - r)(1 - p)), mean over the pairs of a batch (TSN-IQA, Eq. 5)."""

    def __init__(self, config: FidelityConfig) -> None:
        self.config = config

    def new_head(self, feature_dim: int) -> nn.Module:
        """See `cliqa.training.Objective.new_head`."""
        return CosineHead(feature_dim)

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        """Scalar loss over all pairs of images of one dataset; 0 if there is no such pair."""
        count = len(scores)
        first, second = torch.triu_indices(count, count, offset=1, device=scores.device)
        same = batch.task[first] == batch.task[second]
        first, second = first[same], second[same]
        if not len(first):
            return scores.sum() * 0.0
        predicted = self.probability(scores[first] - scores[second])
        return fidelity(self.labels(batch, first, second), predicted).mean()

    def probability(self, difference: Tensor) -> Tensor:
        """Predicted probability that the first image is better, from the score difference."""
        scale = math.sqrt(2.0) if self.config.link == "thurstone" else 1.0
        return torch.special.ndtr(difference.float() / scale)

    def labels(self, batch: Batch, first: Tensor, second: Tensor) -> Tensor:
        """Target probability that the first image of each pair is better, float32."""
        difference = batch.quality[first] - batch.quality[second]
        if self.config.label == "binary":
            return (difference >= 0).float()
        if self.config.label == "binary-strict":
            return (difference > 0).float()
        spread = torch.sqrt(batch.std[first] ** 2 + batch.std[second] ** 2)
        if not torch.isfinite(spread).all() or not (spread > 0).all():
            raise DataError(
                "objective `fidelity`: `label: thurstone` needs a positive score deviation for "
                "every image, and some have none; use `label: binary`"
            )
        return torch.special.ndtr(difference / spread)


def fidelity(target: Tensor, predicted: Tensor) -> Tensor:
    """Fidelity loss of two probabilities, element by element; `EPSILON` lets it fall to -1e-4."""
    return (
        1
        - torch.sqrt(target * predicted + EPSILON)
        - torch.sqrt((1 - target) * (1 - predicted) + EPSILON)
    )
