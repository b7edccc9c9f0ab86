"""The LIVE In the Wild Image Quality Challenge Database."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from cliqa_iqa.folder import Folder
from cliqa_iqa.rated import Ratings, rated_dataset
from cliqa_iqa.sets import CLIVE as FACTS
from cliqa_iqa.tables import other_version, read_mat

if TYPE_CHECKING:
    from cliqa.data import RatedDataset
    from cliqa_iqa.config import FolderConfig

__all__ = ["FACTS", "build"]

#: The first entries are images on which raters were trained.
_TRAINING: Final = 7


def build(config: FolderConfig) -> RatedDataset:
    """Build the set from `ChallengeDB_release`.

    The first seven of the 1,169 entries are the training images t1 to t7; they are left out.

    Raises:
        DataError: folder, score files or images are missing or not as published.
    """
    folder = Folder.find(FACTS, config)
    names_file = folder.score_file("AllImages_release.mat")
    file = folder.score_file("AllMOS_release.mat")
    std_file = folder.score_file("AllStdDev_release.mat")
    (names,) = read_mat(FACTS, names_file, "AllImages_release")
    (mos,) = read_mat(FACTS, file, "AllMOS_release")
    (std,) = read_mat(FACTS, std_file, "AllStdDev_release")
    if not len(names) == len(mos) == len(std):
        raise other_version(
            FACTS,
            file.path,
            found=f"{len(names)} names, {len(mos)} scores, {len(std)} deviations",
            expected="equally many in the three files",
        )
    training = [str(name) for name in names[:_TRAINING]]
    rest = [str(name) for name in names[_TRAINING:]]
    if not all(map(_is_training, training)) or any(map(_is_training, rest)):
        raise other_version(
            FACTS,
            names_file.path,
            found=f"the first entries {', '.join(training)}",
            expected="the training images t1 to t7 first, and only there",
        )
    ratings = Ratings(
        images=rest,
        score=mos[_TRAINING:].tolist(),
        std=std[_TRAINING:].tolist(),
    )
    return rated_dataset(FACTS, config, folder, file, ratings)


def _is_training(name: str) -> bool:
    return re.fullmatch(r"t\d\.bmp", name, re.IGNORECASE) is not None
