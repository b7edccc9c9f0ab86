"""The base class of every component's settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["ComponentConfig"]


class ComponentConfig(BaseModel):
    """Settings of one component: unknown keys are refused, values never change after validation.

    Give every field a default, a bound and a description: the description is what
    `cliqa show` prints.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
