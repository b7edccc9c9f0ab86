"""A sheet of small pictures, each above its caption; without torch."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Cell", "draw_sheet"]

_GAP: Final = 10
_TEXT: Final = 13
_CAPTION: Final = 2 * _TEXT + 12
_TITLE: Final = 34
_NARROWEST: Final = 520
_PAPER, _INK, _DIM = (250, 250, 250), (20, 20, 20), (110, 110, 110)


@dataclass(frozen=True)
class Cell:
    """One picture of a sheet.

    Attributes:
        picture: no wider than the sheet's cells; None: the word `unreadable` in its place.
        caption: the first line below it.
        about: the second line, of which the end is kept if it is too long: names differ there.
    """

    picture: Image.Image | None
    caption: str
    about: str


def draw_sheet(title: str, cells: Sequence[Cell], *, columns: int, side: int) -> Image.Image:
    """Draw pictures in lines from left to right.

    Args:
        title: above them.
        cells: in their order, at least one.
        columns: pictures a line.
        side: the width of a cell, and the longest side of its picture, in pixels.
    """
    lines = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    heights = [max([c.picture.height for c in line if c.picture] + [2 * _TEXT]) for line in lines]
    width = max(_GAP + len(lines[0]) * (side + _GAP), _NARROWEST)
    sheet = Image.new("RGB", (width, _TITLE + sum(h + _CAPTION + _GAP for h in heights)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, _GAP), _drawable(title), _INK, _font(17))
    top = _TITLE + _GAP
    for line, height in zip(lines, heights, strict=True):
        for place, cell in enumerate(line):
            left = _GAP + place * (side + _GAP)
            if cell.picture is None:
                draw.text((left, top), "unreadable", _DIM, _font(_TEXT))
            else:
                sheet.paste(cell.picture, (left, top + height - cell.picture.height))
            draw.text((left, top + height + 3), _drawable(cell.caption), _INK, _font(_TEXT))
            under = (left, top + height + 5 + _TEXT)
            draw.text(under, _cut(cell.about, draw, side), _DIM, _font(_TEXT - 2))
        top += height + _CAPTION + _GAP
    return sheet


def _drawable(text: str) -> str:
    """Letters without their accents where that leaves a letter: Pillow's font has few others."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(c for c in parts if not unicodedata.combining(c))


def _cut(text: str, draw: ImageDraw.ImageDraw, width: int) -> str:
    """The end of a text that fits below a picture."""
    text, font = _drawable(text), _font(_TEXT - 2)
    if draw.textlength(text, font) <= width:
        return text
    while draw.textlength(f"…{text}", font) > width:
        text = text[1:]
    return f"…{text}"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
