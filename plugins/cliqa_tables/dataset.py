"""From named columns to a `RatedDataset`. No picture is opened."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import datasets
import pyarrow as pa

from cliqa.data import COLUMNS, RatedDataset
from cliqa.registry import did_you_mean
from cliqa_tables.columns import Columns, Found, fault
from cliqa_tables.pictures import Picture, check_missing, pictures
from cliqa_tables.sources import find

if TYPE_CHECKING:
    from cliqa_tables.config import RatedImagesConfig

__all__ = ["build"]

_TEXT: Final = datasets.Value("string")
_NUMBER: Final = datasets.Value("float64")
_FEATURES: Final = datasets.Features(
    {
        "sample_id": _TEXT,
        "image": datasets.Image(),
        "score_raw": _NUMBER,
        "score_std": _NUMBER,
        "quality": _NUMBER,
        "reference": _TEXT,
        "distortion": _TEXT,
        "level": datasets.Value("int64"),
        "official_split": _TEXT,
    }
)
#: Tried in turn where `image` names no column; the second is that of Hugging Face image folders.
_IMAGE: Final = ("image", "file_name")
#: What parts of a split are called -> what they are here.
_PARTS: Final = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
#: Settings that name a column beside `image` and `score`.
_OPTIONAL: Final = ("std", "group", "distortion", "level", "id", "split")


def build(config: RatedImagesConfig) -> RatedDataset:
    """Read the table, check every cell that is used, and find the pictures.

    Quality is the score, or where lower is better the upper end of the range minus the score, on
    a range that then begins at 0.

    Raises:
        DataError: the table, a column or pictures are missing, a cell cannot be used, or scores
            are outside the range.
    """
    found = find(config)
    rows = [row for part in found.parts for row in _rows(config, found, part, len(found.parts))]
    origin, place = found.base, found.parts[0].place
    _check_scores(config, rows, place)
    _check_ids(config, rows, place)
    absent = set(
        check_missing([r["picture"] for r in rows], origin, config.allow_missing, place=place)
    )
    kept = [row for i, row in enumerate(rows) if i not in absent]
    assert config.range is not None  # noqa: S101  # else _check_scores has raised
    low, high = config.range
    turned = config.direction == "lower-better"
    info = found.info | {"score_column": config.score, "direction": config.direction}
    info["exif"] = config.exif
    if absent:
        info["missing_images"] = f"{len(absent)} of {len(rows)} listed images absent, left out"
    return RatedDataset(
        name="rated-images",
        table=_table(kept, turned, high),
        quality_range=(0.0, high - low) if turned else (low, high),
        pseudo_scores=config.pseudo_scores,
        exif_transpose=config.exif == "apply",
        info=info,
    )


def _rows(
    config: RatedImagesConfig, found: Found, part: Columns, parts: int
) -> list[dict[str, Any]]:
    """One part's rows, every used cell checked."""
    image = config.image or next((name for name in _IMAGE if name in part.cells), _IMAGE[0])
    optional = {key: getattr(config, key) for key in _OPTIONAL}
    named = {key: column for key, column in optional.items() if column is not None}
    part.require({"image": image, "score": config.score, **named})
    nothing: list[Any] = [None] * len(part)
    base = found.base / (config.image_folder or "")
    images = pictures(part, image, base, closed=found.closed)
    groups = part.texts(config.group) if config.group else nothing
    cells: dict[str, list[Any]] = {
        "picture": images,
        "sample_id": _ids(config, part, images, parts),
        "score_raw": part.scores(config.score),
        "score_std": part.scores(config.std, optional=True) if config.std else nothing,
        "reference": groups,
        "distortion": part.texts(config.distortion) if config.distortion else nothing,
        "level": part.integers(config.level) if config.level else nothing,
        "official_split": _split(config, part, parts),
        "place": [f"{part.row(i)} of `{part.place}`" for i in range(len(part))],
    }
    for i, std in enumerate(cells["score_std"]):
        if std is not None and std < 0:
            raise part.cell_fault(i, str(config.std), f"holds {std:g}, expected no negative number")
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _ids(config: RatedImagesConfig, part: Columns, images: list[Picture], parts: int) -> list[str]:
    """Names that are the same on every machine and stay when rows are sorted anew, if possible."""
    if config.id is not None:
        ids = part.texts(config.id)
        for i, name in enumerate(ids):
            if name is None:
                raise part.cell_fault(i, config.id, "is empty, expected a name")
        return [str(name) for name in ids]
    names = [picture.name for picture in images]
    embedded = any(picture.content is not None for picture in images)
    if None in names or (embedded and len(set(names)) < len(names)):
        names = [f"row-{i:06d}" for i in range(1, len(part) + 1)]
        embedded = True
    # Names of files begin in one folder, those of pictures inside a table only name them there.
    inside = embedded and parts > 1 and part.part is not None
    return [f"{part.part}/{name}" if inside else str(name) for name in names]


