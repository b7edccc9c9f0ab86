"""What is asked of the generator: which distortions, at which qualities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from cliqa_liqa.networks import NOISE

if TYPE_CHECKING:
    from torch import Tensor

    from cliqa_liqa.config import Sampling
    from cliqa_liqa.networks import Generator

#: [0, .2), [.2, .4), ... [.8, 1]
INTERVALS: Final = 5


@dataclass(frozen=True)
class Conditions:
    """What a batch of pseudo features is asked to be.

    Attributes:
        noise: float32 (B, 200), standard normal.
        score: float32 (B,), quality in [0, 1].
        distortion: int64 (B,).
    """

    noise: Tensor
    score: Tensor
    distortion: Tensor

    def through(self, generator: Generator) -> Tensor:
        """The pseudo features, float32 (B, feature_dim)."""
        features: Tensor = generator(self.noise, self.score, self.distortion)
        return features


def draw(count: int, distortions: int, how: Sampling, device: torch.device) -> Conditions:
    """Conditions from torch's global generator, which the trainer seeds for every step.

    Where they are spread evenly, the numbers of any two cells differ by at most one, and chance
    says which cells get one more.

    Args:
        count: how many.
        distortions: numbers below this are drawn.
        how: what they are spread evenly over.
        device: where they go.
    """
    by_quality, by_distortion = "quality" in how, "distortion" in how
    cells = (INTERVALS if by_quality else 1) * (distortions if by_distortion else 1)
    first = torch.randint(cells, (), device=device)
    cell = (torch.arange(count, device=device) + first) % cells
    interval = cell % INTERVALS if by_quality else torch.randint(INTERVALS, (count,), device=device)
    if by_distortion:
        distortion = cell // INTERVALS if by_quality else cell
    else:
        distortion = torch.randint(distortions, (count,), device=device)
    score = (interval + torch.rand(count, device=device)) / INTERVALS
    return Conditions(torch.randn(count, NOISE, device=device), score, distortion)


def at(score: Tensor, distortion: Tensor) -> Conditions:
    """Conditions of given qualities and distortions, with fresh noise."""
    return Conditions(torch.randn(len(score), NOISE, device=score.device), score, distortion)
