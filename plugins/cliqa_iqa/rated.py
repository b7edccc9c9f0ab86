"""From a set's ratings and its folder to a `RatedDataset`; the checks that all sets share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import datasets
import pyarrow as pa

from cliqa.data import COLUMNS, RatedDataset
from cliqa.errors import MissingImagesError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cliqa_iqa.config import FolderConfig
    from cliqa_iqa.facts import SetFacts
    from cliqa_iqa.folder import File, Folder

__all__ = ["Ratings", "rated_dataset", "rated_table"]

_TEXT: Final = datasets.Value("string")
_FEATURES: Final = datasets.Features(
    {
        "sample_id": _TEXT,
        "image": datasets.Image(),
        "score_raw": datasets.Value("float64"),
        "score_std": datasets.Value("float64"),
        "quality": datasets.Value("float64"),
        "reference": _TEXT,
        "distortion": _TEXT,
        "level": datasets.Value("int64"),
        "official_split": _TEXT,
    }
)


@dataclass(frozen=True, kw_only=True)
class Ratings:
    """What a set's score file says, one entry an image; None where the set says nothing.

    Attributes:
        images: file names as the set writes them, with the folder where names repeat.
        score: as published.
        std: standard deviation over raters, on the scale of `score`.
        reference: content.
        distortion: the set's name of the distortion type.
        level: the set's number of the level.
        split: train, val or test.
    """

    images: Sequence[str]
    score: Sequence[float]
    std: Sequence[float | None] | None = None
    reference: Sequence[str] | None = None
    distortion: Sequence[str] | None = None
    level: Sequence[int] | None = None
    split: Sequence[str] | None = None


def rated_dataset(
    facts: SetFacts,
    config: FolderConfig,
    folder: Folder,
    file: File,
    ratings: Ratings,
    *,
    info: dict[str, str] | None = None,
    exif_transpose: bool = False,
) -> RatedDataset:
    """Check the ratings, find the images, and build the table. No image is opened.

    Sample ids and references begin with the set's name and are in lower case, so they are the same
    on every disk, and those of different sets differ. Rows stand in the order of their ids, so
    they are the same whichever variant of the score file they come from.

    Args:
        facts: the set.
        config: its settings.
        folder: where its files are.
        file: the score file.
        ratings: what it says.
        info: facts to keep with a result, beside those that all sets have.
        exif_transpose: as in `RatedDataset`.

    Raises:
        DataError: another number of images than expected, images named twice or absent, or scores
            outside the published scale.
    """
    _check_count(facts, config, file, len(ratings.images))
    _check_scores(facts, file, ratings)
    ids = [f"{facts.name}/{name.casefold()}" for name in ratings.images]
    _check_unique(facts, file, ids)
    paths = folder.images(ratings.images, file)
    absent = [ratings.images[i] for i, path in enumerate(paths) if path is None]
    _check_absent(facts, config, folder, absent, len(ids))
    rows = sorted((i for i, path in enumerate(paths) if path is not None), key=_natural(ids))
    columns = _columns(facts, ratings, ids, paths)
    kept = {name: [values[i] for i in rows] for name, values in columns.items()}
    shared = {"citation": facts.citation, "source": facts.page, "score_file": file.name}
    shared |= folder.origin
    if absent:
        shared["missing_images"] = f"{len(absent)} of {len(ids)} listed images absent, left out"
    if config.expect is not None and config.expect != facts.images:
        shared["part"] = f"{len(ids)} rated images listed; {facts.images} were published"
    return RatedDataset(
        name=facts.name,
        table=rated_table(kept),
        quality_range=facts.quality_range,
        exif_transpose=exif_transpose,
        info=shared | (info or {}),
    )


def _columns(
    facts: SetFacts, ratings: Ratings, ids: list[str], paths: list[str | None]
) -> dict[str, Sequence[Any]]:
    nothing = [None] * len(ids)
    groups = ratings.reference
    return {
        "sample_id": ids,
        "image": [{"bytes": None, "path": path} for path in paths],
        "score_raw": ratings.score,
        "score_std": nothing if ratings.std is None else ratings.std,
        "quality": [facts.quality(score) for score in ratings.score],
        "reference": [f"{facts.name}/{g.casefold()}" for g in groups] if groups else nothing,
        "distortion": ratings.distortion or nothing,
        "level": ratings.level or nothing,
        "official_split": ratings.split or nothing,
    }


def rated_table(columns: Mapping[str, Any]) -> datasets.Dataset:
    """Columns as a `datasets.Dataset`, whole columns at a time: ten thousand rows take no time."""
    types = _FEATURES.arrow_schema
    arrays = [_as_arrow(columns[name], types.field(name).type) for name in COLUMNS]
    table = pa.Table.from_arrays(arrays, schema=pa.schema([types.field(n) for n in COLUMNS]))
    return datasets.Dataset(table, info=datasets.DatasetInfo(features=_FEATURES))


def _as_arrow(column: Any, kind: pa.DataType) -> Any:
    """A list, or pictures as a parquet file holds them, which are not copied."""
    return column.cast(kind) if isinstance(column, pa.ChunkedArray) else pa.array(column, kind)


def _check_count(facts: SetFacts, config: FolderConfig, file: File, count: int) -> None:
    expected = facts.images if config.expect is None else config.expect
    if count == expected:
        return
    why = "as published" if config.expect is None else "as `expect` says"
    raise facts.fault(
        f"`{file.path}` lists {count} rated images, expected {expected} {why}: it is incomplete or "
        f"of another version; download it again from {facts.page}, or write `expect: {count}` to "
        "use it as it is"
    )


def _check_scores(facts: SetFacts, file: File, ratings: Ratings) -> None:
    low, high = facts.scale
    for name, score in zip(ratings.images, ratings.score, strict=True):
        if not low <= score <= high:
            raise facts.fault(
                f"`{file.path}`: the score {score:g} of `{name}` is outside {low:g}..{high:g}: the "
                f"file is of another version or on another scale; download it from {facts.page}"
            )
    for name, std in zip(ratings.images, ratings.std or (), strict=ratings.std is not None):
        if std is not None and std < 0:
            raise facts.fault(
                f"`{file.path}`: the standard deviation {std:g} of `{name}` is negative; download "
                f"the file again from {facts.page}"
            )


def _check_unique(facts: SetFacts, file: File, ids: list[str]) -> None:
    seen: set[str] = set()
    for sample_id in ids:
        if sample_id in seen:
            raise facts.fault(
                f"`{file.path}` lists `{sample_id.removeprefix(facts.name + '/')}` twice; download "
                f"it again from {facts.page}"
            )
        seen.add(sample_id)


def _check_absent(
    facts: SetFacts, config: FolderConfig, folder: Folder, absent: list[str], count: int
) -> None:
    if len(absent) <= config.allow_missing and len(absent) < count:
        return
    first = ", ".join(f"`{name}`" for name in absent[:3])
    leave_out = f", or leave them out with `allow_missing: {len(absent)}`"
    raise MissingImagesError(
        f"dataset `{facts.name}`: {len(absent)} of {count} listed images are absent below "
        f"`{folder.root}`, first {first}; unpack all archives of the set into "
        f"`{facts.image_folder}` again{leave_out if len(absent) < count else ''}",
        images=absent,
    )


def _natural(ids: list[str]) -> Any:
    """Key of a row number that puts `img2` before `img10`."""
    split = [re.split(r"(\d+)", sample_id) for sample_id in ids]  # text, number, text, ...
    keys = [[int(part) if i % 2 else part for i, part in enumerate(parts)] for parts in split]
    return keys.__getitem__
