"""Settings of the job `distortion-bn`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (pydantic reads it)
from typing import Final, Literal, get_args

from pydantic import Field, field_validator, model_validator

from cliqa.config import PretrainingConfig

__all__ = ["KINDS", "LEVELS", "DistortionConfig", "Kind", "classes_of"]

Kind = Literal[
    "gaussian-blur",
    "white-noise",
    "jpeg",
    "jpeg2000",
    "contrast",
    "pink-noise",
    "quantization",
    "over-exposure",
    "under-exposure",
]

#: The nine types, in the order of their classes.
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

#: Type -> its levels, from mild to strong; the exposures have the second and fourth of five.
LEVELS: Final[dict[Kind, tuple[int, ...]]] = {
    kind: (2, 4) if kind.endswith("exposure") else (1, 2, 3, 4, 5) for kind in KINDS
}


class DistortionConfig(PretrainingConfig):
    """Training set and schedule; the defaults take a few minutes on one core."""

    train: Literal["normalization", "all"] = Field(
        default="normalization",
        description="what is trained: parameters and running statistics of the normalization "
        "layers, everything else frozen; or the whole network",
    )
    photographs: Path | None = Field(
        default=None,
        description="folder of pristine photographs (png, jpg, bmp, webp), searched with its "
        "folders, relative to the current folder; default: those that installed packages ship",
    )
    types: tuple[Kind, ...] = Field(default=KINDS, description="types of distortion in use")
    levels: tuple[int, ...] = Field(
        default=(1, 2, 3, 4, 5), description="levels in use; the exposures have levels 2 and 4 only"
    )
    crop: int = Field(default=112, ge=32, le=1024, description="side of the crops in pixels")
    smallest_scale: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="photographs are shrunk at random down to this share of their size",
    )
    crops: int = Field(
        default=5,
        ge=1,
        description="fresh crops of each photograph in an epoch; each is distorted in every way",
    )
    held_out: float = Field(
        default=0.25, gt=0, lt=1, description="share of the photographs that is only tested on"
    )
    held_out_crops: int = Field(
        default=4, ge=1, description="crops of each photograph that is only tested on"
    )
    epochs: int = Field(default=4, ge=1, description="passes over the photographs")
    lr: float = Field(default=1e-2, gt=0, description="highest learning rate of the network, Adam")
    head_lr_factor: float = Field(
        default=1.0, gt=0, description="learning rate of the classifier as a multiple of `lr`"
    )
    weight_decay: float = Field(default=0.0, ge=0, description="Adam weight decay (L2)")

    @field_validator("types", "levels")
    @classmethod
    def _check_distinct(cls, value: tuple[str | int, ...]) -> tuple[str | int, ...]:
        if len(set(value)) != len(value):
            raise ValueError(f"each one once, not {list(value)}")
        if strange := [v for v in value if isinstance(v, int) and not 1 <= v <= 5]:
            raise ValueError(f"levels are 1 to 5, not {strange[0]}")
        return value

    @model_validator(mode="after")
    def _check_classes(self) -> DistortionConfig:
        if len(classes_of(self)) < 2:
            raise ValueError("`types` and `levels` leave fewer than two classes to tell apart")
        return self


def classes_of(config: DistortionConfig) -> tuple[tuple[Kind, int], ...]:
    """The classes: (type, level), in the order of `KINDS` and of the levels."""
    return tuple(
        (kind, level)
        for kind in KINDS
        if kind in config.types
        for level in LEVELS[kind]
        if level in config.levels
    )
