"""One run on several processes, launched by `torchrun`: every process holds the whole model.

A batch is divided among the processes only where it is expensive: each runs the backbone on its
share of the images, and the features of all are gathered on every process. Heads, losses and
penalties are then computed on the whole batch everywhere, so a pair may join images of two
processes, and no method has to know how many there are.

Gradients. Every process computes the same loss L, and what one sends to the others is summed on the
way back. Parameter p of process r therefore gets dJ/dp_r of J = L_1 + ... + L_W, and the mean over
processes is dL/dp: for the backbone, of which each process saw a part; for heads and penalties,
which every process computed in full. Nothing wraps the model, so heads may be added at any time.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from cliqa.errors import CliqaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


class OutOfStepError(CliqaError, RuntimeError):
    """Processes of one run hold different models."""


@dataclass(frozen=True)
class World:
    """The processes of a run.

    Attributes:
        rank: number of this one, from 0; number 0 writes and prints.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    def share(self, count: int) -> slice:
        """This process's part of so many things: nearly equal parts, in order of rank."""
        return slice(count * self.rank // self.size, count * (self.rank + 1) // self.size)


def world() -> World:
    """The processes of this run; alone unless `joined`."""
    if dist.is_available() and dist.is_initialized():
        return World(dist.get_rank(), dist.get_world_size())
    return World()


def launched() -> World:
    """What `torchrun` says in the environment, before the processes have met."""
    return World(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """Meet the other processes that `torchrun` has started; alone, nothing happens.

    Args:
        device: what this process computes on: over NCCL on GPUs, else over Gloo.
    """
    if launched().size == 1:
        yield World()
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield world()
    finally:
        dist.destroy_process_group()


def spread(function: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    """A function of a batch, each process computing its share of the rows.

    Batch normalization that trains takes its statistics over all processes. With fewer rows than
    processes each computes them all.

    Args:
        function: (B, ...) -> (B, F), row by row but for batch normalization.
        rows: the whole batch, the same on every process.

    Returns:
        The result for the whole batch, on every process, with its graph.
    """
    here = world()
    if len(rows) < here.size or here.size == 1:
        return function(rows)
    with _SyncedBatchNorm():
        return gather(function(rows[here.share(len(rows))]), len(rows))


def gather(share: Tensor, count: int) -> Tensor:
    """The rows of all processes in order of rank, on every process.

    Args:
        share: this process's rows, `World.share` of `count`.
        count: rows of all processes together.
    """
    gathered: Tensor = _Gather.apply(share, count) if world().size > 1 else share
    return gathered


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace gradients by their mean over processes; a parameter that has none is left out."""
    here = world()
    gradients = [p.grad for p in parameters if p.grad is not None]
    if here.size == 1 or not gradients:
        return
    flat = torch.cat([g.reshape(-1) for g in gradients])
    dist.all_reduce(flat)
    flat /= here.size
    for gradient, own in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(own.view_as(gradient))


def check_in_step(digests: Sequence[str], when: str) -> None:
    """Find out whether every process holds the same.

    Args:
        digests: of what must be the same.
        when: for the message.

    Raises:
        OutOfStepError: on every process, naming the first that differs from process 0.
    """
    here = world()
    if here.size == 1:
        return
    own = hashlib.sha256("\n".join(digests).encode()).digest()
    found = [torch.zeros(32, dtype=torch.uint8, device=_device()) for _ in range(here.size)]
    dist.all_gather(found, torch.tensor(list(own), dtype=torch.uint8, device=_device()))
    different = [rank for rank, one in enumerate(found) if not torch.equal(one, found[0])]
    if different:
        raise OutOfStepError(
            f"process {different[0]} holds another model than process 0 {when}; a strategy changed "
            "tensors by something that differs between processes, such as unseeded random numbers"
        )


def _device() -> torch.device:
    """Where tensors must be to be sent."""
    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")


class _Gather(torch.autograd.Function):
    """All rows on every process; on the way back each process's rows get the sum over processes."""

    @staticmethod
    def forward(ctx: Any, share: Tensor, count: int) -> Tensor:
        here = world()
        ctx.count = count
        sizes = [len(range(count)[World(r, here.size).share(count)]) for r in range(here.size)]
        # Collectives want equal shapes: shares differ by a row at most.
        padded = share.new_zeros(max(sizes), *share.shape[1:])
        padded[: len(share)] = share
        found = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(found, padded)
        return torch.cat([rows[:size] for rows, size in zip(found, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total[world().share(ctx.count)], None


class _Sum(torch.autograd.Function):
    """The sum over processes; so is the gradient."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:  # noqa: ARG004
        total = value.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


class _SyncedBatchNorm(TorchFunctionMode):
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
