"""Writing one run's folder."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from cliqa.errors import ResultError
from cliqa.results.files import explained, sha256, sync, write_atomic
from cliqa.results.folder import has_link, own_files, read_claims, write_claims
from cliqa.results.layout import (
    COMPARE,
    CONFIG,
    HEADS,
    LABELS,
    METRICS,
    PREDICTIONS,
    REQUIRED,
    RUN,
    SCHEMA_VERSION,
    SUMS,
    TRAIN_LOG,
    UNFINISHED,
    WEIGHTS,
    check_label,
    check_relative,
    is_own,
    is_temporary,
    plain,
)
from cliqa.results.parquet import as_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO, TypeAlias

    import pyarrow as pa

    Columns: TypeAlias = Mapping[str, Any] | pa.Table


def _json(value: Any, indent: int | None = None) -> bytes:
    return (json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False)).encode()


def _drop_torn_line(file: BinaryIO) -> None:
    """Cut a last line without its end, which a killed process may have left."""
    end = file.seek(0, 2)
    if not end:
        return
    file.seek(end - 1)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


class BundleWriter:
    """Writes the files of one run; every file appears whole or not at all.

    Call `prepare_folder` first for a new run. To go on with an unfinished one, just open it.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with explained("make", folder):
            folder.mkdir(parents=True, exist_ok=True)
        if (folder / SUMS).exists():
            raise ResultError(f"{folder} already holds a finished run; it is never written to")
        self._claims = read_claims(folder)
        write_claims(folder, self._claims)

    def path(self, relative: str) -> Path:
        """The path of a file of this run, for code that writes it itself, with its folder made.

        The file becomes the run's: it is listed in `SHA256SUMS`, and cleared with the run.

        Args:
            relative: path inside the folder, with forward slashes.
        """
        check_relative(relative)
        if relative in {SUMS, UNFINISHED} or relative.split("/")[0] == COMPARE:
            raise ResultError(f"{relative!r} is not a file that a run may write by itself")
        path = self.folder / relative
        with explained("write", path):
            if has_link(self.folder, relative):
                raise ResultError(f"{path} leads through a link; a run stays in its folder")
            path.parent.mkdir(parents=True, exist_ok=True)
        if not is_own(relative) and relative not in self._claims:
            self._claims.add(relative)
            write_claims(self.folder, self._claims)
        return path

    def write_bytes(self, relative: str, content: bytes) -> None:
        """Write a file of this run."""
        write_atomic(self.path(relative), lambda file: file.write(content))

    def write_json(self, relative: str, value: Any) -> None:
        """Write `value` as JSON; numpy is converted, NaN and infinity become null."""
        self.write_bytes(relative, _json(value, indent=1) + b"\n")

    def write_run(self, record: Mapping[str, Any]) -> None:
        """Write `run.json`; may be called again as more becomes known."""
        self.write_json(RUN, {"schema_version": SCHEMA_VERSION, **record})

    def write_config(self, text: str) -> None:
        """Write `config.yaml`, the resolved configuration as text."""
        self.write_bytes(CONFIG, text.encode())

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write `metrics.json`, the result of `compute_metrics`."""
        self.write_json(METRICS, {"schema_version": SCHEMA_VERSION, **metrics})

    def write_predictions(self, columns: Columns) -> None:
        """Write every gate's scores: step, task, gate, sample_id, score."""
        self._write_table(PREDICTIONS, columns)

    def write_heads(self, columns: Columns) -> None:
        """Write every head's scores: step, task, sample_id, head, score."""
        self._write_table(HEADS, columns)

    def write_weights(self, columns: Columns) -> None:
        """Write the gates' weights: step, task, gate, sample_id, head, weight."""
        self._write_table(WEIGHTS, columns)

    def write_labels(self, columns: Columns) -> None:
        """Write the test images' quality scores: task, sample_id, quality."""
        self._write_table(LABELS, columns)

    def _write_table(self, name: str, columns: Columns) -> None:
        import pyarrow.parquet as pq

        table = as_table(name, columns)
        write_atomic(self.path(name), lambda file: pq.write_table(table, file, compression="zstd"))

    def write_split(self, task: str, split: Mapping[str, Any]) -> None:
        """Write `splits/TASK.json`, for example `{"train": [ids], "val": [...], "test": [...]}`."""
        self.write_json(f"splits/{check_label(task, 'task')}.json", split)

    def checkpoint_path(self, label: str) -> Path:
        """The path `checkpoints/LABEL.safetensors`, for the code that writes checkpoints."""
        return self.path(f"checkpoints/{check_label(label, 'checkpoint')}.safetensors")

    def log(self, record: Mapping[str, Any]) -> None:
        """Append one line to `train_log.jsonl` and hand it to the operating system."""
        path = self.path(TRAIN_LOG)
        line = _json(record) + b"\n"
        with explained("write", path), path.open("a+b") as file:
            _drop_torn_line(file)
            file.write(line)

    def log_mark(self) -> dict[str, Any]:
        """How long `train_log.jsonl` is now, and the digest of that."""
        path = self.path(TRAIN_LOG)
        content = path.read_bytes() if path.exists() else b""
        return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    def log_since(self, mark: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The records that were logged after a mark."""
        path = self.path(TRAIN_LOG)
        content = path.read_bytes()[int(mark["bytes"]) :] if path.exists() else b""
        return [json.loads(line) for line in content.splitlines()]

    def sync_log(self) -> None:
        """Have the log on the disk, so that a checkpoint never knows more of it than is there."""
        path = self.path(TRAIN_LOG)
        if path.exists():
            with explained("write", path):
                sync(path)

    def empty_log(self) -> None:
        """Forget what an earlier attempt has logged."""
        path = self.path(TRAIN_LOG)
        with explained("clear", path):
            path.unlink(missing_ok=True)

    def cut_log(self, mark: Mapping[str, Any]) -> None:
        """Cut `train_log.jsonl` back to what it was at a mark.

        Raises:
            ResultError: it does not begin with what it then was.
        """
        path, size = self.path(TRAIN_LOG), int(mark["bytes"])
        content = path.read_bytes() if path.exists() else b""
        if hashlib.sha256(content[:size]).hexdigest() != mark["sha256"]:
            raise ResultError(
                f"{path} is not what the run has written; it was changed since; put the file "
                "back, or start over with --force (in a sweep: remove the run's folder)"
            )
        if len(content) > size:
            with explained("write", path):
                os.truncate(path, size)

    def digests(self) -> dict[str, str]:
        """Path -> SHA-256 of every file of the run so far."""
        own = own_files(self.folder, self._claims)
        files = [n for n in own if n != UNFINISHED and not is_temporary(n)]
        return {name: sha256(self.folder / name) for name in files}

    def finish(self) -> None:
        """Write `SHA256SUMS`, which makes the bundle complete; nothing is written after it."""
        absent = [name for name in REQUIRED if not (self.folder / name).is_file()]
        if absent:
            raise ResultError(f"{self.folder} cannot be finished without {', '.join(absent)}")
        names = []
        for name in own_files(self.folder, self._claims):
            if is_temporary(name):
                with explained("clear", self.folder):
                    (self.folder / name).unlink()
            elif name != UNFINISHED:
                names.append(name)
        # Files that other code wrote may not be on the disk yet, the marker must not be earlier.
        for name in names:
            sync(self.folder / name)
        text = "".join(f"{sha256(self.folder / name)}  {name}\n" for name in names)
        write_atomic(self.folder / SUMS, lambda file: file.write(text.encode()))
        with explained("clear", self.folder):
            (self.folder / UNFINISHED).unlink(missing_ok=True)
            sync(self.folder)
