"""The 39 distortions of DB-CNN: seven types of five levels and two of two.

Each function takes a picture, uint8 (H, W, 3), and returns one of the same form. The parameters
are the paper's; what it leaves open is decided here and said in the docstring.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image, features
from scipy import ndimage

from cliqa.errors import CapabilityError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cliqa_distortions.config import Kind

    Picture = NDArray[np.uint8]

__all__ = ["DISTORTIONS", "VERSION", "distort", "pink_field", "require_codecs"]

#: Raised whenever a distortion gives other pixels, and kept with everything trained on them.
VERSION: Final = 1

BLUR_SIZE: Final = (7, 15, 39, 91, 199)
NOISE_VARIANCE: Final = (2**-10, 2**-7.5, 2**-5.5, 2**-3.5, 2**0)
JPEG_QUALITY: Final = (43, 12, 7, 4, 0)
JPEG2000_BPP: Final = (0.46, 0.16, 0.07, 0.04, 0.02)
CONTRAST_ENDS: Final = ((0.2, 0.8), (0.3, 0.7), (0.4, 0.6), (0.45, 0.55), (0.49, 0.51))
PINK_WEIGHT: Final = (0.3, 0.7, 1.2, 2.0, 4.0)
COLOURS: Final = (64, 32, 16, 8, 4)
EXPOSURE_GAIN: Final = (1.5, 3.0, 4.5, 6.0, 7.5)

#: Standard deviation of pink noise of weight 1, on [0, 1].
PINK_UNIT: Final = 0.1
#: Added or subtracted by an exposure of gain 1, on [0, 1].
EXPOSURE_UNIT: Final = 0.1


def distort(picture: Picture, kind: Kind, level: int, rng: np.random.Generator) -> Picture:
    """One distorted version of a picture.

    Args:
        picture: uint8 (H, W, 3).
        kind: the type.
        level: 1 to 5, from mild to strong.
        rng: for the noises; the others draw nothing.
    """
    return DISTORTIONS[kind](picture, level, rng)


def require_codecs(kinds: tuple[Kind, ...]) -> None:
    """Raise `CapabilityError` if the installed Pillow cannot make one of the types."""
    if "jpeg2000" in kinds and not features.check("jpg_2000"):
        raise CapabilityError(
            "types: `jpeg2000` needs a Pillow with JPEG 2000, and this one was built without it; "
            "install Pillow from its wheel, or leave the type out"
        )


def gaussian_blur(picture: Picture, level: int, _rng: np.random.Generator) -> Picture:
    """Blur with a square kernel of that size, sigma a sixth of it; borders are mirrored."""
    size = BLUR_SIZE[level - 1]
    return _bytes(
        ndimage.gaussian_filter(
            _unit(picture), size / 6, radius=size // 2, axes=(0, 1), mode="reflect"
        )
    )


def white_noise(picture: Picture, level: int, rng: np.random.Generator) -> Picture:
    """Add Gaussian noise, independent in each pixel and channel."""
    deviation = NOISE_VARIANCE[level - 1] ** 0.5
    return _bytes(_unit(picture) + rng.normal(0, deviation, picture.shape))


def jpeg(picture: Picture, level: int, _rng: np.random.Generator) -> Picture:
    """Compress with JPEG, colour at half resolution."""
    quality = JPEG_QUALITY[level - 1]
    return _decoded(_encoded(picture, "JPEG", quality=quality, subsampling="4:2:0"))


def jpeg2000(picture: Picture, level: int, _rng: np.random.Generator) -> Picture:
    """Compress with JPEG 2000, lossy wavelet, to a number of bits a pixel.

    The bits pay for the picture alone: headers, a small part of a whole photograph's budget, would
    be more than all of a crop's.
    """
    height, width, _ = picture.shape
    budget = height * width * JPEG2000_BPP[level - 1] / 8 + _empty_jpeg2000(height, width)
    return _decoded(_jpeg2000(picture, budget))


@lru_cache(maxsize=64)
def _empty_jpeg2000(height: int, width: int) -> int:
    """Bytes of a code stream that says nothing."""
    black = np.zeros((height, width, 3), np.uint8)
    return len(_jpeg2000(black, black.nbytes))


def contrast(picture: Picture, level: int, _rng: np.random.Generator) -> Picture:
    """Stretch the range from the 1st to the 99th percentile, over all channels, into a narrow one.

    What lies beyond the percentiles takes the ends of the narrow range.
    """
    unit = _unit(picture)
    dark, bright = np.percentile(unit, (1, 99))
    low, high = CONTRAST_ENDS[level - 1]
    share = np.clip((unit - dark) / (bright - dark), 0, 1) if bright > dark else 0.5
    return _bytes(np.broadcast_to(low + share * (high - low), unit.shape))


def pink_noise(picture: Picture, level: int, rng: np.random.Generator) -> Picture:
    """Add noise whose power falls as 1/f, independent in each channel.

    The sources name weights without a unit; here weight 1 is a standard deviation of 0.1, which
    puts the five levels beside those of the white noise.
    """
    weight = PINK_WEIGHT[level - 1] * PINK_UNIT
    return _bytes(_unit(picture) + weight * pink_field(picture.shape, rng))


def pink_field(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise (H, W, C) of mean 0 and standard deviation 1 a channel, power proportional to 1/f."""
    spectrum = np.fft.rfft2(rng.normal(size=shape), axes=(0, 1))
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :])
    frequency[0, 0] = np.inf  # no mean
    field = np.fft.irfft2(spectrum / np.sqrt(frequency)[..., None], s=shape[:2], axes=(0, 1))
    pink: NDArray[np.float64] = field / field.std(axis=(0, 1))
    return pink


