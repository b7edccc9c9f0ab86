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

    arity = 2
    score_scale = (
        "a relative number in [-1, 1], learned from comparisons of two images: which of two images "
        "scores higher is meaningful, the number itself is no MOS"
    )

    def __init__(self, config: FidelityConfig) -> None:
        self.config = config

    def new_head(self, feature_dim: int) -> nn.Module:
        """See `cliqa.training.Objective.new_head`."""
        return CosineHead(feature_dim)

    def loss(self, scores: Tensor, batch: Batch) -> Tensor:
        """Scalar loss over all pairs of images of one dataset; 0 if there is no such pair."""
        self._check_deviations(batch)
        pairs = pairs_of(batch)
        if not len(pairs):
            return scores.sum() * 0.0
        return self.unit_losses(scores[pairs], batch.quality[pairs], batch.std[pairs]).mean()

    def distillation(self, scores: Tensor, old_scores: Tensor, batch: Batch) -> Tensor:
        """Fidelity of the pairs' probabilities to the old model's, mean over the pairs."""
        pairs = pairs_of(batch)
        if not len(pairs):
            return scores.sum() * 0.0
        target = self.unit_outputs(old_scores[pairs])
        return fidelity(target, self.unit_outputs(scores[pairs])).mean()

    def unit_outputs(self, scores: Tensor) -> Tensor:
        """Predicted probability that the first image of a pair is better: (M, 2) -> (M,)."""
        scale = math.sqrt(2.0) if self.config.link == "thurstone" else 1.0
        return torch.special.ndtr((scores[:, 0] - scores[:, 1]) / scale)

    def unit_losses(self, scores: Tensor, quality: Tensor, std: Tensor) -> Tensor:
        """Fidelity loss of each pair: three times (M, 2) -> (M,)."""
        return fidelity(self.labels(quality, std), self.unit_outputs(scores))

    def labels(self, quality: Tensor, std: Tensor) -> Tensor:
        """Target probability that the first image of each pair is better: (M, 2) -> (M,)."""
        difference = quality[:, 0] - quality[:, 1]
        if self.config.label == "binary":
            return (difference >= 0).to(quality.dtype)
        if self.config.label == "binary-strict":
            return (difference > 0).to(quality.dtype)
        return torch.special.ndtr(difference / std.square().sum(dim=1).sqrt())

    def _check_deviations(self, batch: Batch) -> None:
        if self.config.label == "thurstone" and not (batch.std > 0).all():  # nan fails too
            raise DataError(
                "objective `fidelity`: `label: thurstone` needs a positive score deviation for "
                "every image, and some have none; use `label: binary`"
            )


def pairs_of(batch: Batch) -> Tensor:
    """The pairs that the batch names, or else all that it holds: int64 (M, 2)."""
    return pairs_within(batch.scale) if batch.pairs is None else batch.pairs


def pairs_within(scale: Tensor) -> Tensor:
    """All pairs of positions whose images are of one dataset: int64 (B,) -> int64 (M, 2)."""
    first, second = torch.triu_indices(len(scale), len(scale), offset=1, device=scale.device)
    same = scale[first] == scale[second]
    return torch.stack([first[same], second[same]], dim=1)


def fidelity(target: Tensor, predicted: Tensor) -> Tensor:
    """Fidelity loss of two probabilities, element by element; `EPSILON` lets it fall to -1e-4."""
    return (
        1
        - torch.sqrt(target * predicted + EPSILON)
        - torch.sqrt((1 - target) * (1 - predicted) + EPSILON)
    )
