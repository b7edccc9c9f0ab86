"""Checks and fingerprint of a dataset's table."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cliqa.data.rated import COLUMNS
from cliqa.errors import DataError

if TYPE_CHECKING:
    from cliqa.data.rated import RatedDataset

_NUMBERS: Final = ("numbers", ("float", "int", "uint"))
#: Column that is computed with -> (what it holds, how the names of such types begin).
_TYPES: Final = {
    "sample_id": ("text", ("string", "large_string")),
    "image": ("a Hugging Face `Image`", ("PIL.Image.Image",)),
    "score_raw": _NUMBERS,
    "score_std": _NUMBERS,
    "quality": _NUMBERS,
}


def check_table(dataset: RatedDataset) -> None:
    """Raise `DataError` naming every way in which the table breaks the contract of `COLUMNS`."""
    faults = _column_faults(dataset) or _type_faults(dataset) or _value_faults(dataset)
    if faults:
        raise DataError(f"dataset `{dataset.name}`: " + "; ".join(faults))


def _column_faults(dataset: RatedDataset) -> list[str]:
    have, want = set(dataset.table.column_names), set(COLUMNS)
    faults = []
    if missing := sorted(want - have):
        faults.append(f"column(s) missing: {', '.join(missing)}")
    if extra := sorted(have - want):
        faults.append(f"unexpected column(s): {', '.join(extra)}")
    if not len(dataset.table):
        faults.append("no images at all")
    return faults


def _type_faults(dataset: RatedDataset) -> list[str]:
    faults = []
    for column, (expected, beginnings) in _TYPES.items():
        feature = dataset.table.features[column]
        found = str(getattr(feature, "dtype", feature))
        nullable = COLUMNS[column][1]
        if not found.startswith((*beginnings, "null") if nullable else beginnings):
            faults.append(f"`{column}` holds {found}, expected {expected}")
    return faults


def _value_faults(dataset: RatedDataset) -> list[str]:
    faults = []
    table = dataset.table.select_columns([c for c in COLUMNS if c != "image"])
    for column, (_, nullable) in COLUMNS.items():
        if nullable:
            continue
        cells = _image_places(dataset) if column == "image" else table[column][:]
        empty = [i for i, value in enumerate(cells) if value is None]
        if empty:
            faults.append(f"`{column}` is empty in {len(empty)} row(s), first in row {empty[0]}")
    if faults:
        return faults
    ids = table["sample_id"][:]
    if len(set(ids)) != len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        faults.append(f"sample ids are not unique: `{twice}`")
    low, high = dataset.quality_range
    for sample_id, quality in zip(ids, table["quality"][:], strict=True):
        if not (math.isfinite(quality) and low <= quality <= high):
            faults.append(f"quality {quality} of `{sample_id}` is outside [{low}, {high}]")
            break
    return faults


def _image_places(dataset: RatedDataset) -> list[Any]:
    """Bytes or path of each image, None where there is neither."""
    return [
        image if image and (image["bytes"] is not None or image["path"]) else None
        for image in raw_images(dataset)
    ]


def fingerprint(dataset: RatedDataset) -> str:
    """SHA-256 of what a result depends on: ids, scores, deviations, groups and image contents.

    Images stored inside the table are hashed whole; for image files, name and size stand for the
    content, so that a set of many gigabytes is not read twice. Copies of a set differ in the case
    of file names, so that is ignored.
    """
    digest = hashlib.sha256()
    if dataset.exif_transpose:  # other pixels from the same files
        digest.update(b"exif_transpose\x1f")
    rows = zip(
        dataset.table["sample_id"][:],
        dataset.table["quality"][:],
        dataset.table["score_std"][:],
        dataset.table["reference"][:],
        raw_images(dataset),
        strict=True,
    )
    for sample_id, quality, std, reference, image in rows:
        digest.update(f"{sample_id}\x1f{quality!r}\x1f{std!r}\x1f{reference}\x1f".encode())
        content = image["bytes"]
        if content is None:
            path = Path(image["path"])
            size = path.stat().st_size if path.exists() else -1
            content = f"{path.name.casefold()}\x1f{size}".encode()
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def raw_images(dataset: RatedDataset) -> list[dict[str, Any]]:
    """The image column undecoded: `{"bytes": ..., "path": ...}` a row."""
    import datasets

    column = dataset.table.select_columns(["image"])
    return list(column.cast_column("image", datasets.Image(decode=False))["image"][:])
