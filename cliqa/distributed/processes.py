"""Processes meet, agree and part."""

from __future__ import annotations

import itertools
import json
from contextlib import contextmanager
from textwrap import shorten
from typing import TYPE_CHECKING, Final, TypeVar

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore

from cliqa.distributed.launch import (
    LostProcessError,
    World,
    launched,
    local_rank,
    node,
    store,
    wait_until,
)
from cliqa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "agreed",
    "bytes_of_first",
    "joined",
    "one_before_the_others",
    "own_device",
    "with_the_others",
    "world",
]

T = TypeVar("T")

#: Every meeting has notes of its own, for one program may hold several, one after the other.
_MEETINGS: Final = itertools.count()


def world() -> World:
    """The processes of this run; alone unless `joined`."""
    if dist.is_available() and dist.is_initialized():
        return World(dist.get_rank(), dist.get_world_size())
    return World()


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """Meet the other processes that `torchrun` has started; alone, nothing happens.

    Who leaves with an error does not wait for the others: they lose the connection when it ends.

    Args:
        device: what this process computes on: over NCCL on GPUs, else over Gloo.
    """
    if launched().size == 1:
        yield World()
        return
    here, meeting = launched(), f"cliqa/{next(_MEETINGS)}"
    backend = "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl"
    _gather_at(f"{meeting}/came", here.size)
    notes = PrefixStore(meeting, store())
    dist.init_process_group(backend, store=notes, rank=here.rank, world_size=here.size)
    yield world()
    _gather_at(f"{meeting}/left", here.size)
    dist.destroy_process_group()


def _gather_at(place: str, size: int) -> None:
    store().add(place, 1)
    wait_until(lambda: store().add(place, 0) >= size)


@contextmanager
def one_before_the_others(kept: Callable[[], bool]) -> Iterator[None]:
    """One process of each machine does this first, so that the others find it done.

    Args:
        kept: whether what it does is kept where others find it; process 0 is asked. If not, all do
            it at once.
    """
    if world().size == 1 or not agreed(kept):
        yield
        return
    place = f"cliqa/{next(_MEETINGS)}/first-on-{node()}"
    if local_rank():
        wait_until(lambda: bool(store().check([place])))
    yield
    if not local_rank():
        store().add(place, 1)


def own_device(device: torch.device) -> torch.device:
    """The device of this process, where there are several.

    Args:
        device: that of the run: `cuda` is another GPU for each process of a machine.

    Raises:
        ConfigError: it cannot be shared out.
    """
    here = launched()
    if here.size == 1 or device.type == "cpu":
        return device
    if device.type != "cuda" or device.index is not None:
        raise ConfigError(
            f"device: `{device}` cannot be shared out to {here.size} processes; expected cuda, "
            "which is a GPU for each, or cpu"
        )
    if local_rank() >= torch.cuda.device_count():
        raise ConfigError(
            f"device: this machine has {torch.cuda.device_count()} GPUs, and process {here.rank} "
            f"would need number {local_rank()}; start no more processes than GPUs"
        )
    return torch.device("cuda", local_rank())


def agreed(decide: Callable[[], T]) -> T:
    """What process 0 decides, on every process; the others do not ask.

    Args:
        decide: gives plain JSON values (a tuple becomes a list).

    Raises:
        LostProcessError: process 0 could not decide; it says why.
    """
    here = world()
    if here.size == 1:
        return decide()
    decided = b"" if here.rank else json.dumps(decide()).encode()
    found: T = json.loads(bytes_of_first(decided))
    return found


def bytes_of_first(content: bytes) -> bytes:
    """Bytes of process 0 on every process.

    Args:
        content: only that of process 0 matters.
    """
    here = world()
    if here.size == 1:
        return content
    size = torch.tensor([len(content)])
    with with_the_others():
        dist.broadcast(size, 0)
    own = torch.frombuffer(bytearray(content or b"\0"), dtype=torch.uint8)
    sent = own if here.rank == 0 else torch.empty(max(int(size), 1), dtype=torch.uint8)
    with with_the_others():
        dist.broadcast(sent, 0)
    return sent.numpy().tobytes()[: int(size)]


@contextmanager
def with_the_others() -> Iterator[None]:
    """What all do together; somebody missing is an error with a sentence."""
    try:
        yield
    except RuntimeError as error:
        here = world()
        # Gloo begins with a place in its own source.
        reason = shorten(str(error).rpartition(".cc:")[2] or type(error).__name__, 80)
        raise LostProcessError(
            f"process {here.rank} of {here.size} has lost another one, which was killed or ran out "
            f"of memory ({reason}); the same command goes on from what was saved last"
        ) from error
