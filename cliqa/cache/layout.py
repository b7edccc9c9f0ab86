"""What lies where in the cache's folder, and the two kinds of files in it.

An entry holds the pixels of one picture under one decode policy: a header of `HEADER` bytes (a
line that names the format, then JSON, filled up with spaces), then height x width x 3 bytes of RGB.
A source record is one line that says which picture a file was found to hold.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "ENTRIES",
    "HEADER",
    "ROOT",
    "SOURCES",
    "TEMPORARY",
    "DamagedError",
    "Picture",
    "entry_header",
    "place_of",
    "read_entry",
    "read_source",
    "source_line",
]

#: The folder's part that is ours; another layout gets another name, so versions never meet.
ROOT: Final = "pixels-1"
ENTRIES: Final = "entries"
SOURCES: Final = "sources"
TEMPORARY: Final = "new"
#: Bytes before the pixels.
HEADER: Final = 512
_MAGIC: Final = b"cliqa pixels 1\n"
_CHANNELS: Final = 3


class DamagedError(Exception):
    """A file of the cache does not hold what was written."""


@dataclass(frozen=True)
class Picture:
    """What a source was found to hold.

    Attributes:
        content: SHA-256 of the encoded bytes, in hex.
        height: of the decoded picture in pixels, before any resizing.
        width: likewise.
    """

    content: str
    height: int
    width: int


def place_of(root: Path, kind: str, name: str) -> Path:
    """Where a file lies: 256 folders keep each of them short."""
    return root / kind / name[:2] / name


def entry_header(address: str, pixels: np.ndarray) -> bytes:
    """The header of an entry of uint8 (H, W, 3) pixels, C-contiguous."""
    height, width, _ = pixels.shape
    facts = {
        "address": address,
        "height": height,
        "width": width,
        "crc32": zlib.crc32(pixels.data),
    }
    return (_MAGIC + json.dumps(facts).encode()).ljust(HEADER - 1) + b"\n"


def read_entry(data: memoryview, address: str, *, whole: bool) -> np.ndarray:
    """The pixels of an entry, uint8 (H, W, 3), read-only, a view of `data`.

    Args:
        data: the file.
        address: the address it was found under.
        whole: compare the checksum of the pixels, which reads all of them; otherwise header and
            length are checked only.

    Raises:
        DamagedError: it is not what was written under that address.
    """
    height, width, checksum = _facts(bytes(data[:HEADER]), address)
    if len(data) != HEADER + height * width * _CHANNELS:
        raise DamagedError(f"{len(data)} bytes long, not {HEADER + height * width * _CHANNELS}")
    if whole and zlib.crc32(data[HEADER:]) != checksum:
        raise DamagedError("its checksum differs")
    flat = np.frombuffer(data, dtype=np.uint8, offset=HEADER)
    return flat.reshape(height, width, _CHANNELS)


def _facts(header: bytes, address: str) -> tuple[int, int, int]:
    if len(header) != HEADER or not header.startswith(_MAGIC):
        raise DamagedError("it does not begin as an entry does")
    try:
        facts = json.loads(header[len(_MAGIC) :])
        found = facts["address"]
        numbers = tuple(facts[key] for key in ("height", "width", "crc32"))
    except (ValueError, KeyError, TypeError):
        raise DamagedError("its header cannot be read") from None
    if found != address:
        raise DamagedError("it belongs to another address")
    if not all(type(number) is int for number in numbers) or min(numbers[:2]) < 1:
        raise DamagedError("its header cannot be read")
    return numbers[0], numbers[1], numbers[2]


def source_line(picture: Picture) -> bytes:
    """A source record, its own checksum at the end."""
    text = f"{picture.content} {picture.height} {picture.width}"
    return f"{text} {zlib.crc32(text.encode()):08x}\n".encode()


def read_source(line: bytes) -> Picture | None:
    """The picture of a source record; None if it is not whole."""
    text, _, checksum = line.decode("ascii", "replace").rstrip("\n").rpartition(" ")
    if f"{zlib.crc32(text.encode()):08x}" != checksum:
        return None
    content, height, width = text.split(" ")
    return Picture(content, int(height), int(width))
