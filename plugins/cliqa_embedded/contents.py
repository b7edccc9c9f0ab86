"""Reference contents: textured crops of the photographs and scenes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image
from scipy import ndimage

from cliqa.data import PHOTOGRAPHS
from cliqa_embedded.scenes import SCENES

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CROPS", "Contents", "contents"]

#: Crops a reference.
CROPS: Final = 10

#: Side of the picture relative to the shipped file; half size shows other frequencies.
SCALES: Final = (1.0, 0.5)

#: Largest share of a crop that an earlier crop of the same scale may also show.
OVERLAP: Final = 0.4

#: Reference name -> its crops, each uint8 size x size x 3, the most textured first.
Contents = dict[str, tuple["NDArray[np.uint8]", ...]]


@lru_cache(maxsize=4)
def contents(size: int, seed: int) -> Contents:
    """Return the crops of every reference, photographs first.

    Args:
        size: side of a crop in pixels.
        seed: seed of the procedural scenes.

    Raises:
        DataError: a photograph is missing.
    """
    return {name: textured_crops(pixels, size) for name, pixels in _sources(seed).items()}


@lru_cache(maxsize=2)
def _sources(seed: int) -> dict[str, NDArray[np.uint8]]:
    """Return every picture whole, by its reference name."""
    photographs = {photograph.name: photograph.read() for photograph in PHOTOGRAPHS}
    return photographs | {scene.name: scene.draw(seed) for scene in SCENES}


def textured_crops(pixels: NDArray[np.uint8], size: int) -> tuple[NDArray[np.uint8], ...]:
    """Pick up to `CROPS` crops with the most texture that overlap little.

    A flat crop looks the same under blur and little worse under compression: it carries no
    signal about quality.

    Args:
        pixels: the picture, uint8 H x W x 3, at least `size` pixels each way.
        size: side of a crop in pixels.
    """
    pictures = [_scaled(pixels, scale) for scale in SCALES]
    places = [
        (score, scale, y, x)
        for scale, picture in enumerate(pictures)
        for score, y, x in _scored_places(picture, size)
    ]
    taken: list[tuple[int, int, int]] = []
    for _, scale, y, x in sorted(places, key=lambda place: (-place[0], *place[1:])):
        if len(taken) < CROPS and not any(_overlap((scale, y, x), t, size) for t in taken):
            taken.append((scale, y, x))
    return tuple(pictures[s][y : y + size, x : x + size] for s, y, x in taken)


def _scaled(pixels: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """Shrink with a box filter, which needs no ringing kernel."""
    if scale == 1:
        return pixels
    height, width = pixels.shape[:2]
    sides = (round(width * scale), round(height * scale))
    return np.asarray(Image.fromarray(pixels).resize(sides, Image.Resampling.BOX))


def _scored_places(picture: NDArray[np.uint8], size: int) -> list[tuple[float, int, int]]:
    """Return (texture, top, left) of every crop on a grid of a quarter of `size`.

    Texture is the mean over 16 cells of the root of the mean gradient magnitude: the root keeps
    one strong edge from outweighing some texture everywhere.
    """
    grey = picture.mean(axis=-1)
    magnitude = np.hypot(ndimage.sobel(grey, axis=0), ndimage.sobel(grey, axis=1))
    cell = size // 4
    # The origin puts a cell's mean at its top left; rounding can leave it just below zero.
    means = ndimage.uniform_filter(magnitude, cell, origin=-(cell // 2)).clip(min=0) ** 0.5
    step = range(0, size - cell + 1, cell)
    height, width = grey.shape
    return [
        (float(np.mean([means[y + dy, x + dx] for dy in step for dx in step])), y, x)
        for y in range(0, height - size + 1, cell)
        for x in range(0, width - size + 1, cell)
    ]


def _overlap(one: tuple[int, int, int], other: tuple[int, int, int], size: int) -> bool:
    """Tell whether two places (scale, top, left) share more than `OVERLAP` of their area."""
    if one[0] != other[0]:
        return False
    shared = max(0, size - abs(one[1] - other[1])) * max(0, size - abs(one[2] - other[2]))
    return shared > OVERLAP * size**2
