"""Backbones that run in a millisecond."""

from __future__ import annotations

from types import MappingProxyType

import torch
from torch import nn

from cliqa.model import Backbone, QualityModel


class Tiny(Backbone):
    """Two convolutions, each with a layer behind it; stages 3 and 4 are their responses."""

    feature_dim = 12
    stage_dims = MappingProxyType({3: 6, 4: 12})
    mean = (0.5, 0.4, 0.3)
    std = (0.2, 0.25, 0.3)

    def __init__(self, layer, dropout: float = 0.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, stride=2, padding=1)
        self.layer1 = layer(6)
        self.conv2 = nn.Conv2d(6, 12, 3, stride=2, padding=1)
        self.layer2 = layer(12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, images):
        return self.dropout(self._maps(images)[4].mean(dim=(2, 3)))

    def stage_features(self, images, stages):
        maps = self._maps(images)
        return {stage: maps[stage].mean(dim=(2, 3)) for stage in stages}

    def _maps(self, images):
        first = torch.relu(self.layer1(self.conv1(images)))
        return {3: first, 4: torch.relu(self.layer2(self.conv2(first)))}


LAYERS = {
    "batch": nn.BatchNorm2d,
    "group": lambda channels: nn.GroupNorm(3, channels),
    "none": lambda channels: nn.Identity(),
}


def tiny_backbone(layer: str = "batch", seed: int = 0, dropout: float = 0.0) -> Tiny:
    """A tiny backbone, not trained; its normalization is away from its neutral start."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Tiny(LAYERS[layer], dropout)
        for name, tensor in network.state_dict().items():
            if name.startswith("layer") and tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
    return network.eval()


def linear_head(feature_dim: int) -> nn.Module:
    """The simplest head."""
    return nn.Linear(feature_dim, 1)


def tiny_model(layer: str = "batch", seed: int = 0, new_head=linear_head) -> QualityModel:
    """A model without heads on a tiny backbone; equal seeds give equal models."""
    backbone = tiny_backbone(layer, seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed + 1)
        return QualityModel(backbone, new_head).eval()


@torch.no_grad()
def disturb(tensor, seed: int = 0) -> None:
    """Change a tensor in place."""
    noise = torch.rand(tensor.shape, generator=torch.Generator().manual_seed(seed))
    tensor.add_((noise + 0.5).to(tensor.dtype) if tensor.is_floating_point() else 1)
