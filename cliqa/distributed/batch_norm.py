"""Batch normalization over the images of all processes."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.overrides import TorchFunctionMode

from cliqa.distributed.processes import with_the_others, world

__all__ = ["SyncedBatchNorm"]


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
        return _normalized(images, running_mean, running_var, weight, bias, eps)
    mean, variance, count = _statistics(images.detach())
    if running_mean is not None and running_var is not None:
        with torch.no_grad():
            running_mean.lerp_(mean.to(running_mean), momentum)
            unbiased = variance * count / (count - 1)
            running_var.lerp_(unbiased.to(running_var), momentum)
    weight = torch.ones_like(mean) if weight is None else weight
    bias = torch.zeros_like(mean) if bias is None else bias
    result: Tensor = _Normalize.apply(images, weight, bias, mean, variance, count, eps)
    return result


def _normalized(
    images: Tensor,
    mean: Tensor | None,
    variance: Tensor | None,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> Tensor:
    """(images - mean) / sqrt(variance + eps) * weight + bias, in one pass over the images."""
    with torch._C.DisableTorchFunction():
        return F.batch_norm(images, mean, variance, weight, bias, False, 0.0, eps)


def _statistics(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and biased variance of each channel over all processes, and of how many values.

    Every process takes those of its own images, in one pass as the layer itself does; of equal
    parts the variance is that within them plus that of their means.
    """
    channels = images.shape[1]
    wide = torch.promote_types(images.dtype, torch.float32)
    # Written to, and by their type they ask for statistics of that precision.
    scratch = torch.zeros(2, channels, dtype=wide, device=images.device)
    mean, variance = torch.batch_norm_update_stats(images, scratch[0], scratch[1], 0.0)
    count = torch.full_like(mean[:1], images.numel() / channels)
    own = torch.cat([mean, variance, count])
    found = [torch.empty_like(own) for _ in range(world().size)]
    with with_the_others():
        dist.all_gather(found, own)
    means, variances, counts = torch.stack(found).split([channels, channels, 1], dim=1)
    total = counts.sum()
    share = counts / total
    together = (share * means).sum(0)
    spread = (share * (variances + (means - together).square())).sum(0)
    return together, spread, total


class _Normalize(torch.autograd.Function):
    """Normalization by statistics that are functions of the images of all processes."""

    @staticmethod
    def forward(
        ctx: Any,
        images: Tensor,
        weight: Tensor,
        bias: Tensor,
        mean: Tensor,
        variance: Tensor,
        count: Tensor,
        eps: float,
    ) -> Tensor:
        ctx.save_for_backward(images, weight, mean, variance, count)
        ctx.eps = eps
        return _normalized(images, mean, variance, weight, bias, eps)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The layer's own gradient, its means taken over all processes.

        With x^ the normalized images and g the gradient of what was made of them: dL/dx = weight /
        sqrt(variance + eps) * (g - mean(g) - x^ mean(g x^)).
        """
        images, weight, mean, variance, count = ctx.saved_tensors
        # What constant statistics would give, and the sums of g x^ and g over this share.
        images_grad, weight_grad, bias_grad = torch.ops.aten.native_batch_norm_backward(
            gradients[0], images, weight, mean, variance, None, None, False, ctx.eps,
            [True, True, True],
        )  # fmt: skip
        sums = torch.cat([weight_grad, bias_grad])
        with with_the_others():
            dist.all_reduce(sums)
        by_image, constant = (sums / count).chunk(2)
        scale = -weight * torch.rsqrt(variance + ctx.eps)
        moved = _normalized(images, mean, variance, scale * by_image, scale * constant, ctx.eps)
        return images_grad.add_(moved), weight_grad, bias_grad, None, None, None, None
