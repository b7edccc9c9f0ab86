"""Settings of the strategy and the gate."""

from typing import Literal

from pydantic import Field

from cliqa.config import ComponentConfig


class LoRAConfig(ComponentConfig):
    """Which layers are adapted, and how much the adapters can say."""

    rank: int = Field(default=4, ge=1, le=256, description="rank of what is added to a weight")
    alpha: float = Field(default=8.0, gt=0, description="what is added is scaled by alpha / rank")
    layers: Literal["all", "attention", "mlp"] = Field(
        default="all", description="linear layers that are adapted, by their place in a block"
    )


class MahalanobisConfig(ComponentConfig):
    """What the gate looks at, and how sure it is."""

    stage: int = Field(default=4, ge=1, le=4, description="stage of the backbone to look at")
    shrinkage: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="part of the shared covariance that is replaced by a sphere of the same trace; "
        "a few hundred images cannot tell all directions of a feature apart",
    )
    temperature: float = Field(
        default=1.0,
        gt=0,
        description="1: weights are the posterior of equally likely Gaussians; more: softer ones",
    )
