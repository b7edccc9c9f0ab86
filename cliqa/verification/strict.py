"""Readers of JSON, sums, tables and weights that believe nothing."""

from __future__ import annotations

import io
import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

from cliqa.results.layout import COLUMNS, schema
from cliqa.verification.names import name_fault, odd_characters

if TYPE_CHECKING:
    import pyarrow as pa

    from cliqa.verification.limits import Limits
    from cliqa.verification.verdict import Faults

__all__ = ["DamagedError", "read_json", "read_log", "read_sums", "read_table", "read_weights"]

#: Bits of a number of each type that a safetensors file may hold.
_BYTES: Final = {
    **{"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2},
    **{"F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8},
}


#: Ends of lines and tabs may stand in a description or a note.
_LINES: Final = {ord(c): None for c in "\n\t"}


class DamagedError(Exception):
    """A file is not what its name says; the text says where and why."""


def read_json(content: bytes, limits: Limits) -> Any:
    """Parse JSON in which every key occurs once and every number is finite.

    Raises:
        DamagedError: it is not of that form, too deep, or holds odd characters.
    """
    try:
        text = content.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_int=_small_int,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise DamagedError(f"byte {error.start} is not UTF-8") from None
    except RecursionError:
        raise DamagedError(f"nested more than {limits.depth} deep") from None
    except ValueError as error:
        raise DamagedError(f"no JSON as expected: {error}") from None
    _check_texts(value, limits)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(n for n in names if names.count(n) > 1)!r} occurs twice")
    return found


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _small_int(text: str) -> int:
    if len(text) > 19 or abs(int(text)) >= 2**63:
        raise ValueError(f"the number {text[:20]}... does not fit 64 bits")
    return int(text)


def _finite(text: str) -> float:
    if len(text) > 64 or not math.isfinite(float(text)):
        raise ValueError(f"the number {text[:20]} is not finite or has too many digits")
    return float(text)


def _check_texts(top: Any, limits: Limits) -> None:
    waiting: list[tuple[Any, int]] = [(top, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > limits.depth:
            raise DamagedError(f"nested more than {limits.depth} deep")
        if isinstance(value, dict):
            waiting += [(part, depth + 1) for item in value.items() for part in item]
        elif isinstance(value, list):
            waiting += [(part, depth + 1) for part in value]
        elif isinstance(value, str) and (odd := odd_characters(value.translate(_LINES))):
            raise DamagedError(f"the text {value[:40]!r} holds the character {odd}")


def read_log(content: bytes, limits: Limits) -> None:
    """Check that every line is a JSON object.

    Raises:
        DamagedError: names the first line that is not.
    """
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            value = read_json(line, limits)
        except DamagedError as error:
            raise DamagedError(f"line {number}: {error}") from None
        if not isinstance(value, dict):
            raise DamagedError(f"line {number}: expected an object")


def read_sums(content: bytes, faults: Faults) -> dict[str, str]:
    """`SHA256SUMS` as path -> digest, wrong lines noted and left out."""
    found: dict[str, str] = {}
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        faults.add("SHA256SUMS", "", "is not UTF-8")
        return found
    wrong = ["the last line has no end"] if lines.pop() else []
    for number, line in enumerate(lines, start=1):
        match = re.fullmatch(r"([0-9a-f]{64})  (.+)", line)
        if match is None:
            wrong.append(f"line {number}: expected a SHA-256 digest, two spaces and a path")
        elif fault := name_fault(match[2]):
            wrong.append(f"line {number}: {fault}")
        elif match[2] in found:
            wrong.append(f"line {number}: {match[2]} is listed twice")
        else:
            found[match[2]] = match[1]
    faults.some("SHA256SUMS", "", wrong)
    return found


def read_table(name: str, content: bytes, limits: Limits) -> pa.Table:
    """A table of a bundle, its schema and sizes checked before its rows are read.

    Rows are read a batch at a time with texts as numbers of a dictionary, so that a small file
    cannot grow without bound.

    Raises:
        DamagedError: it is damaged, too large, has other columns, or holds nulls or odd ids.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = [column for column, kind in COLUMNS[name].items() if kind == "string"]
    options = {"thrift_string_size_limit": 10**7, "thrift_container_size_limit": 10**6}
    try:
        plain = pq.ParquetFile(io.BytesIO(content), **options)
        _check_schema(name, plain, limits)
        file = pq.ParquetFile(io.BytesIO(content), read_dictionary=texts, **options)
        batches, rows = [], 0
        for batch in file.iter_batches(batch_size=1 << 16):
            rows += batch.num_rows
            if rows > limits.rows:
                raise DamagedError(f"more than {limits.rows:,} rows")
            batches.append(_decoded(batch, texts, limits))
        if rows != plain.metadata.num_rows:
            raise DamagedError(f"{rows:,} rows, but it declares {plain.metadata.num_rows:,}")
        table = pa.Table.from_batches(batches, schema=schema(name))
        table.validate(full=True)
    except DamagedError:
        raise
    except Exception as error:  # whatever a hostile file makes the reader raise
        raise DamagedError(f"no readable parquet file: {type(error).__name__}: {error}") from None
    if not rows:
        raise DamagedError("it has no rows")
    return table


def _check_schema(name: str, file: Any, limits: Limits) -> None:
    about = file.metadata
    expected = {field.name: field.type for field in schema(name)}
    found = {field.name: field.type for field in file.schema_arrow}
    if found != expected or list(found) != list(expected) or len(file.schema_arrow) != len(found):
        columns = ", ".join(f"{n} {t}" for n, t in list(found.items())[:10])
        wanted = ", ".join(f"{n} {t}" for n, t in expected.items())
        raise DamagedError(f"expected the columns {wanted}; got {columns}")
    if about.num_rows > limits.rows or about.num_row_groups > limits.row_groups:
        raise DamagedError(
            f"{about.num_rows:,} rows in {about.num_row_groups:,} groups; at most "
            f"{limits.rows:,} in {limits.row_groups:,}"
        )
    unpacked = sum(
        about.row_group(g).column(c).total_uncompressed_size
        for g in range(about.num_row_groups)
        for c in range(about.num_columns)
    )
    if not 0 <= unpacked <= 4 * limits.table:
        raise DamagedError(f"it unpacks to {unpacked:,} bytes; at most {4 * limits.table:,}")


def _decoded(batch: Any, texts: list[str], limits: Limits) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if column.null_count:
            raise DamagedError(f"column {field.name} holds nulls")
        if field.name in texts:
            words = column.dictionary
            if len(words) and pc.max(pc.binary_length(words)).as_py() > 4 * limits.text:
                raise DamagedError(f"column {field.name} holds a text beyond {limits.text} letters")
            for word in words.to_pylist():
                if odd := odd_characters(word):
                    raise DamagedError(f"column {field.name}: {word!r} holds the character {odd}")
            column = column.cast(pa.string())
        columns.append(column)
    names = batch.schema.names
    return pa.RecordBatch.from_arrays(
        columns,
        schema=pa.schema(
            [pa.field(n, c.type, nullable=False) for n, c in zip(names, columns, strict=True)]
        ),
    )


def read_weights(head: bytes, size: int, limits: Limits) -> tuple[dict[str, Any], dict[str, str]]:
    """The header of a safetensors file, without a look at its tensors.

    Args:
        head: at least the header's bytes, with the eight that tell its length.
        size: bytes of the whole file.
        limits: how large it may be.

    Returns:
        Tensor name -> `{"dtype", "shape", "numel", "bytes"}`, and the file's metadata.

    Raises:
        DamagedError: it is not of that form.
    """
    length = int.from_bytes(head[:8], "little")
    if len(head) < 8 or not 2 <= length <= min(limits.header, size - 8):
        raise DamagedError(f"its header would have {length:,} bytes; at most {limits.header:,}")
    header = read_json(head[8 : 8 + length].rstrip(b" "), limits)
    if not isinstance(header, dict):
        raise DamagedError("its header is no object")
    about = header.pop("__metadata__", {})
    if not isinstance(about, dict) or not all(isinstance(v, str) for v in about.values()):
        raise DamagedError("its metadata is not text")
    end = 0
    found: dict[str, Any] = {}
    for name, entry in sorted(header.items(), key=_begin):
        kind, shape, numel = _tensor(name, entry)
        first, last = entry["data_offsets"]
        if first != end or last - first != numel * _BYTES[kind]:
            raise DamagedError(f"tensor {name[:80]!r} is not where its header says")
        end = last
        found[name] = {"dtype": kind, "shape": shape, "numel": numel, "bytes": last - first}
    if 8 + length + end != size:
        raise DamagedError("it holds bytes that belong to no tensor, or lacks some")
    return found, about


def _begin(item: tuple[str, Any]) -> int:
    try:
        begin = item[1]["data_offsets"][0]
        return begin if type(begin) is int else -1
    except (KeyError, TypeError, IndexError):
        return -1


def _tensor(name: str, entry: Any) -> tuple[str, list[int], int]:
    try:
        kind, shape, (first, last) = entry["dtype"], entry["shape"], entry["data_offsets"]
        sound = len(entry) == 3 and kind in _BYTES and type(first) is type(last) is int
        sound = sound and all(type(n) is int and 0 <= n < 2**40 for n in shape)
    except (KeyError, TypeError, ValueError):
        sound = False
    if not sound or len(shape) > 16:
        raise DamagedError(f"tensor {name[:80]!r} is described wrongly")
    return kind, shape, math.prod(shape)
