"""Pixels: decoding, the test view, the training view.

Arrays are uint8, height x width x 3, RGB. Views are pure functions of the pixels and of numbers
drawn from named seeds, so the same sample at the same epoch is the same view in any process.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import ExifTags, Image

from cliqa.data.table import raw_images
from cliqa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.data.rated import RatedDataset

#: Decoded pixels kept in memory by one reader; beyond it images are decoded again when needed.
MEMORY_BOUND = 1 << 30
#: What Pillow raises on bad files; `OSError` includes `UnidentifiedImageError`, `TypeError` comes
#: from damaged TIFF offsets.
_UNREADABLE = (OSError, SyntaxError, TypeError, ValueError, Image.DecompressionBombError)

#: EXIF orientation -> what turns the stored pixels upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageReader:
    """Reads the images of one dataset by row number; keeps decoded ones up to a memory bound.

    Args:
        dataset: the rated images.
        memory_bound: bytes of decoded pixels to keep.
    """

    def __init__(self, dataset: RatedDataset, memory_bound: int = MEMORY_BOUND) -> None:
        self._name = dataset.name
        self._upright = dataset.exif_transpose
        self._ids: list[str] = dataset.table["sample_id"][:]
        self._raw = raw_images(dataset)
        self._free = memory_bound
        self._kept: dict[int, np.ndarray] = {}

    def read(self, row: int) -> np.ndarray:
        """Pixels of one row, uint8 (H, W, 3); do not write to them.

        Raises:
            DataError: the file is missing or cannot be decoded; names dataset, sample and path.
        """
        pixels = self._kept.get(row)
        if pixels is None:
            pixels = self._decode(row)
            if pixels.nbytes <= self._free:
                self._free -= pixels.nbytes
                self._kept[row] = pixels
        return pixels

    def check(self, rows: Sequence[int]) -> tuple[int, int]:
        """Decode every row once, so that a bad file is found before anything is computed.

        Returns:
            Height and width of the smallest image.
        """
        height, width = min((self.read(row).shape[:2] for row in rows), key=_short_side_first)
        return height, width

    def _decode(self, row: int) -> np.ndarray:
        raw = self._raw[row]
        source = raw["path"] if raw["bytes"] is None else io.BytesIO(raw["bytes"])
        try:
            with Image.open(source) as image:
                turned = _turn_upright(image) if self._upright else image
                pixels = np.asarray(turned.convert("RGB"))
        except _UNREADABLE as error:
            place = raw["path"] or "inside the table"
            raise DataError(
                f"dataset `{self._name}`: image `{self._ids[row]}` ({place}) cannot be read: "
                f"{error}; replace the file or fetch the set again"
            ) from None
        pixels.flags.writeable = False
        return pixels


def _turn_upright(image: Image.Image) -> Image.Image:
    """The picture as its EXIF orientation says it is to be seen.

    Not `PIL.ImageOps.exif_transpose`: that also writes the other EXIF fields anew, and fails on
    photographs in which any of them is odd.
    """
    orientation: Any = image.getexif().get(ExifTags.Base.Orientation)
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _short_side_first(size: tuple[int, ...]) -> tuple[int, int]:
    return min(size), max(size)


def test_view(pixels: np.ndarray, *, shrink: int | None) -> np.ndarray:
    """The whole image, shrunk so that its short side is `shrink` if both sides are longer.

    Source: the TSN-IQA authors' evaluation.
    """
    height, width = pixels.shape[:2]
    if shrink is None or min(height, width) <= shrink:
        return pixels
    scale = shrink / min(height, width)
    size = (max(shrink, round(width * scale)), max(shrink, round(height * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))


def training_view(
    pixels: np.ndarray,
    *,
    shrink: int | None,
    crop: int | None,
    flip: bool,
    rng: np.random.Generator,
) -> np.ndarray:
    """Shrink as for testing, then a random square crop and a random horizontal flip.

    An image smaller than the crop is padded by reflection: enlarging it would blur it, and blur
    is what the model is to judge.
    """
    pixels = test_view(pixels, shrink=shrink)
    if crop is not None:
        pixels = _random_crop(pixels, crop, rng)
    if flip and rng.random() < 0.5:
        pixels = pixels[:, ::-1]
    return pixels


def _random_crop(pixels: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    missing = [max(0, side - length) for length in pixels.shape[:2]]
    if any(missing):
        before_after = [(m // 2, m - m // 2) for m in missing]
        pixels = np.pad(pixels, [*before_after, (0, 0)], mode="symmetric")
    top, left = (int(rng.integers(length - side + 1)) for length in pixels.shape[:2])
    return pixels[top : top + side, left : left + side]
