"""What each subset contains: treatments, each a chain of one or more distortions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cliqa_embedded.distortions import DISTORTIONS, LEVELS
from cliqa_embedded.scores import chain_cell

if TYPE_CHECKING:
    from cliqa_embedded.config import Subset

__all__ = ["TASKS", "Treatment"]

#: Quality step between two levels, about the human spread over contents within one level.
STEP: Final = 0.3


@dataclass(frozen=True)
class Treatment:
    """Distortions applied one after the other.

    Attributes:
        name: the type, or for a chain the types joined by `+`.
        level: 1 to 5, as of KADID-10k, or the common level of a chain.
        steps: (type, level) of each distortion, in the order they are applied.
    """

    name: str
    level: int
    steps: tuple[tuple[str, int], ...]


def _single(*types: str) -> tuple[Treatment, ...]:
    """One distortion at a time, each type at its levels that can be told apart."""
    return tuple(
        treatment
        for kind in types
        for treatment in _told_apart([Treatment(kind, n, ((kind, n),)) for n in LEVELS])
    )


def _chain(**offsets: int) -> tuple[Treatment, ...]:
    """Types one after the other, each at the chain's level plus its offset, kept within 1..5."""
    name = "+".join(offsets)
    return _told_apart(
        [
            Treatment(
                name, level, tuple((k, min(5, max(1, level + o))) for k, o in offsets.items())
            )
            for level in LEVELS
        ]
    )


def _told_apart(levels: list[Treatment]) -> tuple[Treatment, ...]:
    """Leave out levels whose human mean is within `STEP` of the level kept before.

    Their order within a type is lost in the spread over contents, even to people.
    """
    kept = levels[:1]
    for treatment in levels[1:]:
        if abs(chain_cell(treatment.steps).mean - chain_cell(kept[-1].steps).mean) >= STEP:
            kept.append(treatment)
    return tuple(kept)


TASKS: Final[dict[Subset, tuple[Treatment, ...]]] = {
    "live-like": _single("jpeg2000", "jpeg", "white_noise", "gaussian_blur"),
    "csiq-like": _single(
        "contrast_change",
        "high_sharpen",
        "white_noise_ycbcr",
        "impulse_noise",
        "multiplicative_noise",
    ),
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
    # All levels: each type is a task, and tasks of one size, with KADID-10k's own levels, compare.
    "kadid-types": tuple(Treatment(kind, n, ((kind, n),)) for kind in DISTORTIONS for n in LEVELS),
}
