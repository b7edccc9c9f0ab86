"""Distortions of KADID-10k with its parameters, by the names of its types.

Each is `f(image, level, rng) -> image`: uint8 H x W x 3 in RGB, level 1 to 5, the input left as
it is, the result a function of the arguments and the state of `rng` alone. Parameters follow the
generator published with KADID-10k (Lin, Hosu and Saupe, QoMEX 2019). Three of its 25 types are
missing, because their parameters cannot be matched here: denoise (needs the network DnCNN),
non-eccentricity patch and colour block (counted in patches a whole 512 x 384 picture).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cliqa_embedded.distortions.blur import gaussian_blur, lens_blur, motion_blur
from cliqa_embedded.distortions.colour import (
    color_diffusion,
    color_quantization,
    color_saturation_hsv,
    color_saturation_lab,
    color_shift,
)
from cliqa_embedded.distortions.compression import jpeg, jpeg2000
from cliqa_embedded.distortions.noise import (
    impulse_noise,
    multiplicative_noise,
    white_noise,
    white_noise_ycbcr,
)
from cliqa_embedded.distortions.spatial import jitter, pixelate
from cliqa_embedded.distortions.tone import (
    brighten,
    contrast_change,
    darken,
    high_sharpen,
    mean_shift,
    quantization,
)

__all__ = ["DISTORTIONS", "LEVELS", "Distortion"]

Distortion: TypeAlias = Callable[[NDArray[np.uint8], int, np.random.Generator], NDArray[np.uint8]]

LEVELS: Final = (1, 2, 3, 4, 5)

#: KADID-10k type -> the function that makes it, in KADID-10k's order.
DISTORTIONS: Final[dict[str, Distortion]] = {
    "gaussian_blur": gaussian_blur,
    "lens_blur": lens_blur,
    "motion_blur": motion_blur,
    "color_diffusion": color_diffusion,
    "color_shift": color_shift,
    "color_quantization": color_quantization,
    "color_saturation_hsv": color_saturation_hsv,
    "color_saturation_lab": color_saturation_lab,
    "jpeg2000": jpeg2000,
    "jpeg": jpeg,
    "white_noise": white_noise,
    "white_noise_ycbcr": white_noise_ycbcr,
    "impulse_noise": impulse_noise,
    "multiplicative_noise": multiplicative_noise,
    "brighten": brighten,
    "darken": darken,
    "mean_shift": mean_shift,
    "jitter": jitter,
    "pixelate": pixelate,
    "quantization": quantization,
    "high_sharpen": high_sharpen,
    "contrast_change": contrast_change,
}
