"""Reading one run's folder: nothing is loaded before it is asked for, and torch never."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cliqa.errors import ResultError
from cliqa.results.files import explained, sha256
from cliqa.results.folder import FolderState, folder_state, is_plain_file, own_files, read_sums
from cliqa.results.layout import (
    CONFIG,
    HEADS,
    LABELS,
    METRICS,
    PREDICTIONS,
    RUN,
    SCHEMA_VERSION,
    SUMS,
    TRAIN_LOG,
    UNFINISHED,
    WEIGHTS,
    check_label,
)
from cliqa.results.parquet import read_table

if TYPE_CHECKING:
    import pyarrow as pa


def read_json(path: Path) -> dict[str, Any]:
    """Read a versioned JSON file of a bundle.

    Raises:
        ResultError: it is absent, damaged, or of a newer layout than this cliqa knows.
    """
    with explained("read", path):
        text = path.read_bytes()
    try:
        value = json.loads(text)
        version = int(value["schema_version"])
    except (ValueError, KeyError, TypeError) as error:
        raise ResultError(f"{path} is damaged: {type(error).__name__}: {error}") from error
    if version > SCHEMA_VERSION:
        raise ResultError(
            f"{path} has schema version {version}, this cliqa reads up to {SCHEMA_VERSION}; "
            "use a newer cliqa"
        )
    return dict(value)


@dataclass(frozen=True)
class Bundle:
    """One run's folder. `load_bundle` opens a finished one; a `Bundle` itself reads any."""

    folder: Path

    @cached_property
    def run(self) -> dict[str, Any]:
        """`run.json`: what was run, on what, where, and what it cost."""
        return read_json(self.folder / RUN)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """`metrics.json`, as the run derived it; `compute_metrics` derives it again."""
        return read_json(self.folder / METRICS)

    @cached_property
    def config(self) -> str:
        """`config.yaml`, as text."""
        with explained("read", self.folder / CONFIG):
            return (self.folder / CONFIG).read_text("utf-8")

    @cached_property
    def predictions(self) -> pa.Table:
        """Every gate's scores: step, task, gate, sample_id, score."""
        return read_table(self.folder / PREDICTIONS)

    @cached_property
    def heads(self) -> pa.Table:
        """Every head's scores: step, task, sample_id, head, score."""
        return read_table(self.folder / HEADS)

    @cached_property
    def weights(self) -> pa.Table:
        """The gates' weights: step, task, gate, sample_id, head, weight."""
        return read_table(self.folder / WEIGHTS)

    @cached_property
    def labels(self) -> pa.Table:
        """Quality scores of the test images, for reading; verification uses its own."""
        return read_table(self.folder / LABELS)

    @cached_property
    def train_log(self) -> list[dict[str, Any]]:
        """The records of `train_log.jsonl`; a last line that was cut off is left out."""
        with explained("read", self.folder / TRAIN_LOG):
            lines = (self.folder / TRAIN_LOG).read_bytes().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    def split(self, task: str) -> dict[str, Any]:
        """The task's `splits/TASK.json`."""
        path = self.folder / "splits" / f"{check_label(task, 'task')}.json"
        with explained("read", path):
            return dict(json.loads(path.read_bytes()))

    @property
    def finished(self) -> bool:
        """Whether the run is complete."""
        return folder_state(self.folder) is FolderState.FINISHED


def load_bundle(folder: Path | str) -> Bundle:
    """Open a finished run.

    Raises:
        ResultError: there is no finished run, or it is of a newer layout.
    """
    folder = Path(folder)
    state = folder_state(folder)
    if state is not FolderState.FINISHED:
        raise ResultError(f"{folder} holds no finished run: it is {state.value}")
    bundle = Bundle(folder)
    _ = bundle.run  # a newer layout is refused here, before anything is read from it
    return bundle


def check_sums(folder: Path) -> list[str]:
    """Compare a finished bundle with its `SHA256SUMS`.

    Returns:
        One sentence a fault, empty if there is none: files that are missing, changed, or present
        without being listed. That nothing changed since the run does not make its numbers true.
    """
    sums = read_sums(folder)
    faults = []
    for relative, digest in sums.items():
        if not is_plain_file(folder, relative):
            faults.append(f"{relative} is missing")
        elif sha256(folder / relative) != digest:
            faults.append(f"{relative} was changed after the run")
    unlisted = [f for f in own_files(folder, set()) if f not in {*sums, SUMS, UNFINISHED}]
    return faults + [f"{relative} is not listed in {SUMS}" for relative in unlisted]
