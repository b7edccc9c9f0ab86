"""What runs cells: the contract of an executor.

An executor starts cells and says when they have ended, nothing more. Which cell is next, what is
tried again and when to stop is decided in `cliqa.sweep.execute`, once for all executors; what came
out lies in the sweep's folder.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.sweep.folder import Failure

__all__ = ["Ended", "Pool"]


@dataclass(frozen=True)
class Ended:
    """An attempt at a cell is over.

    Attributes:
        cell: its name.
        failure: why it failed; None if it is done.
        lost: how the process ended that ran it, if that is why; nobody has noted it yet.
    """

    cell: str
    failure: Failure | None = None
    lost: str = ""


class Pool(ABC):
    """Runs cells, several at a time or one.

    Use it as a context: at its end nothing that it started is left.
    """

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def room(self) -> int:
        """How many more cells may be started now."""

    @abstractmethod
    def start(self, cell: str) -> None:
        """Begin a cell; returns at once."""

    @abstractmethod
    def wait(self, seconds: float) -> Sequence[Ended]:
        """What has ended; waits so long for it, or until something has."""

    def stop(self) -> None:  # noqa: B027 - not every executor has something to do
        """Let every run save and leave, and wait for that."""

    def close(self) -> None:  # noqa: B027 - as above
        """End what is left, at once."""
