"""Reading the images of a dataset by row, each decoded as rarely as can be."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from cliqa.cache import Picture
from cliqa.data.decoding import UNREADABLE, address, decode, load_decoders
from cliqa.data.pixels import PixelStore
from cliqa.data.resize import ORIGINAL, Resize
from cliqa.data.sources import Stamp, read_file, stamp_of
from cliqa.data.table import raw_images
from cliqa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from cliqa.data.rated import RatedDataset
    from cliqa.data.resize import Size

__all__ = ["ImageReader", "short_side_first"]

#: Images that are given to the threads at once.
_AT_ONCE: Final = 1024


@dataclass(frozen=True)
class _Source:
    """The encoded bytes of a row.

    Attributes:
        content: the bytes.
        digest: their SHA-256; empty if there is no cache on the disk that asks for it.
        stamp: of the file; None for bytes in the table, and for a file that may change unseen.
        lasting: whether they can be known again without being read.
    """

    content: bytes
    digest: str
    stamp: Stamp | None
    lasting: bool


@dataclass(frozen=True)
class _Known:
    """What a row holds, and the stamp that its file had when that was found out."""

    picture: Picture
    stamp: Stamp | None

    @property
    def size(self) -> Size:
        return self.picture.height, self.picture.width


class ImageReader:
    """Reads the images of one dataset by row number, decoding each once where it can be kept.

    Any number of threads may read at once.

    Args:
        dataset: the rated images.
        store: where decoded pixels are kept; default: in memory, for this reader alone.
    """

    def __init__(self, dataset: RatedDataset, store: PixelStore | None = None) -> None:
        self._name = dataset.name
        self._upright = dataset.exif_transpose
        self._ids: list[str] = dataset.table["sample_id"][:]
        self._raw = raw_images(dataset)
        self._store = store or PixelStore()
        self._shelf = self._store.shelf()
        self._known: dict[int, _Known] = {}

    def read(self, row: int, resize: Resize = ORIGINAL) -> np.ndarray:
        """Pixels of one row, uint8 (H, W, 3); do not write to them.

        Args:
            row: its number in the dataset's table.
            resize: at which size.

        Raises:
            DataError: the file is missing or cannot be decoded; names dataset, sample and path.
        """
        return self._views(row, (resize,))[0]

    def check(
        self,
        rows: Sequence[int],
        resizes: Sequence[Resize] = (ORIGINAL,),
        *,
        workers: int = 1,
        progress: Callable[[int], None] | None = None,
    ) -> list[Size]:
        """Find a bad file now, and have the images ready at the sizes that will be asked for.

        What this process or the cache on the disk has decoded before is known to be good.

        Args:
            rows: at least one.
            resizes: the sizes.
            workers: threads to decode with.
            progress: told the number of images after each.

        Returns:
            For each of `resizes`, height and width of the smallest image.

        Raises:
            DataError: the first of the rows that cannot be read.
        """
        load_decoders()
        smallest: list[Size] = []
        pool = ThreadPoolExecutor(workers)
        try:
            for start in range(0, len(rows), _AT_ONCE):  # the pool queues all that it is given
                part = rows[start : start + _AT_ONCE]
                for sizes in pool.map(partial(self._sizes, resizes=resizes), part):
                    pairs = zip(smallest or sizes, sizes, strict=True)
                    smallest = [min(pair, key=short_side_first) for pair in pairs]
                    if progress is not None:
                        progress(1)
        finally:
            pool.shutdown(cancel_futures=True)
        return smallest

    def _sizes(self, row: int, resizes: Sequence[Resize]) -> list[Size]:
        known = self._recall(row)
        if known is None or not all(self._is_ready(known, resize) for resize in resizes):
            return [(view.shape[0], view.shape[1]) for view in self._views(row, resizes)]
        return [resize.size(known.size) for resize in resizes]

    def _is_ready(self, known: _Known, resize: Resize) -> bool:
        """Whether decoding now, what was decoded before, would keep nothing more of it."""
        disk = self._store.disk
        height, width = resize.size(known.size)
        nbytes = 3 * height * width
        if disk is None or not disk.takes(nbytes):
            return True
        return disk.has(self._address(known, resize), nbytes)

    def _views(self, row: int, resizes: Sequence[Resize]) -> list[np.ndarray]:
        known = self._recall(row)
        views = None if known is None else self._find_all(row, known, resizes)
        return self._decode(row, resizes) if views is None else views

    def _recall(self, row: int) -> _Known | None:
        """What is known of the row as it is now; of a file that has changed, nothing is."""
        raw, known = self._raw[row], self._known.get(row)
        inside = raw["bytes"] is not None
        stamp = None if inside else stamp_of(raw["path"])
        if known is not None:
            if known.stamp == stamp:
                return known
            self._known.pop(row, None)
            self._shelf.drop(row)
        disk = self._store.disk
        if disk is None or not (inside or (stamp is not None and stamp.settled)):
            return None
        picture = disk.find_source(self._key(stamp or _digest(raw["bytes"])))
        return None if picture is None else self._known.setdefault(row, _Known(picture, stamp))

    def _find_all(
        self, row: int, known: _Known, resizes: Sequence[Resize]
    ) -> list[np.ndarray] | None:
        """The row at every size, or None if one of them has to be decoded."""
        views = []
        for resize in resizes:
            view = self._find(row, known, resize)
            if view is None:
                return None
            views.append(view)
        return views

    def _find(self, row: int, known: _Known, resize: Resize) -> np.ndarray | None:
        pixels = self._shelf.get((row, _effect(known, resize)))
        if pixels is None and self._store.disk is not None:
            pixels = self._store.disk.get(self._address(known, resize))
        if pixels is None and resize.changes(known.size):
            original = self._find(row, known, ORIGINAL)
            return None if original is None else self._keep(row, known, resize, original)
        return pixels

    def _decode(self, row: int, resizes: Sequence[Resize]) -> list[np.ndarray]:
        source = self._fetch(row)
        disk = self._store.disk
        # The same bytes may have been decoded under another name, or in another set.
        picture = None if disk is None else disk.find_source(self._key(source.digest))
        if picture is not None:
            known = self._remember(row, picture, source)
            views = self._find_all(row, known, resizes)
            if views is not None:
                return views
        try:
            pixels = decode(source.content, upright=self._upright)
        except UNREADABLE as error:
            raise self._unreadable(row, error) from None
        pixels.flags.writeable = False
        known = self._remember(row, Picture(source.digest, *pixels.shape[:2]), source)
        views = [self._keep(row, known, resize, pixels) for resize in resizes]
        if disk is not None:  # last: it says that the bytes were decoded
            disk.put_source(self._key(source.digest), known.picture)
        return views

    def _fetch(self, row: int) -> _Source:
        raw = self._raw[row]
        content, stamp, inside = raw["bytes"], None, raw["bytes"] is not None
        if not inside:
            try:
                content, stamp = read_file(raw["path"])
            except OSError as error:
                raise self._unreadable(row, error) from None
        digest = "" if self._store.disk is None else _digest(content)
        return _Source(content, digest, stamp, lasting=inside or stamp is not None)

    def _remember(self, row: int, picture: Picture, source: _Source) -> _Known:
        known = _Known(picture, source.stamp)
        if source.lasting:
            self._known[row] = known
        if source.stamp is not None and self._store.disk is not None:
            self._store.disk.put_source(self._key(source.stamp), picture)
        return known

    def _keep(self, row: int, known: _Known, resize: Resize, original: np.ndarray) -> np.ndarray:
        """Resize, and keep the result on the disk or else in memory."""
        pixels = resize(original)
        pixels.flags.writeable = False
        disk = self._store.disk
        if disk is not None and disk.put(self._address(known, resize), pixels):
            return pixels
        if self._known.get(row) == known:
            self._shelf.put((row, _effect(known, resize)), pixels)
        return pixels

    def _key(self, source: Stamp | str) -> str:
        """Under which the cache records what a file, or content of that digest, holds."""
        words = source if isinstance(source, str) else source.words()
        return address(words, upright=self._upright)

    def _address(self, known: _Known, resize: Resize) -> str:
        return address(known.picture.content, _effect(known, resize), upright=self._upright)

    def _unreadable(self, row: int, error: Exception) -> DataError:
        place = self._raw[row]["path"] or "inside the table"
        return DataError(
            f"dataset `{self._name}`: image `{self._ids[row]}` ({place}) cannot be read: "
            f"{error}; replace the file or fetch the set again"
        )


def _effect(known: _Known, resize: Resize) -> str:
    """What the policy does to this image: one that it leaves alone is shared with `original`."""
    return resize.name if resize.changes(known.size) else ORIGINAL.name


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def short_side_first(size: Size) -> Size:
    """A key that orders sizes by their short side."""
    return min(size), max(size)
