"""Linear filters with the kernels of MATLAB's `fspecial`, which KADID-10k was made with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage, signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["convolve", "disk_kernel", "gaussian_blur", "motion_kernel"]


def gaussian_blur(
    image: NDArray[np.float64], sigma: float, mode: str = "reflect"
) -> NDArray[np.float64]:
    """Blur the first two axes with a Gaussian cut off at `ceil(2 sigma)` pixels.

    Args:
        image: H x W or H x W x C.
        sigma: standard deviation in pixels, above 0.
        mode: border rule of `scipy.ndimage`; its `reflect` is MATLAB's `symmetric`.
    """
    radius = int(np.ceil(2 * sigma))
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-(offsets**2) / (2 * sigma**2))
    weights /= weights.sum()
    rows = ndimage.correlate1d(image, weights, axis=0, mode=mode)
    blurred: NDArray[np.float64] = ndimage.correlate1d(rows, weights, axis=1, mode=mode)
    return blurred


def disk_kernel(radius: float) -> NDArray[np.float64]:
    """Return the share of each pixel that a disk of `radius` pixels covers, summing to 1.

    Columns are integrated exactly along y and by 64 midpoints along x.
    """
    half = int(np.ceil(radius - 0.5))
    cells = np.arange(-half, half + 1)
    fine = (np.arange(64) + 0.5) / 64 - 0.5
    x = cells[:, None] + fine[None, :]
    reach = np.sqrt(np.clip(radius**2 - x**2, 0, None))
    top = np.minimum(reach[..., None], cells + 0.5)
    bottom = np.maximum(-reach[..., None], cells - 0.5)
    kernel: NDArray[np.float64] = np.clip(top - bottom, 0, None).mean(axis=1)
    return kernel / kernel.sum()


def motion_kernel(length: float, angle: float) -> NDArray[np.float64]:
    """Return an anti-aliased line segment, summing to 1.

    Args:
        length: extent of the movement in pixels, 1 or more (1 moves nothing).
        angle: direction in degrees, counter-clockwise from the x axis.
    """
    half = (length - 1) / 2
    radius = int(np.ceil(half))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float64)
    direction = np.deg2rad(angle)
    along = x * np.cos(direction) - y * np.sin(direction)
    across = x * np.sin(direction) + y * np.cos(direction)
    beyond = np.clip(np.abs(along) - half, 0, None)
    kernel: NDArray[np.float64] = np.clip(1 - np.hypot(beyond, across), 0, None)
    return kernel / kernel.sum()


def convolve(image: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convolve each channel of an H x W x C image with an odd-sided kernel, borders mirrored."""
    pad_y, pad_x = (side // 2 for side in kernel.shape)
    padded = np.pad(image, ((pad_y, pad_y), (pad_x, pad_x), (0, 0)), mode="symmetric")
    filtered: NDArray[np.float64] = signal.fftconvolve(
        padded, kernel[..., None], mode="valid", axes=(0, 1)
    )
    return filtered
