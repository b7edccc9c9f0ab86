"""What processes compute together: features of a batch, gradients, and whether they agree."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from cliqa.distributed.batch_norm import SyncedBatchNorm
from cliqa.distributed.launch import World
from cliqa.distributed.processes import with_the_others, world
from cliqa.errors import CliqaError
from cliqa.seeds import named_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = [
    "OutOfStepError",
    "average_gradients",
    "check_in_step",
    "divided",
    "gather",
    "spread",
]

Rows = TypeVar("Rows", bound="Sequence[Any] | Tensor")


class OutOfStepError(CliqaError, RuntimeError):
    """Processes of one run hold different models."""


def spread(function: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    """A function of a batch, each process computing its share of the rows.

    Batch normalization that trains takes its statistics over all processes.

    Args:
        function: (B, ...) -> (B, F), row by row but for batch normalization.
        rows: the whole batch, the same on every process.

    Returns:
        The result for the whole batch, on every process, with its graph; float32 or wider where it
        was divided.
    """
    if len(rows) < world().size or world().size == 1:
        return function(rows)
    with SyncedBatchNorm():
        return divided(lambda own: _wide(function(own)), rows)


def divided(function: Callable[[Rows], Tensor], rows: Rows) -> Tensor:
    """A function of many things, each process computing its share of them.

    With fewer things than processes each computes them all.

    Args:
        function: B things -> (B, ...), each by itself.
        rows: the things, the same on every process.

    Returns:
        The result for all of them, on every process.
    """
    here = world()
    if len(rows) < here.size or here.size == 1:
        return function(rows)
    own: Any = rows[here.share(len(rows))]
    with _own_draws(here):
        found = function(own)
    return gather(found, len(rows))


def _wide(features: Tensor) -> Tensor:
    """At least float32: Gloo sends no bf16, and gradients are summed in this type."""
    return features.to(torch.promote_types(features.dtype, torch.float32))


@contextmanager
def _own_draws(here: World) -> Iterator[None]:
    """Other random numbers on every process, and all at one place afterwards.

    Where none are drawn the generators stay where they were, as they do in one process.
    """
    generators = [torch.default_generator]
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        generators.append(torch.cuda.default_generators[torch.cuda.current_device()])
    before = [generator.get_state() for generator in generators]
    seed = int(torch.randint(2**62, ()))  # the same on every process
    for generator in generators:
        generator.manual_seed(named_seed(seed, "process", here.rank))
    start = [generator.get_state() for generator in generators]
    yield
    for generator, begun, old in zip(generators, start, before, strict=True):
        if torch.equal(generator.get_state(), begun):
            generator.set_state(old)
        else:
            generator.manual_seed(named_seed(seed, "together"))


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
    if here.size == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return
    flat = torch.cat([g.reshape(-1) for g in gradients])
    with with_the_others():
        dist.all_reduce(flat)
    flat /= here.size
    for gradient, own in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(own.view_as(gradient))


def check_in_step(digests: Iterable[str], when: str) -> None:
    """Find out whether every process holds the same.

    Args:
        digests: of what must be the same; not looked at where there is one process.
        when: for the message.

    Raises:
        OutOfStepError: on every process, naming the first that differs from process 0.
    """
    here = world()
    if here.size == 1:
        return
    own = hashlib.sha256("\n".join(digests).encode()).digest()
    found = [torch.zeros(32, dtype=torch.uint8) for _ in range(here.size)]
    with with_the_others():
        dist.all_gather(found, torch.tensor(list(own), dtype=torch.uint8))
    different = [rank for rank, one in enumerate(found) if not torch.equal(one, found[0])]
    if different:
        raise OutOfStepError(
            f"process {different[0]} holds another model than process 0 {when}; a strategy changed "
            "tensors by something that differs between processes, such as unseeded random numbers"
        )


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
        with with_the_others():
            dist.all_gather(found, padded)
        return torch.cat([rows[:size] for rows, size in zip(found, sizes, strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        total = gradients[0].contiguous().clone()
        with with_the_others():
            dist.all_reduce(total)
        return total[world().share(ctx.count)], None
