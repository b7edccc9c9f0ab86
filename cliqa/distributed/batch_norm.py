"""Batch normalization over the images of all processes."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

from cliqa.distributed.processes import with_the_others

__all__ = ["SyncedBatchNorm"]


class _Sum(torch.autograd.Function):
    """The sum over processes; so is the gradient."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:  # noqa: ARG004
        return _total(value)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        return _total(gradients[0])


def _total(value: Tensor) -> Tensor:
    total = value.contiguous().clone()
    with with_the_others():
        dist.all_reduce(total)
    return total


class SyncedBatchNorm(TorchFunctionMode):
    """Within it, batch normalization that trains takes the statistics of all processes.

    PyTorch's own synchronized layer replaces modules and works on GPUs only; this catches the one
    function that all layers with batch statistics call.
    """

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is F.batch_norm:
            return _batch_norm(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _batch_norm(
    images: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`torch.nn.functional.batch_norm` with the statistics of all processes."""
    if not training:
        with torch._C.DisableTorchFunction():
            return F.batch_norm(
                images, running_mean, running_var, weight, bias, False, momentum, eps
            )
    dims = [0, *range(2, images.ndim)]
    shape = [1, -1, *[1] * (images.ndim - 2)]
    values = images.to(torch.promote_types(images.dtype, torch.float32))
    own = torch.full_like(values[0, 0].flatten()[:1], values.numel() / values.shape[1])
    count = _Sum.apply(own)
    mean = _Sum.apply(values.sum(dims)) / count
    centred = values - mean.view(shape)
    variance = _Sum.apply(centred.square().sum(dims)) / count
    if running_mean is not None and running_var is not None:
        with torch.no_grad():
            running_mean.lerp_(mean.to(running_mean), momentum)
            unbiased = variance * count / (count - 1)
            running_var.lerp_(unbiased.to(running_var), momentum)
    result = centred * torch.rsqrt(variance + eps).view(shape)
    if weight is not None and bias is not None:
        result = result * weight.view(shape) + bias.view(shape)
    return result.to(images.dtype)
