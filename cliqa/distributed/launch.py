"""What `torchrun` says in the environment, and who speaks when a run ends badly; without torch."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from cliqa.errors import CliqaError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LostProcessError", "World", "launched", "local_rank", "node", "speaks", "store"]

#: In the store once a process has said why the run ends.
_TOLD: Final = "cliqa/told"
#: Seconds that process 0 has to say it before another one does: most faults are everybody's.
_MOMENT: Final = 2.0


class LostProcessError(CliqaError, RuntimeError):
    """Another process of the run is gone."""


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


def launched() -> World:
    """The processes that `torchrun` has started, whether or not they have met."""
    return World(_number("RANK", 0), _number("WORLD_SIZE", 1))


def local_rank() -> int:
    """Number of this process among those on its machine."""
    return _number("LOCAL_RANK", 0)


def node() -> int:
    """Number of this machine."""
    return _number("GROUP_RANK", 0)


def _number(name: str, otherwise: int) -> int:
    text = os.environ.get(name) or str(otherwise)
    if not text.isdecimal():
        raise ConfigError(
            f"environment variable {name}: expected a number as torchrun sets it, got {text!r}"
        )
    return int(text)


@cache
def store() -> Any:
    """Where processes leave each other notes, a `torch.distributed.Store` of `torchrun`.

    Raises:
        ConfigError: the environment does not say where it is.
    """
    from torch.distributed.rendezvous import rendezvous

    try:
        found, _, _ = next(iter(rendezvous("env://")))
    except ValueError as error:
        raise ConfigError(
            f"WORLD_SIZE says that the run has {launched().size} processes, but they cannot meet: "
            f"{error}; start the run by torchrun, or alone without WORLD_SIZE"
        ) from None
    return found


def wait_until(there: Callable[[], bool]) -> None:
    """Wait for something in the store; signals are heard meanwhile.

    Raises:
        LostProcessError: another process has said why the run ends.
    """
    while not there():
        if store().check([_TOLD]):
            raise LostProcessError("another process of the run has stopped; it says why")
        time.sleep(0.02)


def speaks() -> bool:
    """Whether this process is to tell why the run ends: the first that asks, if there are several.

    The others fail because of it, or in the same way. Process 0 has a moment to be the first.
    """
    here = launched()
    if here.size == 1:
        return True
    try:
        notes = store()
        until = time.monotonic() + (_MOMENT if here.rank else 0.0)
        while time.monotonic() < until and not notes.check([_TOLD]):
            time.sleep(0.02)
        return bool(notes.add(_TOLD, 1) == 1)
    except (RuntimeError, ConfigError):  # whoever kept the notes is gone
        return here.rank == 0
