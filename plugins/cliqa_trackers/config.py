"""Settings of trackers. None holds a key or password: those stay in the environment."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cliqa.config import ComponentConfig

__all__ = ["MLflowConfig", "TensorBoardConfig", "WandbConfig"]


class _TrackerConfig(ComponentConfig):
    wait: float = Field(
        default=60.0,
        ge=0,
        le=86400,
        description="seconds that a run that is done waits for the tracker to finish; one that is "
        "stopped waits at most 10",
    )


class TensorBoardConfig(_TrackerConfig):
    """Settings of `tensorboard`."""


class MLflowConfig(_TrackerConfig):
    """Settings of `mlflow`."""

    uri: str | None = Field(
        default=None,
        min_length=1,
        description="where the tracking store is: a server's address, or a folder; default: "
        "$MLFLOW_TRACKING_URI, and without it `trackers/mlflow/mlruns` in the run's folder",
    )
    experiment: str = Field(
        default="cliqa", min_length=1, description="name of the experiment; made if there is none"
    )


class WandbConfig(_TrackerConfig):
    """Settings of `wandb`."""

    project: str = Field(default="cliqa", min_length=1, description="name of the project")
    entity: str | None = Field(
        default=None, min_length=1, description="user or team; default: that of your login"
    )
    mode: Literal["auto", "online", "offline"] = Field(
        default="auto",
        description="online: as it happens, which needs a login; offline: into the run's folder, "
        "for `wandb sync`; auto: what $WANDB_MODE says, else online where you are logged in",
    )
