"""A rated image set, in the one form that every dataset plugin returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import datasets

#: Column -> (what it holds, may it be null). Every dataset plugin yields exactly these.
COLUMNS: Final[dict[str, tuple[str, bool]]] = {
    "sample_id": ("stable id, unique in the set, independent of where the files lie", False),
    "image": ("the picture, a Hugging Face `Image` feature, decoded only when read", False),
    "score_raw": ("the score as the set publishes it", False),
    "score_std": ("its standard deviation over raters", True),
    "quality": ("the score turned so that higher is better, on `quality_range`", False),
    "reference": ("content group: samples of one group never fall in two splits", True),
    "distortion": ("distortion type", True),
    "level": ("distortion level", True),
    "official_split": ("train, val or test where the set publishes a split", True),
}


@dataclass(frozen=True, kw_only=True)
class RatedDataset:
    """Images with quality scores.

    Attributes:
        name: the name shown in tables and used in orders.
        table: one row an image, with the columns of `COLUMNS`.
        quality_range: lowest and highest value `quality` can take.
        pseudo_scores: True if no human rated these very images.
        exif_transpose: turn each picture upright as the EXIF orientation of its file says, before
            anything else is done with it. False: pixels as they are stored.
        info: free facts worth keeping with a result: citation, licence, resize policy, sources.
    """

    name: str
    table: datasets.Dataset
    quality_range: tuple[float, float]
    pseudo_scores: bool = False
    exif_transpose: bool = False
    info: dict[str, str] = field(default_factory=dict)
