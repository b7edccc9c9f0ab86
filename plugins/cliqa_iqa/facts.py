"""What is published about a set, where it lies, and the words in which its faults are told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cliqa import DatasetFacts, Found
from cliqa.errors import DataError

__all__ = ["DATA_VARIABLE", "SetFacts"]

#: Names the folder that holds the sets, for those without `root`.
DATA_VARIABLE: Final = "CLIQA_DATA"


@dataclass(frozen=True, kw_only=True)
class SetFacts(DatasetFacts):
    """A set as it was published.

    Attributes:
        name: its name in configurations and tables, and of its folder in `CLIQA_DATA`.
        folders: other names that its folder has as downloaded.
        images: rated images, undistorted copies and training examples not counted.
        scale: bounds within which every published score lies. The ends of `quality_range`.
        lower_is_better: as in `DatasetFacts`; quality is then the upper bound minus the score.
        image_folder: the folder that holds the images; where a user keeps several copies of an
            image, the one in it counts.
        only_there: whether images that lie elsewhere, but once, do not count.
        archive: its file in `chaofengc/IQA-PyTorch-Datasets` on the Hub; None: no name is known.
    """

    name: str
    folders: tuple[str, ...] = ()
    images: int
    scale: tuple[float, float]
    image_folder: str
    only_there: bool = False
    page: str
    licence: str = "the terms come with the download; not to be redistributed"
    archive: str | None = None

    @property
    def quality_range(self) -> tuple[float, float]:
        """Lowest and highest quality; from 0 where the scale is turned round."""
        low, high = self.scale
        return (0.0, high - low) if self.lower_is_better else (low, high)

    def quality(self, score: float) -> float:
        """A published score turned so that higher is better."""
        return self.scale[1] - score if self.lower_is_better else score

    def find(self) -> Found:
        """The set's folder in `CLIQA_DATA`, upper and lower case being equal."""
        value = os.environ.get(DATA_VARIABLE)
        if not value:
            return Found(None, f"{DATA_VARIABLE} is not set")
        parent = Path(value).expanduser()
        if not parent.is_dir():
            return Found(None, f"`{parent}`, named by {DATA_VARIABLE}, is no folder")
        names = (self.name, *self.folders)
        entries = sorted(entry for entry in parent.iterdir() if entry.is_dir())
        there = {entry.name.casefold(): entry for entry in entries}
        for name in names:
            if name.casefold() in there:
                return Found(there[name.casefold()])
        looked_for = " or ".join(f"`{name}`" for name in names)
        return Found(None, f"not in `{parent}` ({DATA_VARIABLE}): looked for a folder {looked_for}")

    def fault(self, text: str) -> DataError:
        """An error that names the set."""
        return DataError(f"dataset `{self.name}`: {text}")
