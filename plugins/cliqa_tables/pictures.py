"""The column of pictures: where each one is, and what it is called on every machine."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING

from cliqa_tables.columns import fault

if TYPE_CHECKING:
    from cliqa_tables.columns import Columns

__all__ = ["Picture", "check_missing", "pictures"]

#: Folders looked into when a message is to say where the pictures might be.
_SEARCH = 10_000


@dataclass(frozen=True)
class Picture:
    """One picture, not opened.

    Attributes:
        content: the bytes of its file, if the table holds them.
        path: its file on this machine, if the table names one.
        name: what the table calls it, the same on every machine; None: nothing.
    """

    content: bytes | None
    path: str | None
    name: str | None

    @property
    def missing(self) -> bool:
        """Whether its file is not there."""
        return self.content is None and not os.path.isfile(self.path or "")  # noqa: PTH113 # fast


def pictures(columns: Columns, name: str, base: Path, *, closed: bool) -> list[Picture]:
    """The pictures of a column.

    Args:
        columns: the table.
        name: the column: file names, bytes, or both, as `datasets.Image` stores them.
        base: folder in which file names begin.
        closed: whether a file outside of it is refused.

    Raises:
        DataError: a cell is empty or holds something else.
    """
    found = []
    for i, cell in enumerate(columns.values(name)):
        stored = cell if isinstance(cell, dict) else {}
        content = cell if isinstance(cell, bytes) else stored.get("bytes")
        path = cell if isinstance(cell, str) else stored.get("path")
        if content is not None:
            found.append(Picture(content, None, _base_name(path)))
        elif isinstance(path, str) and path:
            found.append(_file(columns, i, name, path, base, closed))
        else:
            held = "is empty" if cell is None else f"holds {type(cell).__name__}"
            raise columns.cell_fault(i, name, f"{held}, expected a file name or a picture")
    return found


def _file(columns: Columns, i: int, column: str, written: str, base: Path, closed: bool) -> Picture:
    if "://" in written:
        raise columns.cell_fault(
            i, column, f"holds the address `{written[:60]}`; download the pictures, and name files"
        )
    plain = posixpath.normpath(written.strip().replace("\\", "/"))
    here = base.resolve().as_posix() + "/"
    name = plain.removeprefix(here)
    if posixpath.isabs(name) or PureWindowsPath(name).is_absolute():
        # Where a folder lies on one machine must not become a name in results.
        name = posixpath.basename(name)
        outside = True
    else:
        outside = name.startswith("../")
    if outside and closed:
        raise columns.cell_fault(i, column, f"`{written[:60]}` leads out of what was downloaded")
    return Picture(None, str(base / plain), name)


def _base_name(path: str | None) -> str | None:
    return posixpath.basename(path.replace("\\", "/")) or None if path else None


def check_missing(found: list[Picture], origin: Path, allowed: int, *, place: str) -> list[int]:
    """Row numbers of pictures whose files are not there.

    Args:
        found: the pictures.
        origin: folder of the table.
        allowed: so many may be missing.
        place: the table.

    Raises:
        DataError: more are missing, or all.
    """
    absent = [i for i, picture in enumerate(found) if picture.missing]
    if len(absent) <= allowed and len(absent) < len(found):
        return absent
    first = ", ".join(f"`{found[i].path}`" for i in absent[:3])
    rest = f", or leave them out with `allow_missing: {len(absent)}`" * (len(absent) < len(found))
    raise fault(
        f"`{place}`: {len(absent)} of {len(found)} pictures are not there, first {first}; "
        f"{_where(found[absent[0]], origin)}{rest}"
    )


def _where(picture: Picture, origin: Path) -> str:
    """What to do about a missing picture: say where files begin, if one of its name is found."""
    name = picture.name or ""
    wanted = posixpath.basename(name)
    for top, _, files in islice(os.walk(origin), _SEARCH):
        near = next((file for file in files if file.casefold() == wanted.casefold()), None)
        if near is not None and near != wanted:
            return f"there is `{near}` in `{top}`: upper and lower case must agree"
        if near is not None:
            start = (Path(top) / near).as_posix().removesuffix(name) or "."
            return f"`{near}` is in `{top}`: write `image_folder: {os.path.relpath(start, origin)}`"
    return "`image_folder` says in which folder file names begin, relative to the table"
