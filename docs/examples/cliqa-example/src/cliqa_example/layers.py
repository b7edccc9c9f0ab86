"""Linear layers with a low-rank addition."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa.model import Backbone

#: Part of a layer's name in timm's networks, by the setting `layers`.
_PLACES = {"all": "", "attention": ".attn.", "mlp": ".mlp."}


class LowRankLinear(nn.Linear):
    """x -> x W^T + b + alpha / r (x A^T) B^T (Hu et al. 2022, section 4.1).

    It keeps the tensors of the layer whose place it takes, under their names, so that whatever
    knows the network by these still does. A is random and B zero: at first nothing is changed.

    Args:
        layer: the layer to adapt.
        rank: r.
        alpha: see the equation.
    """

    def __init__(self, layer: nn.Linear, rank: int, alpha: float) -> None:
        super().__init__(
            layer.in_features, layer.out_features, layer.bias is not None, device="meta"
        )
        self.weight, self.bias = layer.weight, layer.bias
        self.scale = alpha / rank
        self.down = nn.Parameter(torch.empty(rank, layer.in_features))
        self.up = nn.Parameter(torch.zeros(layer.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))
        self.to(layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        """See the class: (..., in_features) -> (..., out_features)."""
        return super().forward(x) + self.scale * F.linear(F.linear(x, self.down), self.up)


def linear_layers(backbone: Backbone, where: str) -> dict[str, nn.Linear]:
    """Linear layers that may be adapted, by name.

    Only plain ones: torch's own attention reads the weight of its layer without calling it. Those
    that the backbone keeps frozen by design are left out.

    Args:
        backbone: the network.
        where: `all`, `attention` or `mlp`.
    """
    learnable = backbone.learnable()
    return {
        name: module
        for name, module in backbone.named_modules()
        if type(module) is nn.Linear and f"{name}.weight" in learnable and _PLACES[where] in name
    }


def adapt(backbone: Backbone, where: str, rank: int, alpha: float) -> None:
    """Put a `LowRankLinear` in the place of each linear layer."""
    for name, layer in linear_layers(backbone, where).items():
        parent, _, own = name.rpartition(".")
        setattr(backbone.get_submodule(parent), own, LowRankLinear(layer, rank, alpha))


def adapter_tensors(backbone: Backbone) -> Iterator[str]:
    """Names of all A and B."""
    for name, module in backbone.named_modules():
        if isinstance(module, LowRankLinear):
            yield from (f"{name}.down", f"{name}.up")
