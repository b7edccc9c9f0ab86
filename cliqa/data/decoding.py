"""From the bytes of an image file to upright RGB pixels."""

from __future__ import annotations

import hashlib
import io
import platform
from functools import cache
from typing import Any, Final

import numpy as np
import PIL
from PIL import ExifTags, Image, features

__all__ = ["UNREADABLE", "address", "decode", "load_decoders", "turn_upright"]

#: What Pillow raises on bad files; `OSError` includes `UnidentifiedImageError`, `TypeError` comes
#: from damaged TIFF offsets.
UNREADABLE: Final = (OSError, SyntaxError, TypeError, ValueError, Image.DecompressionBombError)

#: EXIF orientation -> what turns the stored pixels upright.
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: Raise it whenever this module, or `Resize`, gives other pixels than before.
_VERSION: Final = 1
#: Parts of Pillow whose pixels may differ from version to version.
_DECODERS: Final = ("jpg", "libjpeg_turbo", "jpg_2000", "libtiff", "webp", "avif")


def load_decoders() -> None:
    """Load all of Pillow's decoders, before several threads decode.

    Otherwise Pillow does so at the first file of a rarer format, and a thread that asks while
    another one is loading is told that its file is of no known format.
    """
    Image.init()


def decode(content: bytes, *, upright: bool) -> np.ndarray:
    """Pixels of an image file, uint8 (H, W, 3), RGB.

    Args:
        content: the file.
        upright: turn the picture as the EXIF orientation says; else as it is stored.

    Raises:
        Exception: one of `UNREADABLE`.
    """
    with Image.open(io.BytesIO(content)) as image:
        turned = turn_upright(image) if upright else image
        return np.asarray(turned.convert("RGB"))


def turn_upright(image: Image.Image) -> Image.Image:
    """The picture as its EXIF orientation says it is to be seen.

    Not `PIL.ImageOps.exif_transpose`: that also writes the other EXIF fields anew, and fails on
    photographs in which any of them is odd.
    """
    orientation: Any = image.getexif().get(ExifTags.Base.Orientation)
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def address(*determined_by: str, upright: bool) -> str:
    """The name under which a cache keeps what decoding gives: SHA-256 of all that determines it.

    Two versions of a decoder may give other pixels for the same bytes, so they share nothing.
    """
    words = (*determined_by, "upright" if upright else "as stored", _decoders())
    return hashlib.sha256("\x1f".join(words).encode()).hexdigest()


@cache
def _decoders() -> str:
    """What decodes here, by version."""
    # An older Pillow warns about names that it does not know.
    known = {*features.modules, *features.codecs, *features.features}
    versions = [f"{n} {features.version(n)}" for n in _DECODERS if n in known]
    return f"{_VERSION}; Pillow {PIL.__version__}; {platform.machine()}; {'; '.join(versions)}"
