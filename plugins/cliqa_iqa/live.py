"""LIVE Image Quality Assessment Database, Release 2."""

from __future__ import annotations

import warnings
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from cliqa_iqa.folder import File, Folder
from cliqa_iqa.rated import Ratings, rated_dataset
from cliqa_iqa.sets import LIVE as FACTS
from cliqa_iqa.tables import other_version, read_mat

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cliqa.data import RatedDataset
    from cliqa_iqa.config import FolderConfig

__all__ = ["FACTS", "build"]

#: Folder, which is the set's name of the type, -> images in it; in the order of the vectors.
_FOLDERS: Final = {"jp2k": 227, "jpeg": 233, "wn": 174, "gblur": 174, "fastfading": 174}

_REALIGNED: Final = "dmos_realigned.mat"
_ORIGINAL: Final = "dmos.mat"
_ORIGINAL_NOTE: Final = (
    "original DMOS (dmos.mat): not realigned between the distortion types, without standard "
    "deviations; papers use dmos_realigned.mat"
)


def build(config: FolderConfig) -> RatedDataset:
    """Build the set from `databaserelease2`.

    `orgs` marks 203 undistorted copies of references among the 982 entries; they are left out.

    Raises:
        DataError: folder, score files or images are missing or not as published.
    """
    folder = Folder.find(FACTS, config)
    names_file = folder.score_file("refnames_all.mat")
    file = folder.score_file(_REALIGNED, _ORIGINAL)
    (names,) = read_mat(FACTS, names_file, "refnames_all")
    std: NDArray[np.float64] | None = None
    if file.name == _REALIGNED:
        dmos, std, copies = read_mat(FACTS, file, "dmos_new", "dmos_std", "orgs")
        note = "realigned DMOS"
    else:
        dmos, copies = read_mat(FACTS, file, "dmos", "orgs")
        note = _ORIGINAL_NOTE
        warnings.warn(f"dataset `live`: {note}", stacklevel=2)
    lengths = {len(v) for v in (names, dmos, copies) + (() if std is None else (std,))}
    if len(lengths) > 1:
        found = f"vectors of {', '.join(map(str, sorted(lengths)))} entries"
        raise other_version(FACTS, file.path, found=found, expected="one entry an image in each")
    images, types = _images(folder, file, len(dmos))
    rated = [i for i, copy in enumerate(copies) if not copy]
    ratings = Ratings(
        images=[images[i] for i in rated],
        score=[float(dmos[i]) for i in rated],
        std=None if std is None else [float(std[i]) for i in rated],
        reference=[PurePosixPath(str(names[i])).stem for i in rated],
        distortion=[types[i] for i in rated],
    )
    return rated_dataset(FACTS, config, folder, file, ratings, info={"scores": note})


def _images(folder: Folder, file: File, entries: int) -> tuple[list[str], list[str]]:
    """File name and distortion type of each entry of the vectors."""
    sizes = dict(_FOLDERS)
    if entries != sum(sizes.values()):  # a part of the set: its folders say how it is made up
        sizes = {name: folder.count(name, file) for name in _FOLDERS}
    if entries != sum(sizes.values()):
        held = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise other_version(
            FACTS,
            file.path,
            found=f"{entries} entries, while the folders hold images up to number: {held}",
            expected=f"{sum(_FOLDERS.values())} entries, or as many as there are images",
        )
    images = [f"{name}/img{i}.bmp" for name, size in sizes.items() for i in range(1, size + 1)]
    return images, [name for name, size in sizes.items() for _ in range(size)]
