"""A fast full-reference measure: gradient magnitude similarity deviation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["gradient_deviation"]

#: Stabilising constant for values 0..255, from the paper.
_C: Final = 170.0


def gradient_deviation(reference: NDArray[np.uint8], distorted: NDArray[np.uint8]) -> float:
    """Return GMSD, averaged over the three colour channels: 0 for equal images, higher is worse.

    Xue, Zhang, Mou and Bovik, "Gradient magnitude similarity deviation", IEEE TIP 2014. The paper
    takes grey images; the channels are kept apart here so that colour distortions count.

    Args:
        reference: uint8 H x W x 3.
        distorted: the same shape.
    """
    one, other = _gradient(reference), _gradient(distorted)
    similarity = (2 * one * other + _C) / (one**2 + other**2 + _C)
    return float(similarity.std(axis=(0, 1)).mean())


def _gradient(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the Prewitt gradient magnitude of each channel, halved before by 2 x 2 means."""
    height, width = (side - side % 2 for side in image.shape[:2])
    values = image[:height, :width].astype(np.float32)
    total = values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]
    halved = total * np.float32(0.25)
    magnitude: NDArray[np.float32] = np.hypot(_slope(halved, 0), _slope(halved, 1))
    return magnitude


def _slope(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Differences along one image axis, averaged over three pixels of the other."""
    # Not ndimage.prewitt: it would also average over the channels.
    difference = ndimage.correlate1d(values, [-1, 0, 1], axis=axis)
    averaged: NDArray[np.float32] = ndimage.uniform_filter1d(difference, 3, axis=1 - axis)
    return averaged
