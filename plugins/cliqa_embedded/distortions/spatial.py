"""KADID-10k types 19 and 21: displaced and coarse pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import ndimage

from cliqa_embedded.distortions import _colour

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["jitter", "pixelate"]

JITTER: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
JITTER_ROUNDS: Final = 5
PIXELATE: Final = (0.01, 0.05, 0.1, 0.2, 0.5)


def jitter(image: NDArray[np.uint8], level: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Move every pixel by a random fraction of a pixel, five times over."""
    rgb = _colour.to_float(image)
    grid = np.indices(rgb.shape[:2])
    for _ in range(JITTER_ROUNDS):
        where = grid + rng.normal(0, JITTER[level - 1], grid.shape)
        rgb = np.stack(
            [ndimage.map_coordinates(c, where, mode="nearest") for c in np.moveaxis(rgb, -1, 0)],
            axis=-1,
        )
    return _colour.to_uint8(rgb)


def pixelate(image: NDArray[np.uint8], level: int, _rng: np.random.Generator) -> NDArray[np.uint8]:
    """Shrink and enlarge again by the nearest pixel."""
    scale = 0.95 - PIXELATE[level - 1] ** 0.6
    rows, columns = (_coarse(side, scale) for side in image.shape[:2])
    return image[np.ix_(rows, columns)]


def _coarse(side: int, scale: float) -> NDArray[np.int64]:
    """Return, for each of `side` positions, the position whose pixel it shows."""
    small = int(np.ceil(side * scale))
    taken = np.minimum(((np.arange(small) + 0.5) / scale).astype(np.int64), side - 1)
    shown = ((np.arange(side) + 0.5) * small / side).astype(np.int64)
    return taken[shown]
