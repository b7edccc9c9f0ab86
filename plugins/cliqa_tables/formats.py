"""Reads a table file: .csv, .tsv, .jsonl, .parquet, .xlsx."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from cliqa_tables.columns import Columns, fault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["FORMATS", "read_table"]


def read_table(path: Path, place: str, *, sheet: str | None = None) -> Columns:
    """Read a table file; which form it has its name says.

    Args:
        path: the file.
        place: what messages call it.
        sheet: of a spreadsheet; None: the first.

    Raises:
        DataError: it cannot be read, has no rows, or is of a form that is not known.
    """
    read = _READERS.get(path.suffix.casefold())
    if read is None:
        raise fault(f"`{place}` is no table: expected a name that ends in {', '.join(FORMATS)}")
    try:
        columns = read(path, place, sheet)
    except OSError as error:
        raise fault(f"`{place}` cannot be read: {error.strerror or error}") from None
    if not len(columns):
        raise fault(f"`{place}` has no rows")
    return columns


def _csv(path: Path, place: str, _: str | None) -> Columns:
    text = _decoded(path.read_bytes())
    head = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = "\t" if path.suffix.casefold() == ".tsv" else _delimiter(head)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise fault(f"`{place}`, line {reader.line_num}: {error}") from None
    return _from_rows(rows, place, "line")


def _delimiter(head: str) -> str:
    """The comma; what else divides the header if there is none.

    Spreadsheet programs write semicolons wherever the comma is the decimal mark.
    """
    return next(
        (mark for mark in ",;\t" if len(next(csv.reader([head], delimiter=mark), [])) > 1), ","
    )


def _xlsx(path: Path, place: str, sheet: str | None) -> Columns:
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except OSError:
        raise
    except Exception as error:  # a damaged archive raises anything
        raise fault(f"`{place}` cannot be read as a spreadsheet: {error}") from None
    wanted = book.sheetnames[0] if sheet is None else sheet
    if wanted not in book.sheetnames:
        raise fault(f"`{place}` has no sheet `{wanted}`; it has {', '.join(book.sheetnames)}")
    cells = book[wanted]
    cells.reset_dimensions()  # some programs write a wrong size, which would cut rows off
    rows = [(n, list(row)) for n, row in enumerate(cells.iter_rows(values_only=True), start=1)]
    filled = [(n, row) for n, row in rows if any(cell not in (None, "") for cell in row)]
    width = _used(filled[0][1]) if filled else 0
    # A sheet is as wide as its widest row: empty cells beside the table are no cells of it.
    cut = [(n, [*row, *[None] * width][: max(width, _used(row))]) for n, row in filled]
    return _from_rows(cut, place, "row")


def _used(row: Sequence[Any]) -> int:
    """Number of cells up to the last that is filled."""
    return max((i + 1 for i, cell in enumerate(row) if cell is not None), default=0)


def _from_rows(rows: list[tuple[int, list[Any]]], place: str, word: str) -> Columns:
    """A table from its header and rows.

    Args:
        rows: number in the file and cells of each; the first is the header.
        place: the file.
        word: what the file's rows are called.
    """
    if not rows:
        raise fault(f"`{place}` is empty")
    names = ["" if cell is None else str(cell).strip() for cell in rows[0][1]]
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise fault(f"`{place}` has two columns `{twice[0]}`; give them different names")
    for number, row in rows[1:]:
        if len(row) != len(names):
            raise fault(
                f"`{place}`, {word} {number}: {len(row)} cells, but the header has {len(names)}; "
                "put text that holds a separator into quotes"
            )
    numbers = [number for number, _ in rows[1:]]
    cells = {name: [row[i] for _, row in rows[1:]] for i, name in enumerate(names) if name}
    return Columns(place, cells, word, numbers)


def _jsonl(path: Path, place: str, _: str | None) -> Columns:
    records: list[dict[str, Any]] = []
    numbers: list[int] = []
    for number, line in enumerate(_decoded(path.read_bytes()).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise fault(f"`{place}`, line {number} is no JSON: {error}") from None
        if not isinstance(record, dict):
            raise fault(f'`{place}`, line {number}: expected an object such as {{"image": ...}}')
        records.append(record)
        numbers.append(number)
    names = list(dict.fromkeys(name for record in records for name in record))
    cells = {name: [record.get(name) for record in records] for name in names}
    return Columns(place, cells, "line", numbers)


def _parquet(path: Path, place: str, _: str | None) -> Columns:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, memory_map=True)
    except pa.ArrowException as error:
        raise fault(f"`{place}` cannot be read as parquet: {error}") from None
    return Columns(place, {name: table[name] for name in table.column_names})


def _decoded(content: bytes) -> str:
    """UTF-8; UTF-16 or Latin-1 as spreadsheet programs write."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


_READERS: Final[dict[str, Callable[[Path, str, str | None], Columns]]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
    ".xlsx": _xlsx,
}
#: How names of table files end.
FORMATS: Final = tuple(_READERS)
