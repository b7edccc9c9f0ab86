"""The table of scores: one row a file, written whole as CSV, JSON, JSON lines or parquet."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cliqa.errors import ResultError
from cliqa.results.files import explained, write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cliqa.serving.scorer import QualityScore

__all__ = ["SUFFIXES", "Row", "read_rows", "short", "write_rows"]

#: Column -> how a cell of a CSV file becomes its value. Columns of heads follow.
_COLUMNS: Final[dict[str, Callable[[str], Any]]] = {
    "path": str,
    "score": float,
    "error": str,
    "note": str,
    "bytes": int,
    "modified_ns": int,
    "model": str,
    "gate": str,
}
_HEAD: Final = "head:"
_WEIGHT: Final = "weight:"
#: A spreadsheet takes text that begins so for a formula, and would run it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "'")


@dataclass
class Row:
    """What is known of one file.

    Attributes:
        path: as it was named, see `shown_path`.
        score: None if it could not be scored.
        error: why not; empty if it was.
        note: see `QualityScore.note`.
        size: of the file in bytes; 0 if it is gone.
        modified_ns: when it was last written, nanoseconds since 1970.
        model: digest of the model that scored it, see `QualityScorer.digest`.
        gate: label of its gate.
        heads: score of each head; None for one that was not run.
        weights: weight of each head.
    """

    path: str
    score: float | None = None
    error: str = ""
    note: str = ""
    size: int = 0
    modified_ns: int = 0
    model: str = ""
    gate: str = ""
    heads: dict[str, float | None] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)

    def flat(self, heads: Sequence[str]) -> dict[str, Any]:
        """Column -> value, None where there is none."""
        values = (
            self.path,
            self.score,
            self.error,
            self.note,
            self.size,
            self.modified_ns,
            self.model,
            self.gate,
        )
        return {
            **dict(zip(_COLUMNS, values, strict=True)),
            **{f"{_HEAD}{name}": self.heads.get(name) for name in heads},
            **{f"{_WEIGHT}{name}": self.weights.get(name) for name in heads},
        }

    def answered(self, found: QualityScore, model: str, gate: str) -> Row:
        """The row of a file that was scored."""
        return replace(
            self,
            score=short(found.score),
            note=found.note,
            model=model,
            gate=gate,
            heads={n: None if s is None else short(s) for n, s in found.heads.items()},
            weights={n: short(w) for n, w in found.weights.items()},
        )

    @classmethod
    def of(cls, flat: dict[str, Any]) -> Row:
        """What `flat` gave, or a reader of it."""
        heads = {k.removeprefix(_HEAD): v for k, v in flat.items() if k.startswith(_HEAD)}
        weights = {k.removeprefix(_WEIGHT): v for k, v in flat.items() if k.startswith(_WEIGHT)}
        known = all(weight is not None for weight in weights.values())
        values = [flat[column] for column in _COLUMNS]
        return cls(*values, *((heads, weights) if known else ()))


def write_rows(path: Path, rows: Sequence[Row], heads: Sequence[str]) -> None:
    """Write the table in place of what is there, whole or not at all.

    Args:
        path: its suffix, one of `SUFFIXES`, says the format.
        rows: in their order.
        heads: names of the model's heads.
    """
    write = _FORMATS[path.suffix.lower()][0]
    flat = [row.flat(heads) for row in rows]
    columns = list(Row("").flat(heads))
    content = write(flat, columns)
    write_atomic(path, lambda file: file.write(content))


def read_rows(path: Path) -> list[Row]:
    """Read a table that `write_rows` wrote.

    Raises:
        ResultError: it is no such table.
    """
    read = _FORMATS[path.suffix.lower()][1]
    with explained("read", path):
        content = path.read_bytes()
    try:
        return [Row.of(flat) for flat in read(content)]
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ResultError(
            f"{path} exists and is no table of `cliqa score` ({reason}); name another --out, or "
            "replace it with --overwrite"
        ) from None


def _write_csv(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow([_harmless(column) for column in columns])
    for row in rows:
        writer.writerow([_cell(row[column]) for column in columns])
    return stream.getvalue().encode("utf-8")


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return _harmless(value)
    return "" if value is None else repr(value)


def short(value: float) -> float:
    """The number with the fewest digits that is the same in float32, in which scores are."""
    return float(str(np.float32(value)))


def _harmless(text: str) -> str:
    """Text that a spreadsheet shows and does not run; `_as_was` takes the apostrophe off again."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _as_was(text: str) -> str:
    return text.removeprefix("'")


def _read_csv(content: bytes) -> list[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
    _check_columns([_as_was(name) for name in reader.fieldnames or ()])
    return [
        {_as_was(column): _value(_as_was(column), cell) for column, cell in row.items()}
        for row in reader
    ]


def _value(column: str, cell: str) -> Any:
    kind = _COLUMNS.get(column, float)
    if kind is str:
        return _as_was(cell)
    return None if cell == "" else kind(cell)


def _write_json(rows: Sequence[dict[str, Any]], _columns: Sequence[str]) -> bytes:
    return (json.dumps(rows, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def _write_lines(rows: Sequence[dict[str, Any]], _columns: Sequence[str]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8")


def _read_json(content: bytes) -> list[dict[str, Any]]:
    return _checked(json.loads(content))


def _read_lines(content: bytes) -> list[dict[str, Any]]:
    return _checked([json.loads(line) for line in content.splitlines()])


def _write_parquet(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {str: pa.string(), int: pa.int64(), float: pa.float32()}
    schema = pa.schema([(c, kinds[_COLUMNS.get(c, float)]) for c in columns])  # type: ignore[index]
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), stream)
    return stream.getvalue()


def _read_parquet(content: bytes) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    table = pq.ParquetFile(io.BytesIO(content)).read()
    _check_columns(table.column_names)
    return [
        {c: short(v) if isinstance(v, float) else v for c, v in row.items()}
        for row in table.to_pylist()
    ]


def _checked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for row in rows:
        _check_columns(list(row))
        score = row["score"]
        if score is not None and not math.isfinite(score):
            raise ValueError("a score is no number")
    return rows


def _check_columns(names: Sequence[str]) -> None:
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise ValueError(f"it has no column `{missing[0]}`")


_FORMATS: Final[dict[str, tuple[Callable[..., bytes], Callable[[bytes], list[dict[str, Any]]]]]] = {
    ".csv": (_write_csv, _read_csv),
    ".json": (_write_json, _read_json),
    ".jsonl": (_write_lines, _read_lines),
    ".parquet": (_write_parquet, _read_parquet),
}
#: Suffixes of the formats.
SUFFIXES: Final = tuple(_FORMATS)
