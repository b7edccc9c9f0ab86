"""Settings of the regularization methods; the defaults are those of TSN-IQA's released code."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cliqa.config import ComponentConfig


class HeadsConfig(ComponentConfig):
    """What all of them have."""

    heads: Literal["single", "multi"] = Field(
        default="multi",
        description="multi: a new head for each task, only the backbone is held (TSN-IQA); single: "
        "one head for all, held together with the backbone, also while it is trained alone (LIQA)",
    )


class ImportanceConfig(HeadsConfig):
    """How importances are measured once a task is learned."""

    units: int | None = Field(
        default=None,
        ge=1,
        description="pairs, or single images where the objective learns from those, of each task "
        "that the importance is a mean over; default: as many as training images",
    )
    chunk: int = Field(default=8, ge=1, description="gradients computed at once; bounds memory")


class LwFConfig(HeadsConfig):
    """Learning without forgetting."""

    weight: float = Field(default=10.0, ge=0, description="weight of each old head's distillation")


class SIConfig(HeadsConfig):
    """Synaptic intelligence."""

    weight: float = Field(default=1000.0, ge=0, description="weight of the penalty")
    damping: float = Field(
        default=0.1,
        gt=0,
        description="keeps the importance of a parameter that did not move finite",
    )


class MASConfig(ImportanceConfig):
    """Memory aware synapses."""

    weight: float = Field(default=10.0, ge=0, description="weight of the penalty")


class EWCConfig(ImportanceConfig):
    """Elastic weight consolidation."""

    weight: float = Field(default=10000.0, ge=0, description="weight of the penalty")
    online: bool = Field(
        default=True,
        description="true: one penalty around the newest parameters with summed importances "
        "(released code); false: one penalty around the parameters after each task (original)",
    )
    halved: bool | None = Field(
        default=None,
        description="times 1/2, as the papers of EWC and online EWC write it; default: where "
        "`online` is false",
    )
    decay: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="online: old importances are multiplied by this before the new ones are added",
    )