def _split(config: RatedImagesConfig, part: Columns, parts: int) -> list[str | None]:
    if config.split is not None:
        names = part.texts(config.split)
        found = [None if name is None else _PARTS.get(name.casefold()) for name in names]
        for i, (name, known) in enumerate(zip(names, found, strict=True)):
            if name is not None and known is None:
                told = f"holds `{name[:40]}`, expected train, val or test."
                raise part.cell_fault(i, config.split, told + did_you_mean(name, _PARTS))
        return found
    name = part.part if parts > 1 else None
    return [_PARTS.get(name.casefold()) if name else None] * len(part)


def _check_scores(config: RatedImagesConfig, rows: list[dict[str, Any]], place: str) -> None:
    scores = [row["score_raw"] for row in rows]
    lowest, highest = min(scores), max(scores)
    run = f"the {len(scores)} scores run from {lowest:g} to {highest:g}"
    if config.range is None:
        raise fault(
            f"`range` is missing: write the ends of the scale that was rated on, such as "
            f"`range: {_whole(lowest, highest)}`; {run} in `{place}`"
        )
    low, high = config.range
    outside = [row for row in rows if not low <= row["score_raw"] <= high]
    if outside:
        first = outside[0]
        raise fault(
            f"{len(outside)} scores are outside `range: [{low:g}, {high:g}]`, first "
            f"{first['score_raw']:g} in {first['place']}; {run}: mend the table, or write the ends "
            f"of the scale, such as `range: {_whole(min(low, lowest), max(high, highest))}`"
        )


def _whole(low: float, high: float) -> str:
    """The narrowest range of whole numbers around two values, as YAML."""
    below, above = int(low // 1), -int(-high // 1)
    return f"[{below}, {above if above > below else below + 1}]"


def _check_ids(config: RatedImagesConfig, rows: list[dict[str, Any]], place: str) -> None:
    places = defaultdict(list)
    for row in rows:
        places[row["sample_id"]].append(row["place"])
    twice = [(name, where) for name, where in places.items() if len(where) > 1]
    if twice:
        name, where = twice[0]
        mend = "names must be unique" if config.id else "name a column of unique names with `id`"
        raise fault(
            f"`{place}`: {len(twice)} names stand for several rows, first `{name}` in {where[0]} "
            f"and {where[1]}; leave one of the rows, or {mend}"
        )


def _table(rows: list[dict[str, Any]], turned: bool, high: float) -> datasets.Dataset:
    """Rows as a `datasets.Dataset`, whole columns at a time."""
    types = _FEATURES.arrow_schema
    columns: dict[str, list[Any]] = {
        name: [row[name] for row in rows] for name in COLUMNS if name not in ("image", "quality")
    }
    columns["image"] = [{"bytes": r["picture"].content, "path": r["picture"].path} for r in rows]
    columns["quality"] = [high - r["score_raw"] if turned else r["score_raw"] for r in rows]
    arrays = [pa.array(columns[name], types.field(name).type) for name in COLUMNS]
    table = pa.Table.from_arrays(arrays, schema=pa.schema([types.field(n) for n in COLUMNS]))
    return datasets.Dataset(table, info=datasets.DatasetInfo(features=_FEATURES))
