"""Names, columns and markers of a result bundle: the one place that knows them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from cliqa.errors import ResultError

if TYPE_CHECKING:
    import pyarrow as pa

#: Version of the bundle's layout; raised when a reader of the old one would misread the new one.
SCHEMA_VERSION: Final = 1

RUN: Final = "run.json"
METRICS: Final = "metrics.json"
CONFIG: Final = "config.yaml"
TRAIN_LOG: Final = "train_log.jsonl"
PREDICTIONS: Final = "predictions.parquet"
HEADS: Final = "heads.parquet"
WEIGHTS: Final = "weights.parquet"
LABELS: Final = "labels.parquet"
#: Written last: its presence means that the run is complete.
SUMS: Final = "SHA256SUMS"
#: Present from the first moment of a run until `SUMS` is written.
UNFINISHED: Final = "UNFINISHED"
#: Folder of nested bundles, each with sums of its own.
COMPARE: Final = "compare"
#: Folder of an unfinished run's checkpoints; goes when the run is finished.
RESUME: Final = "resume"
#: Folder of what trackers write; no part of the result, and in no sums.
TRACKERS: Final = "trackers"
#: Says which process works in a folder, while it does.
LOCK: Final = ".cliqa-lock"
#: Prefix of a file that is being written; no finished file carries it.
TEMPORARY: Final = ".cliqa-tmp-"

#: What no complete bundle lacks.
REQUIRED: Final = (RUN, CONFIG, PREDICTIONS, METRICS)
_NAMES: Final = frozenset(
    {RUN, METRICS, CONFIG, TRAIN_LOG, PREDICTIONS, HEADS, WEIGHTS, LABELS, SUMS, UNFINISHED}
)
_PATTERNS: Final = ("splits/*.json", "splits/*.csv", "checkpoints/*.safetensors")

#: File -> column -> arrow type. Columns are exactly these, in this order, and never null.
COLUMNS: Final[dict[str, dict[str, str]]] = {
    PREDICTIONS: {
        "step": "int32",
        "task": "string",
        "gate": "string",
        "sample_id": "string",
        "score": "float32",
    },
    HEADS: {
        "step": "int32",
        "task": "string",
        "sample_id": "string",
        "head": "int32",
        "score": "float32",
    },
    WEIGHTS: {
        "step": "int32",
        "task": "string",
        "gate": "string",
        "sample_id": "string",
        "head": "int32",
        "weight": "float32",
    },
    LABELS: {"task": "string", "sample_id": "string", "quality": "float64"},
}


@cache
def schema(name: str) -> pa.Schema:
    """The arrow schema of a table of the bundle, by its file name."""
    import pyarrow as pa

    types = {"int32": pa.int32(), "string": pa.string(), "float32": pa.float32()}
    types["float64"] = pa.float64()
    return pa.schema([pa.field(c, types[t], nullable=False) for c, t in COLUMNS[name].items()])


def is_own(relative: str) -> bool:
    """Whether that path, relative to the run's folder, is one that every bundle uses."""
    path = PurePosixPath(relative)
    return (
        relative in _NAMES
        or path.name.startswith(TEMPORARY)
        or any(len(path.parts) == 2 and path.match(pattern) for pattern in _PATTERNS)
    )


def is_temporary(relative: str) -> bool:
    """Whether that path is of a file that is being written, or was when its process died."""
    return relative.rpartition("/")[2].startswith(TEMPORARY)


def check_label(label: str, what: str) -> str:
    """`label`, if it can be one part of a path on every system; `ResultError` otherwise."""
    if not re.fullmatch(r"[\w+=@,][\w .+=@,-]{0,119}(?<![ .])", label):
        raise ResultError(
            f"{what} {label!r} cannot name a file: expected 1 to 120 letters, digits, spaces or "
            "any of . _ + = @ , - that neither start with a dot, dash or space nor end with a "
            "dot or space"
        )
    return label


def check_relative(relative: str) -> str:
    """`relative`, if it stays inside the folder it is joined to; `ResultError` otherwise."""
    parts = relative.split("/")
    if not all(parts) or any(
        p in {".", ".."} or re.search(r'[\x00-\x1f\\:*?"<>|]', p) for p in parts
    ):
        raise ResultError(
            f"{relative!r} cannot name a file of a run: expected a relative path with forward "
            'slashes and without `.`, `..`, control characters or any of \\ : * ? " < > |'
        )
    return relative


def plain(value: Any) -> Any:
    """`value` as what strict JSON can hold: numpy becomes Python, NaN and infinity become None."""
    if hasattr(value, "tolist"):  # numpy arrays and scalars, without importing numpy
        value = value.tolist()
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
