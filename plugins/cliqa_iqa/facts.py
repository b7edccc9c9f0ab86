"""What is published about a set, and the words in which its faults are told."""

from __future__ import annotations

from dataclasses import dataclass

from cliqa.errors import DataError

__all__ = ["SetFacts"]


@dataclass(frozen=True, kw_only=True)
class SetFacts:
    """A set as it was published.

    Attributes:
        name: its name in configurations and tables, and of its folder in `CLIQA_DATA`.
        folders: other names that its folder has as downloaded.
        images: rated images, undistorted copies and training examples not counted.
        scale: bounds within which every published score lies. The ends of `quality_range`.
        lower_is_better: quality is the upper bound minus the score.
        image_folder: the folder that holds the images; where a user keeps several copies of an
            image, the one in it counts.
        only_there: whether images that lie elsewhere, but once, do not count.
        page: where to request or download it.
        citation: the paper to cite.
        archive: its file in `chaofengc/IQA-PyTorch-Datasets` on the Hub; None: no name is known.
    """

    name: str
    folders: tuple[str, ...] = ()
    images: int
    scale: tuple[float, float]
    lower_is_better: bool = False
    image_folder: str
    only_there: bool = False
    page: str
    citation: str
    archive: str | None = None

    @property
    def quality_range(self) -> tuple[float, float]:
        """Lowest and highest quality; from 0 where the scale is turned round."""
        low, high = self.scale
        return (0.0, high - low) if self.lower_is_better else (low, high)

    def quality(self, score: float) -> float:
        """A published score turned so that higher is better."""
        return self.scale[1] - score if self.lower_is_better else score

    def fault(self, text: str) -> DataError:
        """An error that names the set."""
        return DataError(f"dataset `{self.name}`: {text}")
