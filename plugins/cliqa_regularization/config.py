"""Settings of the regularization methods; the defaults are those of TSN-IQA's released code."""

from __future__ import annotations

from pydantic import Field

from cliqa.config import ComponentConfig


class LwFConfig(ComponentConfig):
    """Learning without forgetting."""

    weight: float = Field(default=10.0, ge=0, description="weight of each old head's distillation")


class SIConfig(ComponentConfig):
    """Synaptic intelligence."""

    weight: float = Field(default=1000.0, ge=0, description="weight of the penalty")
    damping: float = Field(
        default=0.1,
        gt=0,
        description="keeps the importance of a parameter that did not move finite",
    )


class MASConfig(ComponentConfig):
    """Memory aware synapses."""

    weight: float = Field(default=10.0, ge=0, description="weight of the penalty")
    units: int | None = Field(
        default=None,
        ge=1,
        description="pairs that the importance is a mean over; default: as many as training images",
    )
    chunk: int = Field(default=8, ge=1, description="gradients computed at once; bounds memory")


class EWCConfig(ComponentConfig):
    """Elastic weight consolidation."""

    weight: float = Field(default=10000.0, ge=0, description="weight of the penalty")
    online: bool = Field(
        default=True,
        description="true: one penalty around the newest parameters with summed importances "
        "(released code); false: one penalty around the parameters after each task, times 1/2 "
        "(original paper)",
    )
    decay: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="online: old importances are multiplied by this before the new ones are added",
    )
    units: int | None = Field(
        default=None,
        ge=1,
        description="pairs that the importance is a mean over; default: as many as training images",
    )
    chunk: int = Field(default=8, ge=1, description="gradients computed at once; bounds memory")
