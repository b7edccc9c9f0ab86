"""Reads score files: MATLAB, spreadsheets, CSV and plain text.

Whatever is wrong with one is told with the set, the file and the place in it.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cliqa.errors import DataError
    from cliqa_iqa.facts import SetFacts
    from cliqa_iqa.folder import File

__all__ = ["Table", "number", "other_version", "read_csv", "read_mat", "read_sheet", "read_text"]


@dataclass(frozen=True)
class Table:
    """A table with a header.

    Attributes:
        facts: the set it belongs to.
        path: its file.
        columns: names as written.
        rows: cells: text, numbers, or None where empty.
        lines: number of each row in the file, from 1.
    """

    facts: SetFacts
    path: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    lines: tuple[int, ...]

    def require(self, *names: str) -> None:
        """Raise `DataError` unless the table has these columns."""
        missing = [name for name in names if self._position(name) is None]
        if missing:
            raise other_version(
                self.facts,
                self.path,
                found=f"columns {', '.join(filter(None, self.columns)) or 'without names'}",
                expected=f"{', '.join(names)} (missing: {', '.join(missing)})",
            )

    def text(self, name: str) -> list[str]:
        """A column as text; a whole number has no decimal point.

        Raises:
            DataError: a cell is empty, or the column is not there.
        """
        cells = [_as_text(cell) for cell in self._cells(name)]
        for row, cell in enumerate(cells):
            if not cell:
                raise self._cell_fault(row, name, "is empty")
        return cells

    def numbers(self, name: str) -> list[float]:
        """A column as numbers.

        Raises:
            DataError: a cell holds no finite number, or the column is not there.
        """
        found = []
        for row, cell in enumerate(self._cells(name)):
            value = number(cell)
            if value is None:
                raise self._cell_fault(row, name, f"holds {_shown(cell)}, expected a number")
            found.append(value)
        return found

    def gaps(self, beginning: str) -> list[list[float]]:
        """Numbers of each row in the columns whose names begin so; empty cells are left out.

        Raises:
            DataError: a cell holds something else than a number or nothing.
        """
        at = [i for i, name in enumerate(self.columns) if _key(name).startswith(_key(beginning))]
        found: list[list[float]] = []
        for row, cells in enumerate(self.rows):
            filled = [(i, cells[i]) for i in at if cells[i] is not None and cells[i] != ""]
            values = [(i, cell, number(cell)) for i, cell in filled]
            for i, cell, value in values:
                if value is None:
                    told = f"holds {_shown(cell)}, expected a number or nothing"
                    raise self._cell_fault(row, self.columns[i], told)
            found.append([value for _, _, value in values if value is not None])
        return found

    def _cells(self, name: str) -> list[Any]:
        self.require(name)
        position = self._position(name)
        return [row[position] for row in self.rows]

    def _position(self, name: str) -> Any:
        """Where a column stands: an index, or None."""
        keys = [_key(column) for column in self.columns]
        return keys.index(_key(name)) if _key(name) in keys else None

    def _cell_fault(self, row: int, column: str, told: str) -> DataError:
        return self.facts.fault(
            f"`{self.path}`, row {self.lines[row]}, column `{column}` {told}; download the "
            f"file again from {self.facts.page}"
        )


def number(cell: Any) -> float | None:
    """A cell as a finite number; None if it is none."""
    if isinstance(cell, bool) or cell is None:
        return None
    try:
        value = float(cell)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def other_version(facts: SetFacts, path: str, *, found: str, expected: str) -> DataError:
    """A score file that is not what was published."""
    return facts.fault(
        f"`{path}` is of another version: found {found}, expected {expected}; download it again "
        f"from {facts.page}"
    )


def read_csv(facts: SetFacts, file: File, *columns: str) -> Table:
    """A file of comma-separated values that must have these columns.

    Raises:
        DataError: it cannot be read, is empty, or lacks a column.
    """
    text = read_text(facts, file)
    return _table(facts, file.path, _parsed(facts, file.path, lambda _: _csv_lines(text)), columns)


def _csv_lines(text: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""))
    return [(reader.line_num, row) for row in reader]


def read_sheet(facts: SetFacts, file: File, *columns: str, sheet: str | None = None) -> Table:
    """A sheet of a spreadsheet (.xlsx, .xls), whose header may stand below a title.

    Args:
        facts: the set.
        file: the spreadsheet; a copy saved as .csv is read too.
        columns: that must be there.
        sheet: name of the sheet, upper and lower case being equal; None: the first.

    Raises:
        DataError: it cannot be read, or lacks the sheet or a column.
    """
    if file.name.endswith(".csv"):
        return read_csv(facts, file, *columns)
    sheets = _parsed(facts, file.path, _sheets)
    names = {name.casefold(): name for name in reversed(sheets)}
    wanted = next(iter(sheets), None) if sheet is None else names.get(sheet.casefold())
    if wanted is None:
        held = f"sheets {', '.join(sheets)}"
        raise other_version(facts, file.path, found=held, expected=f"a sheet `{sheet or 'any'}`")
    cells = _parsed(facts, file.path, lambda _: sheets[wanted]())
    return _table(facts, file.path, list(enumerate(cells, start=1)), columns)


def _sheets(path: str) -> dict[str, Callable[[], list[Sequence[Any]]]]:
    """Name of each sheet and what reads its rows, from the first row and column on.

    Content decides which form it is, since .xls files are renamed .xlsx and the other way round.
    """
    content = Path(path).read_bytes()
    if content[:2] == b"PK":  # a zip archive, the form since 2007
        import openpyxl

        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        return {sheet.title: partial(_xlsx_rows, sheet) for sheet in book.worksheets}
    import xlrd

    old = xlrd.open_workbook(file_contents=content, logfile=io.StringIO())
    return {sheet.name: partial(_xls_rows, sheet) for sheet in old.sheets()}


def _xlsx_rows(sheet: Any) -> list[Sequence[Any]]:
    sheet.reset_dimensions()  # some programs write a wrong size, which would cut rows off
    return list(sheet.iter_rows(values_only=True))


def _xls_rows(sheet: Any) -> list[Sequence[Any]]:
    return [sheet.row_values(row) for row in range(sheet.nrows)]


def read_mat(facts: SetFacts, file: File, *variables: str) -> list[np.ndarray[Any, Any]]:
    """Vectors of a MATLAB file, flattened: numbers as float64, cells of text as str.

    Raises:
        DataError: it cannot be read, lacks a variable, or holds something else.
    """
    from scipy.io import loadmat

    content = _parsed(facts, file.path, loadmat)
    missing = [name for name in variables if name not in content]
    if missing:
        held = ", ".join(sorted(name for name in content if not name.startswith("__")))
        raise other_version(
            facts, file.path, found=f"variables {held}", expected=", ".join(variables)
        )
    return [_vector(facts, file.path, name, content[name]) for name in variables]


def read_text(facts: SetFacts, file: File) -> str:
    """A text file; UTF-8, or Latin-1 as old tools write.

    Raises:
        DataError: it cannot be read.
    """
    try:
        content = Path(file.path).read_bytes()
    except OSError as error:
        raise facts.fault(f"`{file.path}` cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _parsed(facts: SetFacts, path: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(path)
    except Exception as error:  # parsers of binary files raise anything on damaged ones
        told = str(error) or type(error).__name__
        raise facts.fault(
            f"`{path}` cannot be read: {told}; it is damaged or no such file, download it again "
            f"from {facts.page}"
        ) from None


def _table(
    facts: SetFacts,
    path: str,
    lines: Sequence[tuple[int, Sequence[Any]]],
    columns: tuple[str, ...],
) -> Table:
    """Tell header from rows: of what stands above and beside them, nothing is kept.

    Args:
        facts: the set.
        path: the file.
        lines: number and cells of each line.
        columns: that must be there.
    """
    wanted = {_key(name) for name in columns}
    filled = [(n, cells) for n, cells in lines if any(c not in (None, "") for c in cells)]
    # The header is the first line that names a wanted column; without any, the first is shown.
    header = next((i for i, (_, c) in enumerate(filled) if wanted & set(map(_key, c))), 0)
    names = tuple(map(_as_text, filled[header][1])) if filled else ()
    width = len(names)
    rows = [(*cells[:width], *[None] * (width - len(cells))) for _, cells in filled[header + 1 :]]
    table = Table(facts, path, names, tuple(rows), tuple(n for n, _ in filled[header + 1 :]))
    table.require(*columns)
    return table


def _vector(facts: SetFacts, path: str, name: str, value: Any) -> np.ndarray[Any, Any]:
    cells = np.asarray(value).ravel()
    if cells.dtype == object:  # a cell array; each cell is an array of one text
        cells = np.array([_as_text(np.asarray(cell).ravel()[:1].tolist()) for cell in cells])
    if cells.dtype.kind == "U":
        return np.char.strip(cells)
    if cells.dtype.kind not in "fiub":
        raise other_version(
            facts, path, found=f"`{name}` of {cells.dtype}", expected="numbers or text"
        )
    values = cells.astype(np.float64)
    if not np.isfinite(values).all():
        where = int(np.flatnonzero(~np.isfinite(values))[0]) + 1
        raise facts.fault(
            f"`{path}`: entry {where} of `{name}` is not a finite number; download the file again "
            f"from {facts.page}"
        )
    return values


def _as_text(cell: Any) -> str:
    if isinstance(cell, list):
        cell = cell[0] if cell else ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return "" if cell is None else str(cell).strip()


def _key(cell: Any) -> str:
    return " ".join(str(cell).casefold().replace("_", " ").split())


def _shown(cell: Any) -> str:
    return "nothing" if cell in (None, "") else f"`{str(cell)[:40]}`"
