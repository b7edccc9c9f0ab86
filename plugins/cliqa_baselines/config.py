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
