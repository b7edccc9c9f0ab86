"""Everything that is read of a bundle, parsed; what cannot be is a fault."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from cliqa.errors import ConfigError
from cliqa.results.layout import (
    COLUMNS,
    CONFIG,
    HEADS,
    LABELS,
    METRICS,
    PREDICTIONS,
    RUN,
    SUMS,
    TRAIN_LOG,
    UNFINISHED,
    WEIGHTS,
)
from cliqa.verification.files import UnreadableError
from cliqa.verification.record import Record
from cliqa.verification.strict import (
    DamagedError,
    read_json,
    read_log,
    read_sums,
    read_table,
    read_weights,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from cliqa.config.yaml_source import Document
    from cliqa.verification.files import Files
    from cliqa.verification.verdict import Faults

__all__ = ["GATES", "MODEL", "Contents", "load_contents"]

MODEL: Final = "checkpoints/model.safetensors"
GATES: Final = "checkpoints/gates.safetensors"
#: What a bundle that can be verified never lacks.
_NEEDED: Final = (RUN, CONFIG, METRICS, PREDICTIONS, HEADS, WEIGHTS, LABELS, TRAIN_LOG)


@dataclass
class Contents:
    """A bundle's files, parsed.

    Attributes:
        files: access to them.
        digest: SHA-256 of its `SHA256SUMS`.
        raw: `run.json` as it is.
        record: `run.json` of known form.
        metrics: `metrics.json`.
        document: `config.yaml`.
        splits: test set -> `splits/TASK.json`.
        tables: file -> table.
        tensors: safetensors file -> tensor -> what its header says.
        head_tasks: the tasks of each head, as the weights tell; None without weights.
    """

    files: Files
    digest: str
    raw: dict[str, Any]
    record: Record
    metrics: dict[str, Any]
    document: Document
    splits: dict[str, dict[str, list[str]]]
    tables: dict[str, pa.Table]
    tensors: dict[str, dict[str, Any]] = field(default_factory=dict)
    head_tasks: list[list[str]] | None = None


def load_contents(files: Files, faults: Faults) -> Contents | None:
    """Read a bundle; None, and faults, if it lacks what everything else is compared with."""
    own = files.own()
    if UNFINISHED in own:
        faults.add(UNFINISHED, "", "the run has not finished")
    if SUMS not in own:
        faults.add(SUMS, "", "is missing: this is no finished run")
        return None
    reader = _Reader(files, faults)
    sums = reader.bytes(SUMS)
    if sums is None:
        return None
    listed = read_sums(sums, faults)
    digests = {name: reader.digest(name) for name in own if name not in {SUMS, UNFINISHED}}
    faults.some(SUMS, "", [f"{n} is listed but not there" for n in listed if n not in digests])
    for name, digest in digests.items():
        if name not in listed:
            faults.add(name, "", f"is not listed in {SUMS}, so it is no part of the run")
        elif digest is not None and digest != listed[name]:
            faults.add(name, "", "was changed after the run: its SHA-256 is not the listed one")
    for name in _NEEDED:
        if name not in own:
            faults.add(name, "", "is missing")
    parsed = reader.all()
    head_tasks = reader.weights()
    if parsed is None:
        return None
    raw, record, metrics, document, splits, tables = parsed
    return Contents(
        files=files,
        digest=hashlib.sha256(sums).hexdigest(),
        raw=raw,
        record=record,
        metrics=metrics,
        document=document,
        splits=splits,
        tables=tables,
        tensors=reader.tensors,
        head_tasks=head_tasks,
    )


class _Reader:
    """Reads each file and notes what is wrong with it."""

    def __init__(self, files: Files, faults: Faults) -> None:
        self.files, self.faults = files, faults
        self.tensors: dict[str, dict[str, Any]] = {}

    def bytes(self, name: str) -> bytes | None:
        try:
            return self.files.read(name) if name in self.files else None
        except UnreadableError as error:
            self.faults.add(name, "", str(error))
            return None

    def digest(self, name: str) -> str | None:
        try:
            return self.files.digest(name)
        except UnreadableError as error:
            self.faults.add(name, "", str(error))
            return None

    def all(self) -> tuple[Any, ...] | None:
        raw, metrics = self.json(RUN), self.json(METRICS)
        record = None if raw is None else self.record(raw)
        document = self.config()
        tables = {name: self.table(name) for name in COLUMNS}
        self.log()
        splits = {} if record is None else {task: self.split(task) for task in record.sets}
        parts = (raw, record, metrics, document)
        if any(part is None for part in (*parts, *tables.values(), *splits.values())):
            return None
        return (*parts[:4], splits, tables)

    def json(self, name: str) -> Any:
        content = self.bytes(name)
        if content is None:
            return None
        try:
            value = read_json(content, self.files.limits)
        except DamagedError as error:
            self.faults.add(name, "", str(error))
            return None
        if not isinstance(value, dict):
            self.faults.add(name, "", "expected an object")
            return None
        return value

    def record(self, raw: dict[str, Any]) -> Record | None:
        version = raw.get("schema_version")
        if version != 1 or type(version) is not int:
            self.faults.add(RUN, "schema_version", f"{version!r}; this cliqa verifies version 1")
        try:
            record = Record.model_validate(raw)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_context=False, include_input=False)
            for fault in wrong[:20]:
                place = ".".join(map(str, fault["loc"]))
                if place != "schema_version":
                    self.faults.add(RUN, place, fault["msg"])
            return None
        if len(record.sets) > self.files.limits.tasks:
            self.faults.add(RUN, "tasks", f"more than {self.files.limits.tasks} test sets")
            return None
        return record

    def config(self) -> Document | None:
        from cliqa.config.yaml_source import parse_text

        content = self.bytes(CONFIG)
        if content is None:
            return None
        try:
            return parse_text(content.decode("utf-8"), CONFIG)
        except UnicodeDecodeError:
            self.faults.add(CONFIG, "", "is not UTF-8")
        except (ConfigError, ValueError, RecursionError, OverflowError) as error:
            self.faults.add(CONFIG, "", str(error))
        return None

    def table(self, name: str) -> pa.Table | None:
        content = self.bytes(name)
        if content is None:
            return None
        try:
            return read_table(name, content, self.files.limits)
        except DamagedError as error:
            self.faults.add(name, "", str(error))
            return None

    def log(self) -> None:
        try:
            read_log(self.bytes(TRAIN_LOG) or b"", self.files.limits)
        except DamagedError as error:
            self.faults.add(TRAIN_LOG, "", str(error))

    def split(self, task: str) -> dict[str, list[str]] | None:
        name = f"splits/{task}.json"
        if name not in self.files:
            self.faults.add(name, "", "is missing")
            return None
        value = self.json(name)
        if value is None:
            return None
        if sorted(value) != ["test", "train", "val"] or not all(
            isinstance(ids, list) and all(isinstance(i, str) for i in ids) for ids in value.values()
        ):
            self.faults.add(name, "", "expected lists of sample ids under train, val and test")
            return None
        ids = [i for part in value.values() for i in part]
        if len(set(ids)) != len(ids):
            self.faults.add(name, "", "a sample id occurs twice")
            return None
        return value

    def weights(self) -> list[list[str]] | None:
        head_tasks = None
        for name, size in self.files.own().items():
            if name.endswith(".safetensors"):
                head = self._header(name, size)
                if head is None:
                    continue
                self.tensors[name], about = head
                if name == MODEL:
                    head_tasks = self._head_tasks(about)
        return head_tasks

    def _header(self, name: str, size: int) -> tuple[dict[str, Any], dict[str, str]] | None:
        try:
            limits = self.files.limits
            head = self.files.head(name, min(size, 8 + limits.header))
            return read_weights(head, size, limits)
        except (UnreadableError, DamagedError) as error:
            self.faults.add(name, "", str(error))
            return None

    def _head_tasks(self, about: dict[str, str]) -> list[list[str]] | None:
        try:
            told = read_json(about["cliqa"].encode(), self.files.limits)
            tasks = told["head_tasks"]
            sound = told["format"] == 1 and all(
                isinstance(t, str) for own in list(tasks) for t in list(own)
            )
        except (KeyError, TypeError, DamagedError):
            sound = False
        if not sound:
            self.faults.add(MODEL, "metadata", "does not tell the tasks of its heads")
            return None
        return [list(own) for own in tasks]
