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
_NARROWEST: Final = 520
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
    lines = [rows[start : start + _COLUMNS] for start in range(0, len(rows), _COLUMNS)]
    heights = [_height(line, scan) for line in lines]
    width = max(_GAP + len(lines[0]) * (THUMBNAIL + _GAP), _NARROWEST)
    sheet = Image.new("RGB", (width, _TITLE + sum(h + _CAPTION + _GAP for h in heights)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    low, high = dataset.quality_range
    title = f"{name}: {len(rows)} of {len(dataset.table):,} images, worst first ({low:g}..{high:g})"
    draw.text((_GAP, _GAP), title, _INK, _font(17))
    top = _TITLE + _GAP
    for line, height in zip(lines, heights, strict=True):
        for place, row in enumerate(line):
            left = _GAP + place * (THUMBNAIL + _GAP)
            picture = scan.thumbnails.get(row)
            if picture is None:
                draw.text((left, top), "unreadable", _DIM, _font(_TEXT))
            else:
                sheet.paste(picture, (left, top + height - picture.height))
            score, about = _captions(dataset, row)
            draw.text((left, top + height + 3), score, _INK, _font(_TEXT))
            under = (left, top + height + 5 + _TEXT)
            draw.text(under, _cut(about, draw), _DIM, _font(_TEXT - 2))
        top += height + _CAPTION + _GAP
    return sheet


def _height(line: list[int], scan: Scan) -> int:
    """Of a line of pictures: that of the tallest, or of a word in place of one."""
    pictures = [scan.thumbnails[row] for row in line if row in scan.thumbnails]
    return max([picture.height for picture in pictures] + [2 * _TEXT])


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
