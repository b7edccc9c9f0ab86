"""The contact sheet: images from the worst to the best, each under its score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cliqa.checking.scan import THUMBNAIL

if TYPE_CHECKING:
    from cliqa.checking.scan import Scan
    from cliqa.data import RatedDataset

__all__ = ["contact_sheet", "sheet_rows"]

_COLUMNS: Final = 7
_LINES: Final = 6
_GAP: Final = 10
_TEXT: Final = 13
_CAPTION: Final = 2 * _TEXT + 12
_TITLE: Final = 34
_PAPER, _INK, _DIM = (250, 250, 250), (20, 20, 20), (110, 110, 110)


def sheet_rows(dataset: RatedDataset) -> list[int]:
    """Rows to show, from the worst to the best: evenly spaced in the order of quality.

    Evenly in order, not in value: so the sheet is full however the scores are spread.
    """
    quality = np.asarray(dataset.table["quality"][:], dtype=np.float64)
    order = np.argsort(quality, kind="stable")
    shown = min(len(order), _COLUMNS * _LINES)
    return [int(order[round(i)]) for i in np.linspace(0, len(order) - 1, shown)]


def contact_sheet(name: str, dataset: RatedDataset, scan: Scan) -> Image.Image:
    """Draw the sheet from the thumbnails of a scan.

    Args:
        name: what to call the set.
        dataset: the rated images.
        scan: of all of them, with thumbnails of `sheet_rows`.
    """
    rows = sheet_rows(dataset)
    columns = min(_COLUMNS, len(rows))
    lines = -(-len(rows) // columns)
    step = (THUMBNAIL + _GAP, THUMBNAIL + _CAPTION + _GAP)
    size = (_GAP + columns * step[0], _TITLE + _GAP + lines * step[1])
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    low, high = dataset.quality_range
    title = f"{name}: {len(rows)} of {len(dataset.table):,} images, worst first"
    title += f" (quality {low:g}..{high:g})" if columns > 2 else ""
    draw.text((_GAP, _GAP), title, _INK, _font(17))
    for place, row in enumerate(rows):
        corner = (
            _GAP + (place % columns) * step[0],
            _TITLE + _GAP + (place // columns) * step[1],
        )
        _cell(sheet, draw, corner, scan.thumbnails.get(row), *_captions(dataset, row))
    return sheet


def _cell(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    picture: Image.Image | None,
    score: str,
    about: str,
) -> None:
    left, top = corner
    if picture is None:
        draw.rectangle((left, top, left + THUMBNAIL, top + THUMBNAIL), (225, 225, 225))
        draw.text((left + 8, top + 8), "unreadable", _DIM, _font(_TEXT))
    else:
        beside = ((THUMBNAIL - picture.width) // 2, THUMBNAIL - picture.height)
        sheet.paste(picture, (left + beside[0], top + beside[1]))
    draw.text((left, top + THUMBNAIL + 3), score, _INK, _font(_TEXT))
    draw.text((left, top + THUMBNAIL + 5 + _TEXT), _cut(about, draw), _DIM, _font(_TEXT - 2))


def _captions(dataset: RatedDataset, row: int) -> tuple[str, str]:
    table = dataset.table
    quality, std, raw = (table[c][row] for c in ("quality", "score_std", "score_raw"))
    score = f"{quality:.4g}" + ("" if std is None else f" ± {std:.3g}")
    if raw != quality:
        score += f"  (score {raw:.4g})"
    return score, str(table["sample_id"][row]).partition("/")[2] or str(table["sample_id"][row])


def _cut(text: str, draw: ImageDraw.ImageDraw) -> str:
    """The end of a text that fits below a picture; names differ at their end."""
    font = _font(_TEXT - 2)
    if draw.textlength(text, font) <= THUMBNAIL:
        return text
    while draw.textlength(f"…{text}", font) > THUMBNAIL:
        text = text[1:]
    return f"…{text}"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
