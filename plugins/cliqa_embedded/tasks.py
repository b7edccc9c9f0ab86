"""What each of the six tasks contains: treatments, each a chain of one or more distortions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cliqa_embedded.distortions import LEVELS

if TYPE_CHECKING:
    from cliqa_embedded.config import Subset

__all__ = ["TASKS", "Treatment"]


@dataclass(frozen=True)
class Treatment:
    """Distortions applied one after the other.

    Attributes:
        name: the type, or for a chain the types joined by `+`.
        level: 1 to 5, as severity of the whole.
        steps: (type, level) of each distortion, in the order they are applied.
    """

    name: str
    level: int
    steps: tuple[tuple[str, int], ...]


def _single(*types: str) -> tuple[Treatment, ...]:
    return tuple(Treatment(t, level, ((t, level),)) for t in types for level in LEVELS)


def _chain(**offsets: int) -> tuple[Treatment, ...]:
    """A chain at five levels; each type runs at the chain's level plus its offset, within 1..5."""
    name = "+".join(offsets)
    return tuple(
        Treatment(name, level, tuple((t, min(5, max(1, level + o))) for t, o in offsets.items()))
        for level in LEVELS
    )


TASKS: Final[dict[Subset, tuple[Treatment, ...]]] = {
    "live-like": _single("jpeg2000", "jpeg", "white_noise", "gaussian_blur"),
    "csiq-like": _single("contrast_change", "high_sharpen", "white_noise_ycbcr", "impulse_noise"),
    "bid-like": (
        *_single("lens_blur", "motion_blur", "gaussian_blur"),
        *_chain(motion_blur=0, white_noise_ycbcr=-2),
    ),
    "clive-like": (
        *_chain(darken=0, white_noise=-1, jpeg=-1),
        *_chain(brighten=0, motion_blur=-1, jpeg=-2),
        *_chain(lens_blur=-2, white_noise_ycbcr=-1, jpeg=-1),
        *_chain(color_saturation_lab=-1, high_sharpen=-2, jpeg=-2),
    ),
    "koniq-like": (
        *_single("brighten", "darken", "color_saturation_lab", "contrast_change", "jpeg"),
        *_chain(lens_blur=-1, color_saturation_lab=-2),
        *_chain(darken=-1, high_sharpen=-1),
    ),
    "kadid-like": _single(
        "color_diffusion",
        "color_shift",
        "color_quantization",
        "color_saturation_lab",
        "impulse_noise",
        "multiplicative_noise",
        "jitter",
        "pixelate",
        "quantization",
        "high_sharpen",
    ),
}
