"""KADID-10k types 11 to 14: noise, with the conventions of MATLAB's `imnoise`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from cliqa_embedded.distortions import _colour

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["impulse_noise", "multiplicative_noise", "white_noise", "white_noise_ycbcr"]

WHITE_VARIANCE: Final = (0.001, 0.002, 0.003, 0.005, 0.01)
YCBCR_VARIANCE: Final = (0.0001, 0.0005, 0.001, 0.002, 0.003)
IMPULSE_DENSITY: Final = (0.001, 0.005, 0.01, 0.02, 0.03)
MULTIPLICATIVE_VARIANCE: Final = (0.001, 0.005, 0.01, 0.02, 0.05)


def white_noise(
    image: NDArray[np.uint8], level: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Add Gaussian noise, independent in each colour channel."""
    sigma = WHITE_VARIANCE[level - 1] ** 0.5
    return _colour.to_uint8(_colour.to_float(image) + rng.normal(0, sigma, image.shape))


def white_noise_ycbcr(
    image: NDArray[np.uint8], level: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Add Gaussian noise to luma and chroma."""
    ycbcr = _colour.rgb_to_ycbcr(_colour.to_float(image))
    noisy = ycbcr + rng.normal(0, YCBCR_VARIANCE[level - 1] ** 0.5, image.shape)
    return _colour.to_uint8(_colour.ycbcr_to_rgb(np.clip(noisy, 0, 1)))


def impulse_noise(
    image: NDArray[np.uint8], level: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Set a share of the values to black or white, half each."""
    density = IMPULSE_DENSITY[level - 1]
    draw = rng.random(image.shape)
    noisy = image.copy()
    noisy[draw < density] = 255
    noisy[draw < density / 2] = 0
    return noisy


def multiplicative_noise(
    image: NDArray[np.uint8], level: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Add uniform noise proportional to the value (speckle)."""
    reach = (3 * MULTIPLICATIVE_VARIANCE[level - 1]) ** 0.5
    rgb = _colour.to_float(image)
    return _colour.to_uint8(rgb * (1 + rng.uniform(-reach, reach, image.shape)))
