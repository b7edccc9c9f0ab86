"""Where the bytes of an image come from, and how to tell that they are still the same."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["Stamp", "read_file", "stamp_of"]

#: Nanoseconds in which a file's times may stand still though it is written to: two seconds on the
#: coarsest file systems. Git calls such files racily clean.
_RESTLESS: Final = 2_000_000_000


@dataclass(frozen=True)
class Stamp:
    """What changes when a file does, whatever it is changed to.

    Size and time of modification alone can be set back, for example by unpacking an archive; the
    time of the last change of the inode is set by the system at every write.
    """

    path: str
    size: int
    modified: int
    changed: int
    inode: int

    @property
    def settled(self) -> bool:
        """Whether a write from now on would change the stamp."""
        return time.time_ns() - max(self.modified, self.changed) > _RESTLESS

    def words(self) -> str:
        """The stamp as text, for a key."""
        return f"{self.path}\x1f{self.size}\x1f{self.modified}\x1f{self.changed}\x1f{self.inode}"


def stamp_of(path: str) -> Stamp | None:
    """The stamp of a file; None if there is none."""
    try:
        return _stamp(path, os.stat(path))  # noqa: PTH116 - once for each read of an image
    except OSError:
        return None


def read_file(path: str) -> tuple[bytes, Stamp | None]:
    """A file's bytes with its stamp; None if it changed meanwhile or may still do so unseen.

    Raises:
        OSError: it cannot be read.
    """
    with Path(path).open("rb") as file:
        before = _stamp(path, os.fstat(file.fileno()))
        settled = before.settled
        content = file.read()
        after = _stamp(path, os.fstat(file.fileno()))
    return content, before if settled and before == after else None


def _stamp(path: str, stat: Any) -> Stamp:
    return Stamp(
        os.path.abspath(path),  # noqa: PTH100 - links stay: the stamp is of what they lead to
        stat.st_size,
        stat.st_mtime_ns,
        stat.st_ctime_ns,
        stat.st_ino,
    )
