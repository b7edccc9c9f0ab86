"""What a new dataset needs to know of its scores: a table of single ratings, or less."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cliqa.errors import ScaffoldError
from cliqa.registry import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Layout", "Ratings", "read_layout", "read_ratings"]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Pictures whose scores stand in a form that their owner writes a reader for.

    Attributes:
        images: folder of the pictures.
        scale: ends of the scale that was rated on.
    """

    images: Path
    scale: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Ratings:
    """Pictures and a table with a row for each rating of one.

    Attributes:
        images: folder of the pictures.
        scores: the table.
        picture: its column of file names, relative to `images`.
        rating: its column of ratings.
        scale: ends of the scale that was rated on.
        repeated: whether any picture was rated more than once.
    """

    images: Path
    scores: Path
    picture: str
    rating: str
    scale: tuple[float, float]
    repeated: bool


def read_layout(images: Path, scale: tuple[float, float]) -> Layout:
    """What is known of pictures without a table.

    Raises:
        ScaffoldError: the ends are no scale.
    """
    low, high = scale
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ScaffoldError(f"--range {low:g} {high:g}: expected two numbers, the lower one first")
    return Layout(images=images, scale=scale)


def read_ratings(
    images: Path, scores: Path, *, picture: str, rating: str, scale: tuple[float, float] | None
) -> Ratings:
    """Look whether table and pictures are what a new dataset would read.

    Raises:
        ScaffoldError: a column, the scale or a picture is missing, or a rating is outside.
    """
    columns, rows = _rows(scores)
    for column in (picture, rating):
        if column not in columns:
            raise ScaffoldError(
                f"{scores}: there is no column `{column}`.{did_you_mean(column, columns)} The "
                f"columns are {', '.join(columns)}; name them with --picture and --rating"
            )
    names = [row[picture] for row in rows]
    given = [_number(row[rating], f"{scores}:{line}") for line, row in enumerate(rows, start=2)]
    low, high = min(given), max(given)
    if scale is None:
        raise ScaffoldError(
            "--range is missing: write the ends of the scale that was rated on, such as "
            f"--range 1 5; the {len(given)} ratings run from {low:g} to {high:g} in {scores}"
        )
    if not scale[0] <= low <= high <= scale[1] or scale[0] == scale[1]:
        raise ScaffoldError(
            f"--range {scale[0]:g} {scale[1]:g}: the ratings run from {low:g} to {high:g} in "
            f"{scores}"
        )
    absent = [name for name in dict.fromkeys(names) if not (images / name).is_file()]
    if absent:
        raise ScaffoldError(
            f"{len(absent)} pictures of {scores} are not in the folder {images}, first "
            f"`{absent[0]}`"
        )
    return Ratings(
        images=images,
        scores=scores,
        picture=picture,
        rating=rating,
        scale=scale,
        repeated=len(set(names)) < len(names),
    )


def _rows(scores: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        with scores.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ScaffoldError(f"{scores}: cannot be read as a CSV table: {error}") from None
    if not rows:
        raise ScaffoldError(f"{scores}: expected a header and a row for each rating")
    return list(reader.fieldnames or ()), rows


def _number(cell: str | None, place: str) -> float:
    try:
        return float(cell or "")
    except ValueError:
        raise ScaffoldError(f"{place}: rating {cell!r}; expected a number") from None
