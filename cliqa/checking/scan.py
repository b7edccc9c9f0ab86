"""Decodes every image of a set once, several at a time, and keeps little of each.

What is kept of an image is its size, two digests and a few numbers, in arrays; no pixels but the
thumbnails asked for.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from cliqa.data.decoding import UNREADABLE, turn_upright

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    from cliqa.data import RatedDataset

__all__ = ["THUMBNAIL", "Bad", "Scan", "scan"]

#: Longest side of a thumbnail in pixels.
THUMBNAIL: Final = 192
_DIGEST: Final = 16
_UPRIGHT: Final = 1


@dataclass(frozen=True)
class Bad:
    """An image that cannot be used: `missing` or `unreadable`, and why."""

    sample_id: str
    path: str
    kind: str
    cause: str


@dataclass
class Scan:
    """What decoding all images showed; arrays have one entry a row.

    Attributes:
        width: int32, as the image is used (upright where the set asks for it); 0 if unreadable.
        height: the same.
        orientation: int8, the EXIF orientation; 1 is upright.
        files: (N, 16) uint8, digest of the bytes of each file.
        pixels: (N, 16) uint8, digest of size and decoded pixels.
        modes: Pillow's name of the stored form (`RGB`, `L`, `I;16`) -> how many have it.
        bad: images that cannot be used.
        thumbnails: row -> a small picture of it, for the rows asked for.
    """

    width: np.ndarray
    height: np.ndarray
    orientation: np.ndarray
    files: np.ndarray
    pixels: np.ndarray
    modes: Counter[str] = field(default_factory=Counter)
    bad: list[Bad] = field(default_factory=list)
    thumbnails: dict[int, Image.Image] = field(default_factory=dict)

    @property
    def readable(self) -> np.ndarray:
        """bool, whether each image could be decoded."""
        return self.width > 0


@dataclass(frozen=True)
class _Seen:
    row: int
    size: tuple[int, int] = (0, 0)
    orientation: int = _UPRIGHT
    mode: str = ""
    file: bytes = b""
    pixels: bytes = b""
    thumbnail: Image.Image | None = None
    kind: str = ""
    cause: str = ""
    path: str = ""


def scan(
    dataset: RatedDataset,
    *,
    threads: int | None = None,
    thumbnails: Container[int] = (),
    advance: Callable[[], None] = lambda: None,
) -> Scan:
    """Decode every image of a set.

    Args:
        dataset: the rated images.
        threads: images decoded at a time; default: one a processor, at most 8.
        thumbnails: rows of which a small picture is wanted.
        advance: called after each image.
    """
    count = len(dataset.table)
    ids: list[str] = dataset.table["sample_id"][:]
    found = Scan(
        width=np.zeros(count, np.int32),
        height=np.zeros(count, np.int32),
        orientation=np.ones(count, np.int8),
        files=np.zeros((count, _DIGEST), np.uint8),
        pixels=np.zeros((count, _DIGEST), np.uint8),
    )
    at_once = threads or min(8, os.cpu_count() or 1)

    def look(item: tuple[int, dict[str, Any]]) -> _Seen:
        row, raw = item
        return _look(row, raw, upright=dataset.exif_transpose, thumbnail=row in thumbnails)

    with ThreadPoolExecutor(at_once) as pool:
        try:
            for seen in _in_order(pool, look, _undecoded(dataset), ahead=2 * at_once):
                _keep(found, seen, ids[seen.row])
                advance()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return found


def _undecoded(dataset: RatedDataset) -> Iterator[tuple[int, dict[str, Any]]]:
    """Row and `{"bytes": ..., "path": ...}` of each image, one after the other."""
    import datasets

    column = dataset.table.select_columns(["image"])
    column = column.cast_column("image", datasets.Image(decode=False))
    for row in range(len(column)):
        yield row, column[row]["image"]


def _in_order(
    pool: ThreadPoolExecutor, look: Callable[[Any], _Seen], items: Iterable[Any], *, ahead: int
) -> Iterator[_Seen]:
    """`pool.map` that asks for an item only when it can be worked on soon."""
    waiting: deque[Any] = deque()
    for item in items:
        waiting.append(pool.submit(look, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _look(row: int, raw: dict[str, Any], *, upright: bool, thumbnail: bool) -> _Seen:
    path = raw["path"] or "inside the table"
    try:
        content = Path(path).read_bytes() if raw["bytes"] is None else raw["bytes"]
    except FileNotFoundError:
        return _Seen(row, kind="missing", cause="there is no such file", path=path)
    except OSError as error:
        return _Seen(row, kind="unreadable", cause=error.strerror or str(error), path=path)
    try:
        with Image.open(io.BytesIO(content)) as image:
            orientation = image.getexif().get(ExifTags.Base.Orientation, _UPRIGHT)
            mode = image.mode
            picture = (turn_upright(image) if upright else image).convert("RGB")
    except UnidentifiedImageError:  # its text names a place in memory
        return _Seen(row, kind="unreadable", cause="it is no image that can be read", path=path)
    except UNREADABLE as error:
        return _Seen(row, kind="unreadable", cause=str(error) or type(error).__name__, path=path)
    pixels = hashlib.sha256(repr(picture.size).encode())
    pixels.update(np.asarray(picture).data)
    small = None
    if thumbnail:
        small = picture.copy()
        small.thumbnail((THUMBNAIL, THUMBNAIL))
    return _Seen(
        row,
        picture.size,
        orientation if orientation in range(1, 9) else _UPRIGHT,
        mode,
        hashlib.sha256(content).digest()[:_DIGEST],
        pixels.digest()[:_DIGEST],
        small,
    )


def _keep(found: Scan, seen: _Seen, sample_id: str) -> None:
    if seen.kind:
        found.bad.append(Bad(sample_id, seen.path, seen.kind, seen.cause))
        return
    found.width[seen.row], found.height[seen.row] = seen.size
    found.orientation[seen.row] = seen.orientation
    found.files[seen.row] = np.frombuffer(seen.file, np.uint8)
    found.pixels[seen.row] = np.frombuffer(seen.pixels, np.uint8)
    found.modes[seen.mode] += 1
    if seen.thumbnail is not None:
        found.thumbnails[seen.row] = seen.thumbnail
