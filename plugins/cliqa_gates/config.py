"""Settings of K-means gating."""

from __future__ import annotations

from typing import Final

from pydantic import Field, field_validator

from cliqa.config import ComponentConfig

#: The word for the backbone's own normalization.
PRETRAINED: Final = "pretrained"


class KMeansConfig(ComponentConfig):
    """K-means gating; the defaults are the paper's."""

    k: int = Field(default=128, ge=1, description="centroids a task and stage")
    tau: float = Field(default=32.0, ge=0, description="sharpness of the weights; 0: uniform")
    stages: tuple[int, ...] = Field(
        default=(3, 4), min_length=1, description="stages of the backbone to look at, 1 to 4"
    )
    normalization: str = Field(
        default=PRETRAINED,
        min_length=1,
        description="normalization of the frozen network it looks with: `pretrained`, the name of "
        "registered weights (`cliqa list weights`), or a file that `cliqa pretrain` made, relative "
        "to the current folder",
    )
    n_init: int = Field(default=20, ge=1, description="restarts of K-means; the best is kept")
    max_iter: int = Field(default=1000, ge=1, description="iterations of K-means at most")

    @field_validator("stages")
    @classmethod
    def _check_stages(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) != len(value):
            raise ValueError(f"each stage once, not {list(value)}")
        return tuple(sorted(value))
