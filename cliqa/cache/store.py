"""Reading and writing the cache.

Every file is written under a name of its own in the folder `new`, flushed to the disk and renamed
to its place: at its place there is nothing or all of it. What the disk itself damages later is
found by length and checksum. Any number of threads and processes may read and write at once: two
that write the same address write the same bytes.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from typing import TYPE_CHECKING, Final

import numpy as np

from cliqa.cache.layout import (
    ENTRIES,
    HEADER,
    ROOT,
    SOURCES,
    TEMPORARY,
    DamagedError,
    Picture,
    entry_header,
    place_of,
    read_entry,
    read_source,
    source_line,
)
from cliqa.cache.room import Room

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["Picture", "PixelCache"]

#: Fewer bytes of pixels than this (a side of about 200) are decoded faster than they are stored.
SMALLEST: Final = 1 << 17
#: Seconds after which the last use of an entry or a source record is noted again.
_NOTE_USE: Final = 300.0
_NOTE_SOURCE: Final = 86400.0
#: https://bford.info/cachedir/: backup programs leave such folders out.
_TAG: Final = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# Decoded images of cliqa. `cliqa cache clear` empties this folder.\n"
)


class PixelCache:
    """Decoded pixels by address: whoever asks makes the address from all that determines them.

    Nothing here ever fails a run: what cannot be read is missing, and after a failed write nothing
    more is written. Both are told once.

    Args:
        folder: the cache's folder; made at the first write.
        bound: bytes of entries to keep at most.
        tell: told once of each thing that the user should know.
        smallest: bytes of pixels below which an image is not stored.
    """

    def __init__(
        self,
        folder: Path,
        bound: int,
        tell: Callable[[str], None] | None = None,
        *,
        smallest: int = SMALLEST,
    ) -> None:
        self.root = folder / ROOT
        self.bound, self.smallest = bound, smallest
        self.tell = tell
        self._told: set[str] = set()
        self._used: dict[str, float] = {}
        self._checked: set[str] = set()
        self._room = Room(self.root, bound, self._used.__contains__)
        self._writing = bound > 0
        self._lock = threading.Lock()

    def get(self, address: str) -> np.ndarray | None:
        """Pixels, uint8 (H, W, 3), read-only and mapped; None if there are none.

        The checksum is compared when this process reads the entry for the first time.
        """
        import pyarrow as pa

        path = place_of(self.root, ENTRIES, address)
        try:
            # Not numpy.memmap: it keeps a file descriptor open for each array, and a process may
            # have no more than a thousand. This closes the file and keeps the mapping.
            with pa.memory_map(str(path)) as file:
                data = memoryview(file.read_buffer())
        except FileNotFoundError:
            return None
        except OSError as error:
            self._unusable("read", error)
            return None
        try:
            pixels = read_entry(data, address, whole=address not in self._checked)
        except DamagedError as damage:
            self._repair(path, damage)
            return None
        self._checked.add(address)
        self._note_use(address, path)
        return pixels

    def has(self, address: str, nbytes: int) -> bool:
        """Whether there is an entry of that many bytes of pixels; not a byte of it is read."""
        path = place_of(self.root, ENTRIES, address)
        try:
            there = path.stat().st_size == HEADER + nbytes
        except OSError:
            return False
        if there:
            self._note_use(address, path)
        return there

    def takes(self, nbytes: int) -> bool:
        """Whether an image of that many bytes of pixels would be stored now, if there is room."""
        return self._writing and not self._room.full and nbytes >= self.smallest

    def put(self, address: str, pixels: np.ndarray) -> bool:
        """Store uint8 (H, W, 3) pixels; returns whether they are stored."""
        if not self.takes(pixels.nbytes):
            return False
        pixels = np.ascontiguousarray(pixels)
        try:
            self._make_folder()
            if not self._room.reserve(HEADER + pixels.nbytes):
                if self._room.full:
                    self._say_full()
                return False
            header = entry_header(address, pixels)
            self._publish(ENTRIES, address, header, pixels.data)
        except OSError as error:
            self._writing = False
            self._unusable("write", error)
            return False
        self._used[address] = time.monotonic()
        return True

    def find_source(self, key: str) -> Picture | None:
        """The picture that is recorded for a source."""
        path = place_of(self.root, SOURCES, key)
        try:
            with path.open("rb") as file:
                found = read_source(file.read(1024))
                if time.time() - os.fstat(file.fileno()).st_mtime > _NOTE_SOURCE:
                    with contextlib.suppress(OSError):
                        os.utime(path)
        except OSError:
            return None
        return found

    def put_source(self, key: str, picture: Picture) -> None:
        """Record the picture of a source, unless it is too small to be stored."""
        if not self._writing or 3 * picture.height * picture.width < self.smallest:
            return
        try:
            self._make_folder()
            # Not flushed: half of a line is no record, and a lost one is only made again.
            self._publish(SOURCES, key, source_line(picture), None)
        except OSError as error:
            self._writing = False
            self._unusable("write", error)

    def _make_folder(self) -> None:
        tag = self.root / "CACHEDIR.TAG"
        with self._lock:
            if tag.exists():
                return
            self.root.mkdir(parents=True, exist_ok=True)
            (self.root / TEMPORARY).mkdir(exist_ok=True)
            tag.write_text(_TAG)
        self._say(
            "made",
            f"decoded images are kept in {self.root}, at most {self.bound / 1e9:g} GB, so that the "
            "next run need not decode them; `cliqa cache clear` empties it, `cache.folder: off` "
            "turns it off",
        )

    def _publish(self, kind: str, name: str, head: bytes, body: memoryview | None) -> None:
        temporary = self.root / TEMPORARY / f"{os.getpid()}-{secrets.token_hex(8)}"
        try:
            with self._create(temporary) as file:
                file.write(head)
                if body is not None:
                    file.write(body)
                    file.flush()
                    os.fsync(file.fileno())
            place = place_of(self.root, kind, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(place)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise

    def _create(self, path: Path) -> BinaryIO:
        try:
            return path.open("xb")
        except FileNotFoundError:  # someone removed the folder while we ran
            path.parent.mkdir(parents=True, exist_ok=True)
            return path.open("xb")

    def _note_use(self, address: str, path: Path) -> None:
        now = time.monotonic()
        last = self._used.get(address)
        if last is None or now - last > _NOTE_USE:
            self._used[address] = now
            with contextlib.suppress(OSError):  # a cache that is only read
                os.utime(path)

    def _repair(self, path: Path, damage: DamagedError) -> None:
        self._say(
            "damaged",
            f"a decoded image in {self.root} is damaged ({damage}) and is made again; others are "
            "too without another word; `cliqa cache verify` looks at all",
        )
        with contextlib.suppress(OSError):
            path.unlink()

    def _unusable(self, action: str, error: OSError) -> None:
        reason = error.strerror or str(error)
        self._say(
            "place",
            f"cannot {action} the cache of decoded images in {self.root} ({reason}); images that "
            "are not in it are decoded instead",
        )

    def _say_full(self) -> None:
        self._say(
            "full",
            f"the cache of decoded images in {self.root} is full of what is in use, or its disk "
            f"is: further images are decoded whenever they are needed; `cache.disk_gb` is "
            f"{self.bound / 1e9:g}",
        )

    def _say(self, what: str, text: str) -> None:
        with self._lock:
            if what in self._told:
                return
            self._told.add(what)
        if self.tell is not None:
            self.tell(text)
