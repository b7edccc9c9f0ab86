"""BID, the Blurred Image Database."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from cliqa_iqa.folder import Folder
from cliqa_iqa.rated import Ratings, rated_dataset
from cliqa_iqa.sets import BID as FACTS
from cliqa_iqa.tables import other_version, read_sheet

if TYPE_CHECKING:
    from cliqa.data import RatedDataset
    from cliqa_iqa.config import PhotoConfig

__all__ = ["FACTS", "build"]


def build(config: PhotoConfig) -> RatedDataset:
    """Build the set from its photographs and `DatabaseGrades.xls`.

    Images are numbered 1 to 590 without 2, 346, 413 and 439, so they are found by number, never
    by position. The deviation is that of the single grades of an image (n - 1 in the denominator).

    Raises:
        DataError: folder, score file or images are missing or not as published.
    """
    folder = Folder.find(FACTS, config)
    file = folder.score_file("DatabaseGrades.xls", "DatabaseGrades.xlsx", "DatabaseGrades.csv")
    table = read_sheet(FACTS, file, "Image Number", "Average Subjective Grade", "Grade #1")
    grades = table.gaps("Grade #")
    low, high = FACTS.scale
    for line, single in zip(table.lines, grades, strict=True):
        if any(not low <= grade <= high for grade in single):
            raise other_version(
                FACTS,
                file.path,
                found=f"a grade outside {low:g}..{high:g} in row {line}",
                expected="single grades on that scale",
            )
    ratings = Ratings(
        images=[f"DatabaseImage{int(n):04d}.JPG" for n in table.numbers("Image Number")],
        score=table.numbers("Average Subjective Grade"),
        std=[statistics.stdev(single) if len(single) > 1 else None for single in grades],
    )
    return rated_dataset(
        FACTS,
        config,
        folder,
        file,
        ratings,
        info={"exif": config.exif},
        exif_transpose=config.exif == "apply",
    )
