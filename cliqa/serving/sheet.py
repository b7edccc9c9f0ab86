"""The contact sheet: pictures from the best to the worst, each under its score."""

from __future__ import annotations

import base64
import html
import io
import tempfile
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, PngImagePlugin

from cliqa.errors import ConfigError, DataError, ResultError
from cliqa.results.files import explained, write_atomic
from cliqa.serving.pictures import picture_of
from cliqa.sheets import Cell, draw_sheet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cliqa.serving.table import Row

__all__ = ["SHEETS", "best_first", "check_sheet", "write_sheet"]

#: Suffixes of a sheet.
SHEETS: Final = (".png", ".html")
_COLUMNS: Final = 6
_SIDE: Final = 200
#: Pictures on a sheet, at most.
_MOST: Final = 240
_MARK: Final = "cliqa score: contact sheet"


def best_first(rows: Sequence[Row]) -> list[Row]:
    """Rows by score, those without one last; equal ones stay in order."""
    return sorted(rows, key=lambda row: (row.score is None, -(row.score or 0.0)))


def check_sheet(path: Path, *, overwrite: bool) -> None:
    """Raise if no sheet can be written there; makes the folder, if it is absent."""
    if path.suffix.lower() not in SHEETS:
        raise ConfigError(f"--contact-sheet {path}: expected a name that ends in .png or .html")
    if path.is_dir():
        raise ResultError(f"--contact-sheet {path} is a folder; name a file")
    with explained("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass  # a place that cannot be written to is known now, not when all is scored
    if path.exists() and not overwrite and not _is_sheet(path):
        raise ResultError(
            f"--contact-sheet {path} exists and is no contact sheet; name another file, or replace "
            "it with --overwrite"
        )


def _is_sheet(path: Path) -> bool:
    if path.suffix.lower() == ".html":
        with path.open("rb") as file:
            return _MARK.encode() in file.read(200)
    try:
        with Image.open(path) as image:
            return image.info.get("Software") == _MARK
    except (OSError, SyntaxError, ValueError):
        return False


def write_sheet(path: Path, rows: Sequence[Row], files: Sequence[Path], title: str) -> None:
    """Draw the sheet.

    Args:
        path: ends in one of `SHEETS`.
        rows: one a file, in any order of score.
        files: where the picture of each row is.
        title: what to call it.
    """
    order = best_first(rows)
    where = {id(row): file for row, file in zip(rows, files, strict=True)}
    shown = order
    about = f"{title}: {len(rows)} images, best first"
    if len(order) > _MOST:  # evenly in the order, not by value: the sheet is full in any case
        shown = [order[round(i)] for i in np.linspace(0, len(order) - 1, _MOST)]
        about = f"{title}: {_MOST} of {len(rows):,} images, best first"
    cells = [
        Cell(_thumbnail(row, where[id(row)]), _caption(row), row.error or row.path) for row in shown
    ]
    content = _page(about, shown, cells) if path.suffix.lower() == ".html" else _png(about, cells)
    write_atomic(path, lambda file: file.write(content))


def _caption(row: Row) -> str:
    return f"{row.score:.4f}" if row.score is not None else row.path.rpartition("/")[2]


def _thumbnail(row: Row, file: Path) -> Image.Image | None:
    if row.score is None:
        return None
    try:
        image = Image.fromarray(picture_of(file, least=2 * _SIDE).pixels)
    except DataError:
        return None  # it was there when it was scored
    image.thumbnail((_SIDE, _SIDE))
    return image


def _png(title: str, cells: Sequence[Cell]) -> bytes:
    stream, mark = io.BytesIO(), PngImagePlugin.PngInfo()
    mark.add_text("Software", _MARK)
    columns = min(_COLUMNS, len(cells))
    draw_sheet(title, cells, columns=columns, side=_SIDE).save(stream, "PNG", pnginfo=mark)
    return stream.getvalue()


_STYLE: Final = """
body{font:14px system-ui,sans-serif;margin:1.5rem;background:#fafafa;color:#141414}
h1{font-size:1.1rem}
main{display:grid;grid-template-columns:repeat(auto-fill,200px);gap:14px;align-items:end}
figure{margin:0}
img{display:block;max-width:200px}
figcaption{overflow-wrap:anywhere;font-size:11px;color:#5f5f5f}
b{display:block;font-size:14px;color:#141414}
"""


def _page(title: str, rows: Sequence[Row], cells: Sequence[Cell]) -> bytes:
    figures = "\n".join(_figure(row, cell) for row, cell in zip(rows, cells, strict=True))
    escaped = html.escape(title)
    text = (
        f"<!doctype html><!-- {_MARK} -->\n<html lang=en><meta charset=utf-8>"
        f"<meta name=viewport content='width=device-width'><title>{escaped}</title>"
        f"<style>{_STYLE}</style><h1>{escaped}</h1>\n<main>\n{figures}\n</main></html>\n"
    )
    return text.encode("utf-8")


def _figure(row: Row, cell: Cell) -> str:
    picture = "<i>unreadable</i>"
    if cell.picture is not None:
        stream = io.BytesIO()
        cell.picture.save(stream, "JPEG", quality=85)
        data = base64.b64encode(stream.getvalue()).decode("ascii")
        picture = f"<img alt='' src='data:image/jpeg;base64,{data}'>"
    under = ": ".join(filter(None, (row.path, row.error)))
    caption = f"<b>{html.escape(cell.caption)}</b>{html.escape(under)}"
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"
