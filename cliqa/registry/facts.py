"""What is published about a rated image set, for those who look for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DatasetFacts", "Found"]


@dataclass(frozen=True)
class Found:
    """Whether a set is on this machine: its folder, or why there is none."""

    path: Path | None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class DatasetFacts:
    """A rated image set as it was published; `Component.facts` names it.

    A plugin whose sets lie in folders overrides `find` in a subclass.

    Attributes:
        images: rated images; None if that is a setting.
        scale: bounds of the published scores.
        scores: what they are: `MOS`, `DMOS`, `pseudo-MOS`.
        lower_is_better: whether the published score is lower for better images.
        deviations: whether there are standard deviations of the scores: `yes`, `no`, or when.
        licence: a note on the terms of use; the terms themselves come with the set.
        page: where to request or download it; empty for a set that needs no download.
        citation: the paper to cite.
    """

    images: int | None = None
    scale: tuple[float, float] | None = None
    scores: str = "MOS"
    lower_is_better: bool = False
    deviations: str = "no"
    licence: str = ""
    page: str = ""
    citation: str = ""

    def find(self) -> Found:
        """Look for the set where it is when nothing is configured; opens no file."""
        return Found(None, "say where it is" if self.page else "needs no download")

    def dump(self) -> dict[str, Any]:
        """The facts that all sets have, as plain JSON values."""
        return {
            "images": self.images,
            "scale": None if self.scale is None else list(self.scale),
            "scores": self.scores,
            "lower_is_better": self.lower_is_better,
            "deviations": self.deviations,
            "licence": self.licence,
            "page": self.page,
            "citation": self.citation,
        }
