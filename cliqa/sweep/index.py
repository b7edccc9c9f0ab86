"""`sweep.json` and `configs/`: the plan of a sweep as files, from which it is read back whole.

A worker, on this machine or another, reads from there what it is to run, so an edit of the grid or
of its base while a sweep is at work changes nothing in it; and `cliqa sweep status` and `retry`
need no grid.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cliqa.config.faults import Place
from cliqa.config.overrides import Override
from cliqa.config.resolve import resolve_document
from cliqa.config.source import Source
from cliqa.config.yaml_source import Spot, read_yaml
from cliqa.config.yaml_writer import write_yaml
from cliqa.errors import ResultError
from cliqa.results.files import explained, write_atomic
from cliqa.results.layout import plain
from cliqa.stages import StageStore
from cliqa.sweep.grid import Axis, Point
from cliqa.sweep.plan import Cell, Plan, remembered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cliqa.config import ResolvedConfig
    from cliqa.config.source import RegistryFactory

__all__ = ["INDEX", "SCHEMA_VERSION", "Index", "write_configs", "write_index"]

#: Version of the layout of `sweep.json` and `failed/NAME.json`.
SCHEMA_VERSION: Final = 1
INDEX: Final = "sweep.json"
_CONFIGS: Final = "configs"


@dataclass(frozen=True)
class Index:
    """What `sweep.json` says.

    Attributes:
        folder: the sweep's folder.
        record: the file's content.
    """

    folder: Path
    record: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Index:
        """Read it.

        Raises:
            ResultError: it is not there, damaged, or of a later version.
        """
        path = folder / INDEX
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            raise ResultError(
                f"{folder} is no sweep: it holds no {INDEX}; name the folder that `cliqa sweep` "
                "wrote"
            ) from None
        except OSError as error:
            raise ResultError(f"cannot read {path}: {error.strerror}") from error
        try:
            record = json.loads(text)
            version = int(record["schema_version"])
            if not isinstance(record["cells"], list):
                raise TypeError("`cells` is no list")
            names = [str(cell["name"]) for cell in record["cells"]]
        except (ValueError, KeyError, TypeError) as error:
            raise ResultError(
                f"{path} is damaged or not cliqa's ({type(error).__name__}: {error}); "
                "restore it, or name another --out"
            ) from None
        if version > SCHEMA_VERSION:
            raise ResultError(
                f"{path} has schema version {version}, this cliqa knows up to "
                f"{SCHEMA_VERSION}; use a newer cliqa"
            )
        strange = next((n for n in names if not n or n.startswith(".") or "/" in n), None)
        if strange is not None:  # names become paths
            raise ResultError(f"{path} is damaged: {strange!r} is no name of a run")
        return cls(folder, record)

    @property
    def names(self) -> list[str]:
        """The cells' names, in the order of the sweep."""
        return [cell["name"] for cell in self.record["cells"]]

    @property
    def home(self) -> Path:
        """The folder that the sweep was started in, where relative paths of data begin."""
        return Path(self._origin()["cwd"])

    @property
    def store(self) -> StageStore | None:
        """Trained stages that the cells share; None: each does as its configuration says."""
        written = self.record.get("store")
        if written is None:
            return None
        try:
            wanted = written["wanted"]
            keys = None if wanted is None else frozenset(map(str, wanted))
            return StageStore(Path(written["folder"]), keys)
        except (KeyError, TypeError) as error:
            raise self._old(error) from None

    def config_file(self, name: str) -> Path:
        """Where the configuration of a cell is."""
        return self.folder / _CONFIGS / f"{name}.yaml"

    def config(self, name: str, registries: RegistryFactory) -> ResolvedConfig:
        """The whole configuration of a cell.

        Raises:
            ResultError: the sweep is one of an earlier cliqa, which kept none.
            ConfigError: it cannot be resolved, for example because a plugin is gone.
        """
        file = self.config_file(name)
        origin = self._origin()
        source = Source(file, str(file), str(origin["name"]), Path(origin["folder"]))
        return resolve_document(read_yaml(file, str(file)), source, [], registries)

    def plan(self, registries: RegistryFactory) -> Plan:
        """The plan as it was written, without the grid and the files that it was made from.

        Raises:
            ResultError: the sweep is one of an earlier cliqa.
            ConfigError: a configuration cannot be resolved.
        """
        registries = remembered(registries)
        try:
            axes = tuple(_axis(a) for a in self.record["axes"])
            cells = tuple(
                Cell(c["name"], c["points"], c["set"], self.config(c["name"], registries))
                for c in self.record["cells"]
            )
            return Plan(
                name=self.record["name"],
                description=self.record["description"],
                text=self.record["grid"],
                overrides=tuple(self.record["overrides"]),
                axes=axes,
                cells=cells,
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise self._old(error) from None

    def _origin(self) -> dict[str, Any]:
        try:
            origin: dict[str, Any] = self.record["origin"]
            _ = origin["cwd"], origin["folder"], origin["name"]
        except (KeyError, TypeError) as error:
            raise self._old(error) from None
        return origin

    def _old(self, error: Exception) -> ResultError:
        return ResultError(
            f"{self.folder / INDEX} lacks {error}, which an earlier cliqa did not write; give "
            "`cliqa sweep GRID --out` with the grid once more, which writes it"
        )


def write_index(
    folder: Path, plan: Plan, run_ids: Mapping[str, str | None], store: StageStore | None
) -> None:
    """Write `sweep.json`.

    Args:
        folder: the sweep's.
        plan: what it consists of.
        run_ids: of each cell; None while it is not finished.
        store: trained stages that the cells share.
    """
    first = plan.cells[0].config
    record = {
        "schema_version": SCHEMA_VERSION,
        "name": plan.name,
        "description": plan.description,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "overrides": list(plan.overrides),
        "origin": {
            "name": first.source_name,
            "folder": str(first.folder.absolute()),
            "cwd": str(Path.cwd()),
        },
        "store": None
        if store is None
        else {
            "folder": str(store.root),
            "wanted": None if store.wanted is None else sorted(store.wanted),
        },
        "axes": [
            {
                "name": axis.name,
                "short": axis.short,
                "points": [
                    {"name": p.text, "set": {o.key: o.value for o in p.overrides}}
                    for p in axis.points
                ],
            }
            for axis in plan.axes
        ],
        "cells": [
            {
                "name": cell.name,
                "points": dict(cell.points),
                "set": dict(cell.changes),
                "run_id": run_ids[cell.name],
            }
            for cell in plan.cells
        ],
        "grid": plan.text,
    }
    text = json.dumps(plain(record), indent=1, ensure_ascii=False) + "\n"
    write_atomic(folder / INDEX, lambda file: file.write(text.encode()))


def write_configs(folder: Path, plan: Plan) -> None:
    """Write the configuration of each cell, unless it is there already."""
    for cell in plan.cells:
        path = folder / _CONFIGS / f"{cell.name}.yaml"
        text = write_yaml(_whole(cell.config)).encode()
        with explained("read", path):
            known = path.read_bytes() if path.exists() else None
        if known != text:
            write_atomic(path, lambda file, text=text: file.write(text))  # type: ignore[misc]


def _whole(config: ResolvedConfig) -> dict[str, Any]:
    """`ResolvedConfig.dump`, with what says how the machine works and no result depends on."""
    data, run = config.dump(), config.run
    data["cache"] = run.cache.model_dump(mode="json")
    data["resume"] = run.resume.model_dump(mode="json")
    data["store"] = run.store
    data["trackers"] = [tracker.dump() for tracker in config.trackers]
    data["train"]["workers"] = run.train.workers
    return data


def _axis(record: Mapping[str, Any]) -> Axis:
    place = Place(INDEX)
    points = tuple(
        Point(
            p["name"],
            tuple(Override(key, value, Spot(place, place), {}) for key, value in p["set"].items()),
            place,
        )
        for p in record["points"]
    )
    return Axis(record["name"], record["short"], points)
