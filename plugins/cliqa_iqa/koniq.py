"""KonIQ-10k."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from cliqa_iqa.folder import Folder
from cliqa_iqa.rated import Ratings, rated_dataset
from cliqa_iqa.sets import KONIQ as FACTS
from cliqa_iqa.tables import Table, other_version, read_csv

if TYPE_CHECKING:
    from cliqa.data import RatedDataset
    from cliqa_iqa.config import KonIQConfig
    from cliqa_iqa.folder import File

__all__ = ["FACTS", "build"]

_SIZES: Final = ("1024x768", "512x384")
_SCALES: Final = {"1-5": (1.0, 5.0), "1-100": (1.0, 100.0)}

#: Published with the images: MOS and SD on 1..5, and the MOS after z-scoring on 1..100.
_SCORES: Final = "koniq10k_scores_and_distributions.csv"
#: Published with the authors' code: MOS after z-scoring on 1..100, and the official split; SD on
#: 1..5 nevertheless.
_SETS: Final = "koniq10k_distributions_sets.csv"

_SPLIT: Final = {"training": "train", "validation": "val", "test": "test"}


class _Choice(NamedTuple):
    """Where scores are taken from."""

    scale: str
    file: File
    column: str


def build(config: KonIQConfig) -> RatedDataset:
    """Build the set from one of its two sizes and one of its two scales.

    Standard deviations are published for the scale 1-5 only, so `1-100` has none. The official
    split comes from `koniq10k_distributions_sets.csv` wherever that is, also for `1-5`.

    Raises:
        DataError: folder, score file or images are missing or not as published, or there are two
            scales to choose from.
    """
    folder = Folder.find(FACTS, config)
    folder.score_file(_SCORES, _SETS)
    files = folder.score_files(_SCORES, _SETS)
    chosen = _choose(config, files)
    _check_size(config, folder)
    facts = replace(
        FACTS,
        scale=_SCALES[chosen.scale],
        image_folder=config.resolution,
        only_there=True,  # the two sizes share their file names
    )
    folder = replace(folder, facts=facts)
    table = read_csv(FACTS, chosen.file, "image_name", chosen.column)
    names = table.text("image_name")
    ratings = Ratings(
        images=names,
        score=table.numbers(chosen.column),
        std=table.numbers("SD") if chosen.scale == "1-5" else None,
        split=_official_split(files, names),
    )
    info = {"resolution": config.resolution, "scale": f"{chosen.column} on {chosen.scale}"}
    return rated_dataset(facts, config, folder, chosen.file, ratings, info=info)


def _check_size(config: KonIQConfig, folder: Folder) -> None:
    """The folder's name is the only sign of the size that costs no opening of images."""
    there = [size for size in _SIZES if folder.has(size)]
    if config.resolution not in there:
        held = f"but one `{there[0]}`: write `resolution: {there[0]}`, or" if there else "so"
        raise FACTS.fault(
            f"no images in a folder `{config.resolution}` below `{folder.root}`, {held} put the "
            f"images of that size, from {FACTS.page}, into a folder of that name"
        )


def _choose(config: KonIQConfig, files: dict[str, File]) -> _Choice:
    """The scores that the settings ask for, or the only ones there are."""
    own = [_Choice("1-5", files[_SCORES], "MOS")] if _SCORES in files else []
    own += [_Choice("1-100", files[_SETS], "MOS")] if _SETS in files else []
    if config.scale is None:
        if len(own) > 1:
            held = " and ".join(f"`{choice.file.path}` ({choice.scale})" for choice in own)
            raise FACTS.fault(
                f"scores on two scales are there, {held}; choose with `scale: 1-5` or "
                "`scale: 1-100`"
            )
        return own[0]
    if _SCORES in files:
        own.append(_Choice("1-100", files[_SCORES], "MOS_zscore"))
    fitting = [choice for choice in own if choice.scale == config.scale]
    if not fitting:
        raise FACTS.fault(
            f"no scores on the scale {config.scale}: `{files[_SETS].path}` is on 1-100; download "
            f"`{_SCORES}` from {FACTS.page}, or write `scale: 1-100`"
        )
    return fitting[0]


def _official_split(files: dict[str, File], names: list[str]) -> list[str] | None:
    """The published part of each image; None without the file that says so."""
    if _SETS not in files:
        return None
    table: Table = read_csv(FACTS, files[_SETS], "image_name", "set")
    parts = dict(zip(table.text("image_name"), table.text("set"), strict=True))
    unknown = sorted(set(parts.values()) - set(_SPLIT))
    if unknown:
        raise other_version(
            FACTS,
            table.path,
            found=f"the set `{unknown[0]}`",
            expected=f"one of {', '.join(_SPLIT)}",
        )
    absent = [name for name in names if name not in parts]
    if absent:
        raise FACTS.fault(
            f"`{table.path}` does not say to which set {len(absent)} images belong, first "
            f"`{absent[0]}`; download it again from {FACTS.page}"
        )
    return [_SPLIT[parts[name]] for name in names]
