"""AGIQA-3K, images made by generators from text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cliqa_iqa.facts import SetFacts
from cliqa_iqa.folder import Folder
from cliqa_iqa.rated import Ratings, rated_dataset
from cliqa_iqa.tables import read_csv

if TYPE_CHECKING:
    from cliqa.data import RatedDataset
    from cliqa_iqa.config import FolderConfig

__all__ = ["FACTS", "build"]

FACTS: Final = SetFacts(
    name="agiqa-3k",
    folders=("AGIQA3K",),
    images=2982,
    scale=(0.0, 5.0),
    image_folder="images",
    page="https://github.com/lcysyzxdxc/AGIQA-3k-Database",
    citation="C. Li et al., AGIQA-3K: An open database for AI-generated image quality assessment, "
    "IEEE TCSVT 34(8), 2024",
    archive="AGIQA-3K.zip",
)


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
