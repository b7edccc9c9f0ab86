"""Colour spaces and the conversion between stored and computed images.

Computed images are float64 in [0, 1]; Lab is CIE 1976 with white point D65, L in [0, 100].
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "GREY",
    "lab_to_rgb",
    "rgb_to_lab",
    "rgb_to_ycbcr",
    "to_float",
    "to_uint8",
    "ycbcr_to_rgb",
]

#: Rec. 601 weights of a grey value, as `rgb2gray` has them.
GREY: Final = np.array([0.2989, 0.5870, 0.1140])

_RGB_TO_XYZ: Final = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)
_XYZ_TO_RGB: Final = np.linalg.inv(_RGB_TO_XYZ)
_WHITE: Final = np.array([0.95047, 1.0, 1.08883])
_LAB_EDGE: Final = 6 / 29

# Rec. 601 in studio range: luma 16..235 and chroma 16..240 of 255.
_RGB_TO_YCBCR: Final = (
    np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]])
    / 255
)
_YCBCR_TO_RGB: Final = np.linalg.inv(_RGB_TO_YCBCR)
_YCBCR_OFFSET: Final = np.array([16.0, 128.0, 128.0]) / 255


def to_float(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Scale 0..255 to [0, 1]."""
    return image.astype(np.float64) / 255


def to_uint8(image: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Clip to [0, 1] and round to 0..255."""
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def rgb_to_lab(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert sRGB in [0, 1] to Lab, H x W x 3."""
    linear = np.where(image > 0.04045, ((image + 0.055) / 1.055) ** 2.4, image / 12.92)
    xyz = linear @ _RGB_TO_XYZ.T / _WHITE
    f = np.where(xyz > _LAB_EDGE**3, np.cbrt(xyz), xyz / (3 * _LAB_EDGE**2) + 4 / 29)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def lab_to_rgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert Lab to sRGB, clipped to [0, 1], H x W x 3."""
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > _LAB_EDGE, f**3, 3 * _LAB_EDGE**2 * (f - 4 / 29))
    linear = np.clip(xyz * _WHITE @ _XYZ_TO_RGB.T, 0, 1)
    return np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)


def rgb_to_ycbcr(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert RGB in [0, 1] to studio-range YCbCr in [0, 1], H x W x 3."""
    return image @ _RGB_TO_YCBCR.T + _YCBCR_OFFSET


def ycbcr_to_rgb(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Invert `rgb_to_ycbcr`; the result is not clipped."""
    return (image - _YCBCR_OFFSET) @ _YCBCR_TO_RGB.T
