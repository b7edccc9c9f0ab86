"""Resize policies: at which size the network sees an image.

Whatever the policy, a picture is never enlarged: that would blur it, and blur is what the model
is to judge.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

__all__ = ["FIXED_SIZE", "ORIGINAL", "Resize"]

#: How a fixed size is written, height first.
FIXED_SIZE: Final = r"^[1-9]\d{1,4}x[1-9]\d{1,4}$"

Size = tuple[int, int]


@dataclass(frozen=True)
class Resize:
    """One policy; at most one attribute is set, and none means the original size.

    Attributes:
        shrink: the short side gets this many pixels if both sides have more, and the aspect is
            kept. Source: the TSN-IQA authors' evaluation.
        fixed: every image gets exactly this height and width, for networks that take no other.
            The whole picture is shrunk to fit in it, its aspect kept, and what is left free on
            both sides of it is filled by mirroring. Neither part of the picture is lost nor its
            aspect changed, and what is added is as distorted as the picture is.
    """

    shrink: int | None = None
    fixed: Size | None = None

    @classmethod
    def parse(cls, value: int | str | None) -> Resize:
        """The policy of a setting: 768, `224x224` (height x width) or None.

        Raises:
            ValueError: it is none of them.
        """
        if value is None:
            return ORIGINAL
        if isinstance(value, int):
            return cls(shrink=value)
        if not re.fullmatch(FIXED_SIZE, value):
            raise ValueError(f"expected a size such as 224x224, got {value}")
        height, width = map(int, value.split("x"))
        return cls(fixed=(height, width))

    @property
    def name(self) -> str:
        """`shrink-768`, `fixed-224x224` or `original`: how results name it."""
        if self.fixed:
            return f"fixed-{self.fixed[0]}x{self.fixed[1]}"
        return "original" if self.shrink is None else f"shrink-{self.shrink}"

    def changes(self, size: Size) -> bool:
        """Whether an image of that height and width would not stay as it is."""
        if self.fixed:
            return tuple(size) != self.fixed
        return self.shrink is not None and min(size) > self.shrink

    def size(self, size: Size) -> Size:
        """Height and width that an image of `size` gets."""
        return self.fixed or self._shrunk(size)

    def _shrunk(self, size: Size) -> Size:
        """Height and width after shrinking, before any padding."""
        if not self.changes(size):
            return size
        height, width = size
        if self.fixed:
            scale = min(1.0, self.fixed[0] / height, self.fixed[1] / width)
            return (
                min(self.fixed[0], max(1, round(height * scale))),
                min(self.fixed[1], max(1, round(width * scale))),
            )
        assert self.shrink is not None  # noqa: S101
        scale = self.shrink / min(height, width)
        return max(self.shrink, round(height * scale)), max(self.shrink, round(width * scale))

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """The image under this policy; the same array if nothing changes.

        Args:
            pixels: uint8 (H, W, 3).
        """
        height, width = pixels.shape[:2]
        target = self._shrunk((height, width))
        if target != (height, width):
            image = Image.fromarray(pixels)
            pixels = np.asarray(image.resize(target[::-1], Image.Resampling.BILINEAR))
        return pad_to(pixels, self.fixed) if self.fixed else pixels


def pad_to(pixels: np.ndarray, size: Size) -> np.ndarray:
    """Mirror the picture beyond its edges until it has at least that height and width."""
    if pixels.shape[0] >= size[0] and pixels.shape[1] >= size[1]:
        return pixels
    missing = [max(0, want - have) for want, have in zip(size, pixels.shape[:2], strict=True)]
    before_after = [(m // 2, m - m // 2) for m in missing]
    return np.pad(pixels, [*before_after, (0, 0)], mode="symmetric")


#: Images stay as they are.
ORIGINAL: Final = Resize()
