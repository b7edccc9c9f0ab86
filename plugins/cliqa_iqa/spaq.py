"""SPAQ, Smartphone Photography Attribute and Quality."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cliqa_iqa.folder import Folder
from cliqa_iqa.rated import Ratings, rated_dataset
from cliqa_iqa.sets import SPAQ as FACTS
from cliqa_iqa.tables import read_sheet

if TYPE_CHECKING:
    from cliqa.data import RatedDataset
    from cliqa_iqa.config import PhotoConfig

__all__ = ["FACTS", "build"]

_FILE: Final = "MOS and Image attribute scores"


def build(config: PhotoConfig) -> RatedDataset:
    """Build the set from `TestImage` and the spreadsheet in `Annotations`.

    Raises:
        DataError: folder, score file or images are missing or not as published.
    """
    folder = Folder.find(FACTS, config)
    file = folder.score_file(f"{_FILE}.xlsx", f"{_FILE}.xls", f"{_FILE}.csv")
    table = read_sheet(FACTS, file, "Image name", "MOS")
    ratings = Ratings(images=table.text("Image name"), score=table.numbers("MOS"))
    info = {
        "exif": config.exif,
        "resize": "files as published, up to about 4000 pixels a side; `train.shrink` says "
        "at which size they are seen",
    }
    return rated_dataset(
        FACTS, config, folder, file, ratings, info=info, exif_transpose=config.exif == "apply"
    )
