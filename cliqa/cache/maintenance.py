"""Looking at the whole cache: what is in it, emptying it, checking it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cliqa.cache.layout import ENTRIES, ROOT, SOURCES, TEMPORARY, DamagedError, read_entry
from cliqa.cache.room import files

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Contents", "Verified", "clear", "look", "verify"]


@dataclass(frozen=True)
class Contents:
    """What is in a cache.

    Attributes:
        root: the folder inside the cache's folder that holds it.
        images: entries.
        nbytes: their bytes on the disk.
        sources: files and stored images that are known to hold one of them, or did.
        unfinished: temporary files of writers that are at work or were killed.
        first_used: when the entry that was used longest ago was used, in seconds since 1970.
        last_used: the same of the entry used last; both None if there are none.
    """

    root: Path
    images: int
    nbytes: int
    sources: int
    unfinished: int
    first_used: float | None
    last_used: float | None


@dataclass(frozen=True)
class Verified:
    """What checking found: entries that are whole, and path -> fault of those that were not."""

    whole: int
    damaged: dict[Path, str]


def look(folder: Path) -> Contents:
    """What is in the cache of a folder.

    Raises:
        OSError: it cannot be read.
    """
    root = folder / ROOT
    entries = list(files(root, ENTRIES))
    return Contents(
        root=root,
        images=len(entries),
        nbytes=sum(entry.nbytes for entry in entries),
        sources=sum(1 for _ in files(root, SOURCES)),
        unfinished=sum(1 for _ in files(root, TEMPORARY)),
        first_used=min((entry.used for entry in entries), default=None),
        last_used=max((entry.used for entry in entries), default=None),
    )


def clear(folder: Path) -> Contents:
    """Remove every file of the cache, and nothing else; returns what was there.

    A run that reads it meanwhile decodes its images again.

    Raises:
        OSError: a file cannot be removed.
    """
    found = look(folder)
    for kind in (ENTRIES, SOURCES, TEMPORARY):
        for file in files(found.root, kind):
            Path(file.path).unlink(missing_ok=True)
    return found


def verify(folder: Path, progress: Callable[[int], None] | None = None) -> Verified:
    """Read every entry and compare its checksum; remove the damaged ones.

    Args:
        folder: the cache's folder.
        progress: told the bytes of each entry.

    Raises:
        OSError: the folder cannot be read, or a damaged entry cannot be removed.
    """
    whole, damaged = 0, {}
    for file in files(folder / ROOT, ENTRIES):
        path = Path(file.path)
        with contextlib.suppress(FileNotFoundError):
            try:
                read_entry(memoryview(path.read_bytes()), path.name, whole=True)
                whole += 1
            except DamagedError as fault:
                damaged[path] = str(fault)
                path.unlink()
        if progress is not None:
            progress(file.nbytes)
    return Verified(whole, damaged)
