"""Where decoded pixels of a process are kept: a bounded part of its memory, and the disk."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

    from cliqa.cache import PixelCache

__all__ = ["MEMORY_BOUND", "PixelStore", "Shelf"]

#: Bytes of decoded pixels that a process keeps in memory where nobody says.
MEMORY_BOUND: Final = 10**9


class PixelStore:
    """What the readers of one process share.

    Args:
        memory: bytes of decoded pixels that all of them together keep in memory. What is on the
            disk is mapped and does not count.
        disk: the cache of decoded images; None: there is none.
    """

    def __init__(self, memory: int = MEMORY_BOUND, disk: PixelCache | None = None) -> None:
        self.disk = disk
        self._memory = memory
        self._shelves: weakref.WeakSet[Shelf] = weakref.WeakSet()
        self._lock = threading.Lock()

    def shelf(self) -> Shelf:
        """A part of the memory for one reader; it ends with the reader."""
        shelf = Shelf(self)
        self._shelves.add(shelf)
        return shelf

    def grant(self, shelf: Shelf, nbytes: int) -> bool:
        """Whether there is room in the memory; if so it is taken."""
        with self._lock:
            if sum(s.nbytes for s in self._shelves) + nbytes > self._memory:
                return False
            shelf.nbytes += nbytes
            return True


class Shelf:
    """The decoded images that one reader keeps in memory, by row and size.

    Attributes:
        nbytes: of its pixels.
    """

    def __init__(self, store: PixelStore) -> None:
        self.nbytes = 0
        self._store = store
        self._pixels: dict[Any, np.ndarray] = {}

    def get(self, key: tuple[int, str]) -> np.ndarray | None:
        """What is kept of a row at a size."""
        return self._pixels.get(key)

    def put(self, key: tuple[int, str], pixels: np.ndarray) -> None:
        """Keep pixels if there is room; they are not to be written to."""
        if key not in self._pixels and self._store.grant(self, pixels.nbytes):
            self._pixels[key] = pixels

    def drop(self, row: int) -> None:
        """Let go of a row, of which the file has changed."""
        for key in [key for key in self._pixels if key[0] == row]:
            self.nbytes -= self._pixels.pop(key).nbytes
