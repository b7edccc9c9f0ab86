"""AGIQA-3K, images made by generators from text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliqa_iqa.folder import Folder
from cliqa_iqa.rated import Ratings, rated_dataset
from cliqa_iqa.sets import AGIQA as FACTS
from cliqa_iqa.tables import read_csv

if TYPE_CHECKING:
    from cliqa.data import RatedDataset
    from cliqa_iqa.config import FolderConfig

__all__ = ["FACTS", "build"]


def build(config: FolderConfig) -> RatedDataset:
    """Build the set from its images and `data.csv`.

    The score is the perceptual quality (`mos_quality`), not the alignment with the text. The same
    text was given to every generator, so images of one text are one content.

    Raises:
        DataError: folder, score file or images are missing or not as published.
    """
    folder = Folder.find(FACTS, config)
    file = folder.score_file("data.csv")
    table = read_csv(FACTS, file, "name", "prompt", "mos_quality", "std_quality")
    ratings = Ratings(
        images=table.text("name"),
        score=table.numbers("mos_quality"),
        std=table.numbers("std_quality"),
        reference=[" ".join(prompt.split()) for prompt in table.text("prompt")],
    )
    return rated_dataset(FACTS, config, folder, file, ratings, info={"scores": "mos_quality"})
