"""Views of pixels: what the network is tested on and trained on.

Arrays are uint8, height x width x 3, RGB. Views are pure functions of the pixels and of numbers
drawn from named seeds, so the same sample at the same epoch is the same view in any process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliqa.data.resize import Resize, pad_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


def test_view(pixels: np.ndarray, *, shrink: int | str | None) -> np.ndarray:
    """The whole image under a resize policy.

    Args:
        pixels: the image.
        shrink: the policy as a configuration writes it, see `Resize.parse`; 768 shrinks so that
            the short side has 768 pixels if both sides have more (TSN-IQA's authors' evaluation).
    """
    return Resize.parse(shrink)(pixels)


def centre_crop(pixels: np.ndarray, side: int) -> np.ndarray:
    """The square in the middle; an image with a shorter side is continued by reflection first.

    Where an odd number of pixels is left over, the square lies half a pixel up and left.

    Args:
        pixels: the image.
        side: of the square, in pixels.
    """
    pixels = pad_to(pixels, (side, side))
    top, left = ((length - side) // 2 for length in pixels.shape[:2])
    return pixels[top : top + side, left : left + side]


def training_view(
    pixels: np.ndarray,
    *,
    shrink: int | str | None,
    crop: int | None,
    flip: bool,
    draws: Sequence[float],
) -> np.ndarray:
    """Resize as for testing, then a random square crop and a random horizontal flip.

    An image smaller than the crop is padded by reflection: enlarging it would blur it, and blur
    is what the model is to judge.

    Args:
        pixels: the image.
        shrink: as in `test_view`; None for pixels that were read at their size.
        crop: side of the crop, None for the whole image.
        flip: whether to flip every second image.
        draws: three numbers in [0, 1), such as `cliqa.seeds.named_draws` gives: where to crop from
            top to bottom and from left to right, and, below a half, that it is flipped.
    """
    down, right, mirror, *_ = draws
    if shrink is not None:
        pixels = test_view(pixels, shrink=shrink)
    if crop is not None:
        pixels = _crop_at(pixels, crop, down, right)
    if flip and mirror < 0.5:
        pixels = pixels[:, ::-1]
    return pixels


def _crop_at(pixels: np.ndarray, side: int, down: float, right: float) -> np.ndarray:
    pixels = pad_to(pixels, (side, side))
    top = int(down * (pixels.shape[0] - side + 1))
    left = int(right * (pixels.shape[1] - side + 1))
    return pixels[top : top + side, left : left + side]
