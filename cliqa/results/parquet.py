"""Tables of a bundle: exact columns and types, written and read with pyarrow alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cliqa.errors import ResultError
from cliqa.results.files import explained
from cliqa.results.layout import COLUMNS, schema

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa


def as_table(name: str, columns: Mapping[str, Any] | pa.Table) -> pa.Table:
    """`columns` as a table with exactly the columns and types of the bundle's file `name`.

    Args:
        name: `predictions.parquet`, `heads.parquet`, `weights.parquet` or `labels.parquet`.
        columns: a table, or column name -> array or list, all of one length.

    Raises:
        ResultError: a column is missing, unknown, of another type, of another length, or holds
            nulls.
    """
    import pyarrow as pa

    expected = COLUMNS[name]
    given = list(columns.column_names if isinstance(columns, pa.Table) else columns)
    if set(given) != set(expected):
        raise ResultError(
            f"{name} must have the columns {', '.join(expected)}; got {', '.join(given) or 'none'}"
        )
    wanted = schema(name)
    try:
        # A score that was computed in float64 loses its last digits here, by design.
        table = pa.table([_column(columns[f.name], f.type) for f in wanted], schema=wanted)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise ResultError(f"{name} cannot hold these columns: {error}") from error
    nulls = [f.name for f in wanted if table[f.name].null_count]
    if nulls:
        raise ResultError(f"{name} must hold no nulls; there are some in {', '.join(nulls)}")
    return table


def _column(values: Any, kind: pa.DataType) -> pa.ChunkedArray | pa.Array:
    import pyarrow as pa

    if not isinstance(values, pa.ChunkedArray | pa.Array):
        values = pa.array(values)
    safe = not pa.types.is_floating(kind)
    return values if values.type == kind else values.cast(kind, safe=safe)


def read_table(path: Path) -> pa.Table:
    """Read a table of a bundle; `ResultError` if it is absent, damaged or has other columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with explained("read", path):
        if not path.is_file():
            raise ResultError(f"{path} does not exist")
        try:
            # A plain read of this one file: no guessing of a partitioned data set from its path.
            table = pq.ParquetFile(path).read()
        except pa.ArrowInvalid as error:
            raise ResultError(f"{path} is not a readable parquet file: {error}") from error
    return as_table(path.name, table)
