"""Any picture as upright RGB pixels of 8 bits, and what had to be done for it."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, UnidentifiedImageError

from cliqa.data.decoding import UNREADABLE, turn_upright
from cliqa.errors import DataError

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["Picture", "extensions", "formats", "picture_of"]

#: Formats that Pillow announces and cannot decode alone: through Ghostscript, which runs programs,
#: or through handlers that nobody has.
_NOT_READ: Final = frozenset(
    {"EPS", "MPEG", "HDF5", "GRIB", "BUFR", "WMF", "STUB", "FITS", "PDF", "PALM"}
)
#: Pixels above which no more than one picture is decoded at a time.
_LARGE: Final = 40 * 10**6
_ONE_LARGE: Final = threading.Lock()


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        pixels: uint8 (H, W, 3), RGB.
        note: what is not the picture as it is stored; empty if nothing.
    """

    pixels: np.ndarray
    note: str = ""


@cache
def formats() -> tuple[str, ...]:
    """Formats that are decoded, by Pillow's name."""
    Image.init()
    return tuple(sorted(set(Image.OPEN) - _NOT_READ))


def extensions() -> frozenset[str]:
    """File name extensions of these formats, in lower case with their dot."""
    known = set(formats())
    return frozenset(e for e, form in Image.registered_extensions().items() if form in known)


def picture_of(
    source: str | PathLike[str] | Image.Image | np.ndarray, *, least: int | None = None
) -> Picture:
    """Decode, turn upright, and bring to RGB of 8 bits.

    Args:
        source: a path, a Pillow image, or uint8 pixels (H, W, 3) or (H, W).
        least: for a thumbnail: a JPEG file may be decoded at a fraction of its size that has at
            least so many pixels a side, which takes a fraction of the time.

    Raises:
        DataError: it cannot be read; the text says why, without naming it.
    """
    if isinstance(source, np.ndarray):
        return Picture(_checked(source))
    try:
        if not isinstance(source, Image.Image) and not Path(source).stat().st_size:
            raise DataError("the file is empty")
        if isinstance(source, Image.Image):
            return _converted(source)
        with Image.open(Path(source), formats=formats()) as image:
            large = image.width * image.height > _LARGE
            if least is not None:
                image.draft("RGB", (least, least))
            with _ONE_LARGE if large else nullcontext():
                return _converted(image)
    except Image.DecompressionBombError:
        raise DataError(_too_large()) from None
    except MemoryError:
        raise DataError("not enough memory to decode it") from None
    except DataError:
        raise
    except UNREADABLE as error:
        raise DataError(_reason(error)) from None


def _checked(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or not pixels.size:
        raise DataError(
            f"an array of {pixels.dtype} {pixels.shape}; expected uint8 (height, width, 3)"
        )
    if pixels.ndim == 2:
        return np.stack([pixels] * 3, axis=2)
    if pixels.shape[2] != 3:
        raise DataError(
            f"an array with {pixels.shape[2]} channels; expected 3, red, green, blue, in the last "
            "dimension"
        )
    return pixels


def _converted(image: Image.Image) -> Picture:
    notes = []
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        image.seek(0)
        notes.append(f"the first of {frames} frames")
    image.load()
    turned = turn_upright(image)
    if turned.mode.startswith("I") or turned.mode == "F":
        turned = Image.fromarray(_eight_bits(turned))
        notes.append("16 bits a pixel scaled to 8")
    if turned.has_transparency_data:
        clear = turned.convert("RGBA")
        if clear.getchannel("A").getextrema()[0] != 255:
            turned = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
            notes.append("transparent parts on white")
    return Picture(np.asarray(turned.convert("RGB")), "; ".join(notes))


def _eight_bits(image: Image.Image) -> np.ndarray:
    """Grey of 16 bits, which Pillow's own conversion would cut off at 255."""
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise DataError(
            f"pixels of 32 bits (Pillow's mode {image.mode}), whose range nobody tells; save it "
            "with 8 or 16 bits"
        )
    return ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _too_large() -> str:
    most = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
    return f"larger than the {most:.0f} megapixels that are decoded at most; make it smaller first"


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file is gone"
    if isinstance(error, PermissionError):
        return "permission denied"
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    if isinstance(error, UnidentifiedImageError):
        return "no image that Pillow can read"
    text = (str(error) or type(error).__name__).splitlines()[0]
    return f"damaged: {text}"
