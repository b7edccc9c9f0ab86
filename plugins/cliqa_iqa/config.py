"""Settings of the nine sets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cliqa.config import ComponentConfig
from cliqa_iqa.facts import DATA_VARIABLE

__all__ = ["DATA_VARIABLE", "FolderConfig", "KonIQConfig", "PhotoConfig"]


class FolderConfig(ComponentConfig):
    """Where a set lies, and how complete it must be."""

    root: str | None = Field(
        default=None,
        min_length=1,
        description="folder of the set or one above it, relative to the current folder; "
        "null: the folder of the set's name in the one that the environment variable "
        f"{DATA_VARIABLE} names",
    )
    expect: int | None = Field(
        default=None,
        ge=1,
        description="rated images that the score file must list; null: as many as the set was "
        "published with. Write a number for a part of a set",
    )
    allow_missing: int = Field(
        default=0,
        ge=0,
        description="at most so many listed images may be absent; they are left out and counted "
        "in the result",
    )


class PhotoConfig(FolderConfig):
    """Settings of a set of camera files, some of which were stored lying on their side."""

    exif: Literal["apply", "ignore"] = Field(
        default="apply",
        description="turn photographs upright as their EXIF orientation says, or take the pixels "
        "as stored, as most published code does",
    )


class KonIQConfig(FolderConfig):
    """Settings of KonIQ-10k, which is published in two sizes and with scores on two scales."""

    resolution: Literal["1024x768", "512x384"] = Field(
        default="1024x768", description="which of the two published sizes; a folder of that name"
    )
    scale: Literal["1-5", "1-100"] | None = Field(
        default=None,
        description="mean of the ratings (1-5, with standard deviations) or MOS after z-scoring "
        "(1-100, without); null: that of the score file, if there is one only",
    )
