"""Wrong in what all components have in common."""

from __future__ import annotations

from cliqa_samples import FAULTS, component
from cliqa_samples.right import Anchored, Nearest
from pydantic import BaseModel, Field, field_validator

from cliqa import Component
from cliqa.config import ComponentConfig


class Bare(ComponentConfig):
    weight: float = 1.0


class Lenient(BaseModel):
    weight: float = Field(default=1.0, description="how strong")


class Doubling(ComponentConfig):
    weight: float = Field(default=1.0, description="doubled by mistake", validate_default=True)

    @field_validator("weight")
    @classmethod
    def _twice(cls, value):
        return 2 * value


FAULTS["component"] = {
    "is-described": (Component(name="mine", factory=Nearest), "summary"),
    "settings-are-described": (component(Anchored, Bare), "`weight` of `Bare`"),
    "settings-refuse-what-they-do-not-know": (component(Anchored, Lenient), "ComponentConfig"),
    "settings-come-back": (component(Anchored, Doubling), "other settings"),
    "is-made": (component(lambda _: None), "`return` is likely missing"),
}
