"""Generator and discriminator of features, conditioned on distortion and quality (LIQA).

Layer widths are not in the paper; the default is the size of a pooled feature of ResNet-18.
Features are measured in a fixed unit, so that networks with large and small features train alike.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Entries of the noise z.
NOISE: Final = 200


def _layers(*widths: int) -> nn.Sequential:
    """Fully connected layers, each followed by a leaky ReLU."""
    parts: list[nn.Module] = []
    for width, following in itertools.pairwise(widths):
        parts += [nn.Linear(width, following), nn.LeakyReLU(0.2)]
    return nn.Sequential(*parts)


class Generator(nn.Module):
    """(noise, quality, distortion) -> a pseudo feature of an image.

    z~_j = mu_j + sigma_j z, an embedding shared by all distortions, the quality added to it, and
    two layers of the distortion's own.

    Args:
        feature_dim: entries of a feature.
        width: units of the embedding's last layer and of a distortion's own.
        unit: size of an entry of a real feature; outputs are in this unit.
        positive: True if real features are never negative, as after a pooled ReLU.
    """

    def __init__(
        self, feature_dim: int, width: int, unit: float = 1.0, *, positive: bool = True
    ) -> None:
        super().__init__()
        self._dims = width, feature_dim
        self.register_buffer("unit", torch.tensor(unit))
        self.register_buffer("positive", torch.tensor(positive))
        self.unit: Tensor
        self.positive: Tensor
        self.mean, self.spread = nn.ParameterList(), nn.ParameterList()
        self.embedding = _layers(NOISE, width // 2, width // 2, width)
        self.heads = nn.ModuleList()

    def add_distortion(self) -> None:
        """Make room for one more, behind those known."""
        self.mean.append(nn.Parameter(torch.zeros(NOISE)))
        self.spread.append(nn.Parameter(torch.ones(NOISE)))
        width, feature_dim = self._dims
        head = nn.Sequential(_layers(width, width), nn.Linear(width, feature_dim))
        self.heads.append(head)

    def own(self, distortion: int) -> list[nn.Parameter]:
        """mu_j, sigma_j and G_j."""
        return [
            self.mean[distortion],
            self.spread[distortion],
            *self.heads[distortion].parameters(),
        ]

    def forward(self, noise: Tensor, score: Tensor, distortion: Tensor) -> Tensor:
        """Pseudo features.

        Args:
            noise: float32 (B, 200), standard normal.
            score: float32 (B,), quality in [0, 1].
            distortion: int64 (B,), numbers of known distortions.

        Returns:
            float32 (B, feature_dim).
        """
        means, spreads = torch.stack(list(self.mean)), torch.stack(list(self.spread))
        latent = self.embedding(means[distortion] + spreads[distortion] * noise) + score[:, None]
        raw = by_number(self.heads, latent, distortion)
        return self.unit * (torch.relu(raw) if self.positive else raw)


class Discriminator(nn.Module):
    """(feature, distortion) -> its quality, and whether it is real.

    Args:
        feature_dim: entries of a feature.
        width: units of each hidden layer.
        unit: size of an entry of a real feature.
    """

    def __init__(self, feature_dim: int, width: int, unit: float = 1.0) -> None:
        super().__init__()
        self._width = width
        self.register_buffer("unit", torch.tensor(unit))
        self.unit: Tensor
        self.embedding = _layers(feature_dim, width, width, width)
        self.quality, self.real = nn.ModuleList(), nn.ModuleList()

    def add_distortion(self) -> None:
        """Make room for one more, behind those known."""
        self.quality.append(nn.Linear(self._width, 1))
        self.real.append(nn.Linear(self._width, 1))

    def own(self, distortion: int) -> list[nn.Parameter]:
        """P_j and Q_j."""
        return [*self.quality[distortion].parameters(), *self.real[distortion].parameters()]

    def forward(self, features: Tensor, distortion: Tensor) -> tuple[Tensor, Tensor]:
        """What P_j and Q_j say.

        Args:
            features: float32 (B, feature_dim).
            distortion: int64 (B,), numbers of known distortions.

        Returns:
            Quality in [0, 1] and the logit of being real, both float32 (B,).
        """
        embedded = self.embedding(features / self.unit)
        quality = by_number(self.quality, embedded, distortion)[:, 0]
        return torch.sigmoid(quality), by_number(self.real, embedded, distortion)[:, 0]


def by_number(modules: Iterable[nn.Module], inputs: Tensor, number: Tensor) -> Tensor:
    """Each row through the module of its number.

    Args:
        modules: maps (M, F) -> (M, G).
        inputs: float32 (B, F).
        number: int64 (B,), which module each row takes.

    Returns:
        float32 (B, G).
    """
    order = number.argsort(stable=True)
    modules = list(modules)
    counts = number.bincount(minlength=len(modules)).tolist()
    parts = inputs[order].split(counts)
    found = torch.cat([m(part) for m, part in zip(modules, parts, strict=True) if len(part)])
    return found[order.argsort()]
