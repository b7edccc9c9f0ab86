"""KADID-10k types 9 and 10: lossy compression."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["jpeg", "jpeg2000"]

JPEG2000_RATIO: Final = (16, 32, 45, 120, 400)
JPEG_QUALITY: Final = (43, 36, 24, 7, 4)


def jpeg2000(image: NDArray[np.uint8], level: int, _rng: np.random.Generator) -> NDArray[np.uint8]:
    """Compress to a ratio with JPEG 2000, by the wavelet of its lossy mode.

    The picture is coded mirrored to twice its sides: on a small crop alone the headers would
    use up the budget that the ratio leaves, which they do not on the whole pictures of KADID-10k.
    """
    height, width, _ = image.shape
    mirrored = np.pad(image, [(0, height), (0, width), (0, 0)], mode="symmetric")
    coded = _round_trip(
        mirrored,
        "JPEG2000",
        irreversible=True,
        quality_mode="rates",
        quality_layers=[JPEG2000_RATIO[level - 1]],
    )
    return np.ascontiguousarray(coded[:height, :width])


def jpeg(image: NDArray[np.uint8], level: int, _rng: np.random.Generator) -> NDArray[np.uint8]:
    """Compress with JPEG, colour at half resolution."""
    return _round_trip(image, "JPEG", quality=JPEG_QUALITY[level - 1], subsampling="4:2:0")


def _round_trip(image: NDArray[np.uint8], kind: str, **options: Any) -> NDArray[np.uint8]:
    """Encode in memory and decode again."""
    coded = io.BytesIO()
    Image.fromarray(image).save(coded, format=kind, **options)
    with Image.open(coded) as decoded:
        return np.asarray(decoded.convert("RGB"))
