"""The conditional generator of features, and its discriminator (GFR's released code)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from cliqa_gfr.config import GFRConfig

_SLOPE: Final = 0.2
#: Standard deviation of the first weights; biases start at 0.
_SPREAD: Final = 0.02


class Generator(nn.Module):
    """Noise and an interval of scores in, a feature out; in units of `FeatureReplay.scale`.

    Attributes:
        floor: no feature is lower: 0 for backbones that pool the output of a ReLU, else -inf.
    """

    floor: Tensor

    def __init__(self, feature_dim: int, config: GFRConfig) -> None:
        super().__init__()
        self.latent, self.bins = config.latent, config.bins
        self.layers = nn.Sequential(
            nn.Linear(config.latent + config.bins, config.hidden),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(config.hidden, config.hidden),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(config.hidden, feature_dim),
        )
        self.register_buffer("floor", torch.tensor(-math.inf))

    def forward(self, noise: Tensor, bins: Tensor) -> Tensor:
        """Noise float32 (B, latent), intervals int64 (B,) -> features (B, feature_dim)."""
        condition = nn.functional.one_hot(bins, self.bins).to(noise.dtype)
        return torch.maximum(self.layers(torch.cat([noise, condition], dim=1)), self.floor)

    def sample(self, bins: Tensor) -> Tensor:
        """A feature for each of the intervals int64 (B,), from new noise of the device's RNG."""
        return self(torch.randn(len(bins), self.latent, device=bins.device), bins)


class Discriminator(nn.Module):
    """How real a feature looks for its interval: a projection discriminator without bound."""

    def __init__(self, feature_dim: int, config: GFRConfig) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(feature_dim, config.hidden),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(config.hidden, config.hidden),
            nn.LeakyReLU(_SLOPE),
        )
        self.plain = nn.Linear(config.hidden, 1)
        self.projection = nn.Embedding(config.bins, config.hidden)

    def forward(self, features: Tensor, bins: Tensor) -> Tensor:
        """Features (B, feature_dim), intervals int64 (B,) -> (B,), higher is more real."""
        hidden = self.body(features)
        found: Tensor = self.plain(hidden)[:, 0] + (self.projection(bins) * hidden).sum(dim=1)
        return found


@torch.no_grad()
def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw all first weights, on the CPU: small ones, and a projection of ordinary size."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.normal_(0.0, _SPREAD, generator=generator)
            layer.bias.zero_()
        elif isinstance(layer, nn.Embedding):
            bound = layer.num_embeddings**-0.5
            layer.weight.uniform_(-bound, bound, generator=generator)
