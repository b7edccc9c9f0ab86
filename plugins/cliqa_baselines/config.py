"""Settings of the reference methods."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cliqa.config import ComponentConfig


class FineTuningConfig(ComponentConfig):
    """How many heads fine-tuning has."""

    heads: Literal["single", "multi"] = Field(
        default="single", description="one head for all tasks, or a new head for each"
    )


class JointLearningConfig(ComponentConfig):
    """What joint learning starts from."""

    cumulative: bool = Field(
        default=False,
        description="false: one training on the images of all tasks, from the pre-trained start; "
        "true: a training whenever tasks arrive, on the images of all tasks so far, from the model "
        "of the training before (LIQA's JT)",
    )
