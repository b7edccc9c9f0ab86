"""Settings of score regression."""

from __future__ import annotations

from pydantic import Field

from cliqa.config import ComponentConfig


class SquaredErrorConfig(ComponentConfig):
    """The head that predicts a score."""

    hidden: int = Field(default=256, ge=1, description="width of the head's hidden layer")
