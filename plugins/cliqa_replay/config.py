"""Settings of the replay methods."""

from __future__ import annotations

from pydantic import Field

from cliqa.config import ComponentConfig


class ReplayConfig(ComponentConfig):
    """Experience replay."""

    memory: int = Field(
        default=1000, ge=2, description="images kept in all, the same number of each old task"
    )
    weight: float = Field(default=1.0, ge=0, description="weight of the loss on the memory")


class DistillationReplayConfig(ReplayConfig):
    """Replay with distillation."""

    weight: float = Field(default=10.0, ge=0, description="weight of the loss on the memory")