def quantization(picture: Picture, level: int, _rng: np.random.Generator) -> Picture:
    """Keep a few colours, chosen by median cut, with Floyd-Steinberg dithering."""
    image = Image.fromarray(picture)
    palette = image.quantize(COLOURS[level - 1], Image.Quantize.MEDIANCUT)
    dithered = image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    return np.asarray(dithered.convert("RGB"))


def over_exposure(picture: Picture, level: int, _rng: np.random.Generator) -> Picture:
    """Add a constant and cut at white."""
    return _bytes(_unit(picture) + EXPOSURE_UNIT * EXPOSURE_GAIN[level - 1])


def under_exposure(picture: Picture, level: int, _rng: np.random.Generator) -> Picture:
    """Subtract a constant and cut at black."""
    return _bytes(_unit(picture) - EXPOSURE_UNIT * EXPOSURE_GAIN[level - 1])


DISTORTIONS: Final[dict[Kind, Callable[[Picture, int, np.random.Generator], Picture]]] = {
    "gaussian-blur": gaussian_blur,
    "white-noise": white_noise,
    "jpeg": jpeg,
    "jpeg2000": jpeg2000,
    "contrast": contrast,
    "pink-noise": pink_noise,
    "quantization": quantization,
    "over-exposure": over_exposure,
    "under-exposure": under_exposure,
}


def _unit(picture: Picture) -> NDArray[np.float64]:
    """On [0, 1]."""
    return picture / 255.0


def _bytes(unit: NDArray[np.float64]) -> Picture:
    """From [0, 1], cut and rounded."""
    return np.rint(np.clip(unit, 0, 1) * 255).astype(np.uint8)


def _jpeg2000(picture: Picture, budget: float) -> bytes:
    """A bare code stream of about `budget` bytes."""
    return _encoded(
        picture,
        "JPEG2000",
        no_jp2=True,
        irreversible=True,
        quality_mode="rates",
        quality_layers=[picture.nbytes / budget],
    )


def _encoded(picture: Picture, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, form, **options)
    return stream.getvalue()


def _decoded(content: bytes) -> Picture:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))
