"""KADID-10k types 1 to 3: blurs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cliqa_embedded.distortions import _colour, _filters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["gaussian_blur", "lens_blur", "motion_blur"]

GAUSSIAN_SIGMA: Final = (0.1, 0.5, 1.0, 2.0, 5.0)
LENS_RADIUS: Final = (1.0, 2.0, 4.0, 6.0, 8.0)
MOTION_LENGTH: Final = (1.0, 2.0, 4.0, 6.0, 10.0)


def gaussian_blur(
    image: NDArray[np.uint8], level: int, _rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Blur with a Gaussian."""
    blurred = _filters.gaussian_blur(_colour.to_float(image), GAUSSIAN_SIGMA[level - 1])
    return _colour.to_uint8(blurred)


def lens_blur(image: NDArray[np.uint8], level: int, _rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blur with a disk, as a lens out of focus does."""
    kernel = _filters.disk_kernel(LENS_RADIUS[level - 1])
    return _colour.to_uint8(_filters.convolve(_colour.to_float(image), kernel))


def motion_blur(
    image: NDArray[np.uint8], level: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Blur along a line of random direction."""
    kernel = _filters.motion_kernel(MOTION_LENGTH[level - 1], rng.uniform(0, 180))
    return _colour.to_uint8(_filters.convolve(_colour.to_float(image), kernel))
