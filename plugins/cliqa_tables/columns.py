"""A table as it was found: columns of raw cells, each row with its place for messages."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cliqa.errors import DataError
from cliqa.registry import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

__all__ = ["Columns", "Found", "fault"]


def fault(text: str) -> DataError:
    """An error of this dataset."""
    return DataError(f"dataset `rated-images`: {text}")


@dataclass(frozen=True)
class Columns:
    """One table.

    Attributes:
        place: the file or set, for messages.
        cells: column -> its cells, a list or an Arrow array.
        word: what its rows are called.
        numbers: of each row in the file; None: they count from 1.
        part: name of the part of a set that is stored in parts.
    """

    place: str
    cells: Mapping[str, list[Any] | pa.ChunkedArray]
    word: str = "row"
    numbers: Sequence[int] | None = None
    part: str | None = None

    def __len__(self) -> int:
        return len(next(iter(self.cells.values()), ()))

    def row(self, i: int) -> str:
        """What a message calls row number i (from 0), such as `line 7`."""
        return f"{self.word} {i + 1 if self.numbers is None else self.numbers[i]}"

    def require(self, wanted: Mapping[str, str]) -> None:
        """Raise one `DataError` about all settings whose columns are not there.

        Args:
            wanted: setting -> column.
        """
        names = list(self.cells)
        told = [
            f"`{setting}: {name}` names no column.{did_you_mean(name, names)}"
            for setting, name in wanted.items()
            if name not in self.cells
        ]
        if told:
            raise fault(f"`{self.place}`: {' '.join(told)} Its columns are {', '.join(names)}")

    def values(self, name: str) -> list[Any]:
        """The cells of a column; empty text is None."""
        cells = self.cells[name]
        plain = cells if isinstance(cells, list) else cells.to_pylist()
        return [None if isinstance(c, str) and not c.strip() else c for c in plain]

    def scores(self, name: str, *, optional: bool = False) -> list[float | None]:
        """A column as numbers.

        Args:
            name: the column.
            optional: whether cells may be empty.

        Raises:
            DataError: a cell holds something else; names the row.
        """
        found: list[float | None] = []
        for i, cell in enumerate(self.values(name)):
            value = _number(cell)
            if value is None and not (optional and cell is None):
                held = "is empty" if cell is None else f"holds `{str(cell)[:40]}`"
                decimal = isinstance(cell, str) and _number(cell.replace(",", ".")) is not None
                hint = "; write a decimal point" if decimal else ""
                raise self.cell_fault(i, name, f"{held}, expected a number{hint}")
            found.append(value)
        return found

    def integers(self, name: str) -> list[int | None]:
        """A column as whole numbers, None where empty.

        Raises:
            DataError: a cell holds something else; names the row.
        """
        found = self.scores(name, optional=True)
        for i, value in enumerate(found):
            if value is not None and not value.is_integer():
                raise self.cell_fault(i, name, f"holds {value:g}, expected a whole number")
        return [None if value is None else int(value) for value in found]

    def texts(self, name: str) -> list[str | None]:
        """A column as text, None where empty; a whole number has no decimal point."""
        return [None if cell is None else _text(cell) for cell in self.values(name)]

    def cell_fault(self, row: int, name: str, told: str) -> DataError:
        """An error about one cell."""
        return fault(f"`{self.place}`, {self.row(row)}, column `{name}` {told}")


@dataclass(frozen=True)
class Found:
    """What `data` or `hub` leads to.

    Attributes:
        parts: its tables, in order.
        base: the folder in which relative names of pictures begin.
        closed: whether pictures must lie in that folder, as those of a download must.
        info: facts to keep with a result.
    """

    parts: Sequence[Columns]
    base: Path
    closed: bool = False
    info: dict[str, str] = field(default_factory=dict)


def _number(cell: Any) -> float | None:
    if cell is None or isinstance(cell, bool):
        return None
    try:
        value = float(cell)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip()
