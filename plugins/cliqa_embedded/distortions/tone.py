"""KADID-10k types 16 to 18, 22, 24 and 25: brightness, contrast and sharpness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.interpolate import CubicSpline

from cliqa_embedded.distortions import _colour, _filters

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["brighten", "contrast_change", "darken", "high_sharpen", "mean_shift", "quantization"]

BRIGHTEN: Final = (0.1, 0.2, 0.4, 0.7, 1.1)
DARKEN: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
MEAN_SHIFT: Final = (0.15, 0.08, 0.0, -0.08, -0.15)
THRESHOLDS: Final = (20, 16, 13, 10, 7)
SHARPEN: Final = (1.0, 2.0, 3.0, 6.0, 12.0)
SHARPEN_SIGMA: Final = 3.0
CONTRAST: Final = (0.3, 0.15, 0.0, -0.4, -0.6)


def brighten(image: NDArray[np.uint8], level: int, _rng: np.random.Generator) -> NDArray[np.uint8]:
    """Raise the mid-tones: two thirds a curve on RGB, one third the same curve on lightness."""
    middle = 0.5 + BRIGHTEN[level - 1] / 2
    rgb = _colour.to_float(image)
    lab = _colour.rgb_to_lab(rgb)
    lab[..., 0] = 100 * _curve(lab[..., 0] / 100, (0.5,), (middle,))
    return _colour.to_uint8((2 * _curve(rgb, (0.5,), (middle,)) + _colour.lab_to_rgb(lab)) / 3)


def darken(image: NDArray[np.uint8], level: int, _rng: np.random.Generator) -> NDArray[np.uint8]:
    """Lower the mid-tones with a curve on RGB."""
    middle = 0.5 - DARKEN[level - 1] / 2
    return _colour.to_uint8(_curve(_colour.to_float(image), (0.5,), (middle,)))


def mean_shift(
    image: NDArray[np.uint8], level: int, _rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Add a constant; level 3 changes nothing, so a level is no severity."""
    return _colour.to_uint8(_colour.to_float(image) + MEAN_SHIFT[level - 1])


def contrast_change(
    image: NDArray[np.uint8], level: int, _rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Steepen (levels 1 to 3) or flatten (4 and 5) the mid-tones; a level is no severity."""
    amount = CONTRAST[level - 1]
    bent = (0.25 - amount / 4, 0.5, 0.75 + amount / 4)
    return _colour.to_uint8(_curve(_colour.to_float(image), (0.3, 0.5, 0.7), bent))


def _curve(
    values: NDArray[np.float64], inner_x: tuple[float, ...], inner_y: tuple[float, ...]
) -> NDArray[np.float64]:
    """Apply the cubic spline through (0, 0), the inner points and (1, 1), clipped to [0, 1]."""
    spline = CubicSpline((0.0, *inner_x, 1.0), (0.0, *inner_y, 1.0))
    return np.clip(spline(values), 0, 1)


def high_sharpen(
    image: NDArray[np.uint8], level: int, _rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Sharpen the lightness by an unsharp mask, far too much from level 2 on."""
    lab = _colour.rgb_to_lab(_colour.to_float(image))
    blurred = _filters.gaussian_blur(lab[..., 0], SHARPEN_SIGMA, "nearest")
    lab[..., 0] += SHARPEN[level - 1] * (lab[..., 0] - blurred)
    return _colour.to_uint8(_colour.lab_to_rgb(lab))


def quantization(
    image: NDArray[np.uint8], level: int, _rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Cut the values of all channels at Otsu's thresholds; each class takes its upper threshold.

    The lowest class becomes 0 and the highest 255.
    """
    thresholds = otsu_thresholds(np.bincount(image.ravel(), minlength=256), THRESHOLDS[level - 1])
    values = np.concatenate([[0], thresholds[1:], [255]]).astype(np.uint8)
    return values[np.searchsorted(thresholds, image, side="left")]


def otsu_thresholds(histogram: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return the ascending thresholds that minimise the variance within classes.

    Exact, by dynamic programming over class ends; class k holds values above threshold k - 1 up
    to and including threshold k.

    Args:
        histogram: 256 counts.
        count: number of thresholds, 1 to 255.
    """
    costs = _class_costs(histogram)
    best = costs[0]
    splits = []
    for _ in range(count):
        # totals[s, e]: the best classes up to s, and one more class from s + 1 to e.
        totals = np.full((256, 256), np.inf)
        totals[:-1] = best[:-1, None] + costs[1:]
        splits.append(totals.argmin(axis=0))
        best = totals.min(axis=0)
    ends = [255]
    for split in reversed(splits):
        ends.append(int(split[ends[-1]]))
    return np.array(ends[:0:-1])


def _class_costs(histogram: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the squared error of one class from value i to value j as entry (i, j), 256 x 256.

    Entries below the diagonal are infinite.
    """
    values = np.arange(256.0)
    moments = [np.concatenate([[0.0], np.cumsum(histogram * values**power)]) for power in (0, 1, 2)]
    mass, first, second = (m[None, 1:] - m[:-1, None] for m in moments)
    cost = second - first**2 / np.maximum(mass, 1)
    return np.where(np.tri(256, k=-1, dtype=bool), np.inf, cost)
