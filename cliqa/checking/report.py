"""What a check found, as values; words for a terminal are made from it elsewhere."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["SetReport"]


@dataclass
class SetReport:
    """What is known of a set after all of it was read.

    Attributes:
        name: the set, or the task's label.
        images: rated images in its table.
        faults: what makes results wrong or a run impossible.
        warnings: what may be meant so, and should be known.
        bad: images that are missing or unreadable: sample id, path, kind, cause.
        scores: ranges, direction, deviations, best and worst images.
        groups: number and sizes of content groups; None if there are none.
        distortions: type -> level -> images; levels as text, for JSON.
        sizes: smallest, median and largest image, orientation, stored forms.
        duplicates: groups of equal pictures: sample ids, parts, whether the files are equal too.
        split: how the set was divided, sizes of the parts; None if it could not be.
        info: what the set itself tells of its making.
    """

    name: str
    images: int
    pseudo_scores: bool
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    bad: list[dict[str, str]] = field(default_factory=list)
    scores: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, int] | None = None
    distortions: dict[str, dict[str, int]] = field(default_factory=dict)
    sizes: dict[str, Any] = field(default_factory=dict)
    duplicates: list[dict[str, Any]] = field(default_factory=list)
    split: dict[str, Any] | None = None
    info: dict[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """`fine`, or `faults`."""
        return "faults" if self.faults else "fine"

    def dump(self) -> dict[str, Any]:
        """Everything, as plain JSON values."""
        return {"verdict": self.verdict, **asdict(self)}
