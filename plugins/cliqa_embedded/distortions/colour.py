"""KADID-10k types 4 to 8: colour distortions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from cliqa_embedded.distortions import _colour, _filters

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "color_diffusion",
    "color_quantization",
    "color_saturation_hsv",
    "color_saturation_lab",
    "color_shift",
]

DIFFUSION: Final = (1.0, 3.0, 6.0, 8.0, 12.0)
SHIFT: Final = (1.0, 3.0, 6.0, 8.0, 12.0)
COLOURS: Final = (64, 48, 32, 16, 8)
SATURATION_HSV: Final = (0.4, 0.2, 0.1, 0.0, -0.4)
SATURATION_LAB: Final = (1.0, 2.0, 3.0, 6.0, 9.0)


def color_diffusion(
    image: NDArray[np.uint8], level: int, _rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Blur the two colour channels of Lab and scale them up by the same amount."""
    amount = DIFFUSION[level - 1]
    lab = _colour.rgb_to_lab(_colour.to_float(image))
    lab[..., 1:] = _filters.gaussian_blur(lab[..., 1:], 1.5 * amount + 2) * amount
    return _colour.to_uint8(_colour.lab_to_rgb(lab))


def color_shift(
    image: NDArray[np.uint8], level: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Shift the green channel and blend it in where the picture has edges."""
    rgb = _colour.to_float(image)
    direction = rng.random(2)
    shift = np.rint(direction / np.linalg.norm(direction) * SHIFT[level - 1]).astype(int)
    moved = np.pad(rgb[..., 1], [(shift[0], 0), (shift[1], 0)], mode="edge")
    moved = moved[: rgb.shape[0], : rgb.shape[1]]
    weight = _edge_weight(rgb @ _colour.GREY)
    rgb[..., 1] = moved * weight + rgb[..., 1] * (1 - weight)
    return _colour.to_uint8(rgb)


def _edge_weight(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a smooth map in [0, 1], H x W, that is high near edges."""
    magnitude = np.hypot(*np.gradient(grey))
    smooth = np.clip(_stretch(_filters.gaussian_blur(magnitude, 4.0, "nearest"), 0), 0.1, 1)
    return np.clip(_stretch(smooth, 1), 0, 1)


def _stretch(values: NDArray[np.float64], percent: float) -> NDArray[np.float64]:
    """Map the two outer percentiles to 0 and 1; a constant map stays as it is."""
    low, high = np.percentile(values, [percent, 100 - percent])
    return (values - low) / (high - low) if high > low else values


def color_quantization(
    image: NDArray[np.uint8], level: int, _rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Keep a few colours chosen from the picture, with error diffusion."""
    picture = Image.fromarray(image)
    palette = picture.quantize(COLOURS[level - 1])
    # Pillow dithers only towards a given palette.
    few = picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    return np.asarray(few.convert("RGB"))


def color_saturation_hsv(
    image: NDArray[np.uint8], level: int, _rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Multiply the saturation of HSV; a negative factor gives complementary colours.

    A channel is value x (1 - saturation x k), so scaling the saturation scales its distance
    from the value (the largest channel): no hue is needed.
    """
    rgb = _colour.to_float(image)
    value = rgb.max(axis=-1, keepdims=True)
    return _colour.to_uint8(value - SATURATION_HSV[level - 1] * (value - rgb))


def color_saturation_lab(
    image: NDArray[np.uint8], level: int, _rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Multiply the two colour channels of Lab."""
    lab = _colour.rgb_to_lab(_colour.to_float(image))
    lab[..., 1:] *= SATURATION_LAB[level - 1]
    return _colour.to_uint8(_colour.lab_to_rgb(lab))
