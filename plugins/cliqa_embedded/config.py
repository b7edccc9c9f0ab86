"""Settings of the dataset `embedded`."""

from __future__ import annotations

from typing import Final, Literal, get_args

from pydantic import Field

from cliqa.config import ComponentConfig

__all__ = ["KADID_TYPES", "SUBSETS", "EmbeddedConfig", "Subset"]

Subset = Literal[
    "live-like", "csiq-like", "bid-like", "clive-like", "koniq-like", "kadid-like", "kadid-types"
]

#: The subset whose tasks are its distortion types (`stream.per: distortion`).
KADID_TYPES: Final[Subset] = "kadid-types"

#: The six tasks, in the order in which the sets they imitate were published.
SUBSETS: Final[tuple[Subset, ...]] = tuple(s for s in get_args(Subset) if s != KADID_TYPES)


class EmbeddedConfig(ComponentConfig):
    """Which subset to build, and how large."""

    subset: Subset = Field(
        default="live-like",
        description="a fixed choice of distortions and levels: six that are a task each, and "
        "`kadid-types`, whose 22 types are tasks of a stream `per: distortion`",
    )
    images: int = Field(
        default=360, ge=48, le=5000, description="rated images in the task, over all splits"
    )
    size: int = Field(default=112, ge=64, le=256, description="side of the square images in pixels")
    seed: int = Field(
        default=2019,
        ge=0,
        description="seed of the data; a run's own seed never changes the images",
    )
