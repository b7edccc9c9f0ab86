"""The bound on the size of the cache, and what goes when it is reached."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from cliqa.cache.layout import ENTRIES, SOURCES, TEMPORARY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["File", "Room", "files"]

#: Free bytes on the disk that the cache leaves to others, checkpoints above all.
LEAVE_FREE: Final = 2 * 10**9
#: Seconds since its last use in which an entry is taken to be in use, by whatever process.
IN_USE: Final = 900.0
#: Seconds after which the temporary file of a writer that was killed is removed.
ABANDONED: Final = 3600.0
#: Seconds without use after which a source record is removed.
FORGOTTEN: Final = 90 * 86400.0
#: Part of the bound that eviction leaves filled, so that it is not needed again at once.
_KEEP: Final = 0.9
#: Parts of the bound after each of which the folder is looked at again: others write too.
_LOOKS: Final = 32


class File(NamedTuple):
    """A file of the cache; the time of its last use is its time of modification."""

    used: float
    nbytes: int
    path: str

    @property
    def name(self) -> str:
        """Its name without the folders."""
        return os.path.basename(self.path)  # noqa: PTH119 - a hundred thousand of them


class Room:
    """Says whether there is room for another entry, and makes room.

    Least recently used entries go first. What this process has used never goes, nor what any
    process has used in the last quarter of an hour: a run that reads more than fits would
    otherwise throw out each image shortly before it needs it, and write the whole set again in
    every epoch. Removing a file does no harm to a process that has it mapped: its pages stay until
    the mapping is gone.

    Args:
        root: the cache's own folder.
        bound: bytes of entries.
        in_use: whether this process has used the entry of an address.
    """

    def __init__(self, root: Path, bound: int, in_use: Callable[[str], bool]) -> None:
        self._root, self._bound, self._in_use = root, bound, in_use
        self._lock = threading.Lock()
        self._limit = 0
        self._filled: int | None = None
        self._unseen = 0
        self.full = False

    def reserve(self, nbytes: int) -> bool:
        """Whether an entry of that size may be written; it then counts as written.

        Raises:
            OSError: the folder cannot be looked at.
        """
        with self._lock:
            if self.full or nbytes > self._bound:
                return False
            self._unseen += nbytes
            if self._filled is None or self._unseen > self._bound // _LOOKS:
                self._look()
            assert self._filled is not None  # noqa: S101
            if self._filled + nbytes > self._limit:
                self._evict(nbytes, self._look())
            if self._filled + nbytes > self._limit:
                self.full = True
                return False
            self._filled += nbytes
            return True

    def _look(self) -> list[File]:
        entries = list(files(self._root, ENTRIES))
        self._filled = sum(entry.nbytes for entry in entries)
        free = shutil.disk_usage(self._root).free
        self._limit = min(self._bound, self._filled + max(0, free - LEAVE_FREE))
        self._unseen = 0
        _remove_older(self._root, TEMPORARY, ABANDONED)
        return entries

    def _evict(self, nbytes: int, entries: list[File]) -> None:
        assert self._filled is not None  # noqa: S101
        wanted = int(self._limit * _KEEP) - nbytes
        now = time.time()
        for entry in sorted(entries):
            if self._filled <= wanted or now - entry.used < IN_USE:
                break
            if not self._in_use(entry.name):
                with contextlib.suppress(FileNotFoundError):  # another process was quicker
                    os.unlink(entry.path)  # noqa: PTH108
                self._filled -= entry.nbytes
        _remove_older(self._root, SOURCES, FORGOTTEN)


def _remove_older(root: Path, kind: str, seconds: float) -> None:
    oldest = time.time() - seconds
    for file in files(root, kind):
        if file.used < oldest:
            with contextlib.suppress(OSError):
                os.unlink(file.path)  # noqa: PTH108


def files(root: Path, kind: str) -> Iterator[File]:
    """The files of one kind; those that vanish meanwhile are left out."""
    folders = [os.path.join(root, kind)]  # noqa: PTH118 - a hundred thousand of them
    while folders:
        try:
            found = list(os.scandir(folders.pop()))
        except FileNotFoundError:
            continue
        for item in found:
            if item.is_dir(follow_symlinks=False):
                folders.append(item.path)
                continue
            with contextlib.suppress(FileNotFoundError):
                stat = item.stat(follow_symlinks=False)
                yield File(stat.st_mtime, stat.st_size, item.path)
