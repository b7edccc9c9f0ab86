"""A convolution and the batch normalization after it as one convolution.

In evaluation mode batch normalization multiplies each channel by gamma / sqrt(var + eps) and adds
beta - mean * gamma / sqrt(var + eps). Both can be done once, to the weights in front of it, instead
of to every pixel of every image.
"""

from __future__ import annotations

import copy
from typing import Any, Final

import torch
from torch import Tensor, nn

#: Relative to the largest value: float32 rounds a sum of thousands of products to about 1e-6.
PAIR_TOLERANCE: Final = 1e-5

_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
_PLAIN_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def can_fold(layer: nn.Module) -> bool:
    """Whether the layer is linear in a weight of its own with the output channels first.

    A reparametrized layer (weight normalization) has no such weight. Further parameters (of a
    low-rank adapter) would have to be changed as well, and may have no effect while we look.
    """
    own = layer._parameters
    plain = own.keys() <= {"weight", "bias"} and isinstance(own.get("weight"), Tensor)
    return isinstance(layer, _LAYERS) and plain


def fold(layer: Any, norm: Any) -> nn.Module:
    """Give the layer new weights that do what both did.

    Args:
        layer: a convolution or linear layer; gets new parameters, its old ones are not written to.
        norm: batch normalization with running statistics.

    Returns:
        What is left to do in the place of `norm`: nothing, or the activation that a variant of
        batch normalization brings along (timm's `BatchNormAct2d`).
    """
    scale = (_exact(norm.running_var) + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * _exact(norm.weight)
    shift = -_exact(norm.running_mean)
    if layer.bias is not None:
        shift = shift + _exact(layer.bias)
    shift = shift * scale
    if norm.bias is not None:
        shift = shift + _exact(norm.bias)
    weight = layer.weight
    layer.weight = _frozen(weight * scale.to(weight).view(-1, *[1] * (weight.ndim - 1)))
    layer.bias = _frozen(shift.to(weight))
    return nn.Identity() if type(norm) in _PLAIN_NORMS else nn.Sequential(*norm.children())


def folds_exactly(layer: Any, norm: Any, inputs: Tensor) -> bool:
    """Whether folding keeps the output, tried on real inputs with made-up normalization values.

    It does not for a layer that changes its weight before it uses it (weight standardization), or a
    variant of batch normalization that does anything else than normalize and call its submodules.
    Made-up values, because fresh normalization scales by one and would let the former pass.
    """
    if norm.running_mean is None or norm.training:
        return False
    layer, norm = copy.deepcopy(layer), copy.deepcopy(norm)
    expected = layer(inputs)
    if isinstance(layer, nn.Linear) and expected.ndim != 2:
        return False  # its channels are last, those of batch normalization second
    generator = torch.Generator().manual_seed(0)
    for name, low, high in (("weight", 0.5, 1.5), ("bias", -0.5, 0.5)):
        tensor = getattr(norm, name)
        if tensor is not None:
            drawn = torch.rand(tensor.shape, generator=generator) * (high - low) + low
            tensor.data.copy_(drawn)
    expected = norm(expected)
    rest = fold(layer, norm)
    difference = (rest(layer(inputs)) - expected).abs().max()
    return bool(difference <= PAIR_TOLERANCE * expected.abs().max())  # false for nan


def _exact(values: Tensor) -> Tensor:
    """In float64, because small variances make large factors; on the CPU, as MPS has no float64."""
    return values.detach().cpu().double()


def _frozen(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor, requires_grad=False)
