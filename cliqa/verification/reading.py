"""Reading a verified bundle, folder or zip, for a page: with the care that it was verified with."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cliqa.errors import ResultError
from cliqa.results import Bundle
from cliqa.results.layout import HEADS, LABELS, METRICS, PREDICTIONS, RUN, SUMS, WEIGHTS
from cliqa.verification.files import UnreadableError, open_files
from cliqa.verification.limits import Limits
from cliqa.verification.strict import DamagedError, read_json, read_table
from cliqa.verification.verdict import Faults

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["StrictBundle"]


@dataclass(frozen=True)
class StrictBundle(Bundle):
    """A stranger's bundle: nothing is unpacked, no link followed, no size believed.

    Attributes:
        folder: the folder or the zip.
        beside: label of the bundle in `compare/`; None: the outer one.
        derived: what stands in for `metrics.json`, such as a verification's `metrics`; None: the
            file.
        limits: how large things may be.
    """

    beside: str | None = None
    derived: dict[str, Any] | None = None
    limits: Limits = field(default_factory=Limits)

    def read(self, name: str) -> bytes:
        """A file of the bundle.

        Raises:
            ResultError: there is none of that name, or it is too large or damaged.
        """
        with open_files(self.folder, self.limits, Faults()) as files:
            inside = files if self.beside is None else files.beside().get(self.beside)
            if inside is None or name not in inside:
                raise ResultError(f"{self.folder} holds no {name}")
            try:
                return inside.read(name)
            except UnreadableError as error:
                raise ResultError(f"{self.folder}: {name}: {error}") from None

    def _json(self, name: str) -> dict[str, Any]:
        try:
            value = read_json(self.read(name), self.limits)
        except DamagedError as error:
            raise ResultError(f"{self.folder}: {name}: {error}") from None
        if not isinstance(value, dict):
            raise ResultError(f"{self.folder}: {name}: expected an object")
        return value

    def _table(self, name: str) -> pa.Table:
        try:
            return read_table(name, self.read(name), self.limits)
        except DamagedError as error:
            raise ResultError(f"{self.folder}: {name}: {error}") from None

    @cached_property
    def run(self) -> dict[str, Any]:
        """`run.json`."""
        return self._json(RUN)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """What was derived; `metrics.json` only if nothing was."""
        return self._json(METRICS) if self.derived is None else self.derived

    @cached_property
    def config(self) -> str:
        """`config.yaml`, as text."""
        return self.read("config.yaml").decode("utf-8", "replace")

    @cached_property
    def predictions(self) -> pa.Table:
        """Every gate's scores."""
        return self._table(PREDICTIONS)

    @cached_property
    def heads(self) -> pa.Table:
        """Every head's scores."""
        return self._table(HEADS)

    @cached_property
    def weights(self) -> pa.Table:
        """The gates' weights."""
        return self._table(WEIGHTS)

    @cached_property
    def labels(self) -> pa.Table:
        """Quality scores of the test images."""
        return self._table(LABELS)

    def split(self, task: str) -> dict[str, Any]:
        """The task's `splits/TASK.json`."""
        return self._json(f"splits/{task}.json")

    @cached_property
    def sums(self) -> bytes:
        """`SHA256SUMS`."""
        return self.read(SUMS)

    @property
    def finished(self) -> bool:
        """Whether it says so itself."""
        return bool(self.sums)
