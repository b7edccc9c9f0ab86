"""Reading the file of a grid: what all cells share, and the axes along which they differ."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import Field, ValidationError

from cliqa.config.base import ComponentConfig
from cliqa.config.faults import Fault, Place, got, raise_faults
from cliqa.config.overrides import Override
from cliqa.config.resolve import refuse_grid
from cliqa.config.source import Source, find_source
from cliqa.config.translate import Subject, faults_of
from cliqa.config.yaml_source import Document, Spot, read_yaml
from cliqa.errors import ConfigError
from cliqa.sweep.names import short_keys, value_text

if TYPE_CHECKING:
    from cliqa.config.faults import KeyPath
    from cliqa.config.source import RegistryFactory

__all__ = ["Axis", "Grid", "GridFile", "Point", "read_grid"]

_RUN_KEYS = frozenset({"backbone", "strategy", "stream", "train"})
#: An axis: values of one key, or names with what each stands for. `read_axis` says it in words.
_AxisValue: TypeAlias = Any


class GridFile(ComponentConfig):
    """The file of a grid of runs."""

    description: str = Field(default="", description="one line, printed and kept with the results")
    base: str | dict[str, Any] = Field(
        description="what every run starts from: a recipe's name, a .yaml file relative to this "
        "one, or a whole run configuration written here"
    )
    common: dict[str, Any] = Field(
        default={}, alias="set", description="changes to the base for all runs, keys as in `--set`"
    )
    grid: dict[str, _AxisValue] = Field(
        min_length=1,
        description="the axes: key to a list of its values, or a name of your own to a mapping of "
        "named points, each a mapping of keys to values; the last axis varies fastest",
    )


@dataclass(frozen=True)
class Point:
    """One place on an axis.

    Attributes:
        text: what names and tables call it.
        overrides: what it changes.
        place: where it was written.
    """

    text: str
    overrides: tuple[Override, ...]
    place: Place


@dataclass(frozen=True)
class Axis:
    """One direction of a grid.

    Attributes:
        name: the configuration's key, or the name that the author gave to named points.
        short: its part of a cell's name.
        points: its points in the order written.
    """

    name: str
    short: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Grid:
    """A grid as written; nothing in it has been looked up yet.

    Attributes:
        source: where it comes from.
        document: the file with the places of its values.
        text: the file's text.
        description: one line.
        base: what every run starts from, as written.
        base_source: where the base comes from.
        common: changes for all runs.
        axes: the axes in the order written.
    """

    source: Source
    document: Document
    text: str
    description: str
    base: Document
    base_source: Source
    common: tuple[Override, ...]
    axes: tuple[Axis, ...]


def read_grid(source: str | Path, registry_factory: RegistryFactory) -> Grid:
    """Read the file of a grid and its base.

    Args:
        source: a .yaml file, or the name of a shipped recipe that is a grid.
        registry_factory: as for `load_config`.

    Raises:
        ConfigError: every mistake in the form of the file.
    """
    found = find_source(source, registry_factory)
    document = read_yaml(found.path, found.shown)
    _refuse_run(document, source)
    faults: list[Fault] = []
    try:
        file = GridFile.model_validate(document.data)
    except ValidationError as error:
        raise_faults(faults_of(error, Subject(GridFile, document.data, document)), found.shown)
        raise  # not reached: every error of a validation is a fault
    axes = _read_axes(file, document, faults)
    base, base_source = _read_base(document, found, registry_factory, faults)
    raise_faults(faults, found.shown)
    assert base is not None  # noqa: S101 (without a base there is a fault)
    rebase = _Rebase(found.folder, base_source.folder)
    return Grid(
        source=found,
        document=document,
        text=found.path.read_text("utf-8-sig"),
        description=file.description,
        base=base,
        base_source=base_source,
        common=rebase.all(_override(document, ("set", key), key) for key in file.common),
        axes=tuple(rebase.axis(axis) for axis in axes),
    )


def _refuse_run(document: Document, source: str | Path) -> None:
    if "grid" not in document.data and _RUN_KEYS & document.data.keys():
        raise ConfigError(
            f"{document.key_place(())}: this is the configuration of one run, not a grid; use "
            f"`cliqa run {source}`, or make it the `base:` of a grid"
        )


def _read_base(
    document: Document, found: Source, registry_factory: RegistryFactory, faults: list[Fault]
) -> tuple[Document | None, Source]:
    written = document.data["base"]
    if isinstance(written, dict):
        spots = {path[1:]: spot for path, spot in document.spots.items() if path[:1] == ("base",)}
        return Document(written, spots, document.origin), found
    place = document.value_place(("base",))
    try:
        source = find_source(_beside(written, found), registry_factory)
        base = read_yaml(source.path, source.shown)
        refuse_grid(base)
    except ConfigError as error:
        faults.append(Fault(place, ("base",), str(error)))
        return None, found
    return base, source


def _beside(base: str, found: Source) -> str | Path:
    """The base as a path beside the grid's file, unless it is the name of a recipe."""
    path = Path(base).expanduser()
    if not path.suffix and len(path.parts) == 1:
        return base
    folder = found.path.parent if isinstance(found.path, Path) else found.folder
    return folder / path


def _read_axes(file: GridFile, document: Document, faults: list[Fault]) -> list[Axis]:
    shorts = short_keys(list(file.grid))
    axes = []
    for (name, written), short in zip(file.grid.items(), shorts, strict=True):
        try:
            points = _read_points(name, written, document, shorts)
        except _NoAxisError as error:
            place = document.value_place(("grid", name))
            faults.append(Fault(place, ("grid", name), str(error)))
        else:
            axes.append(Axis(name, short, points))
    return axes


class _NoAxisError(Exception):
    """The text says why what was written is no axis."""


def _read_points(
    name: str, written: Any, document: Document, shorts: list[str]
) -> tuple[Point, ...]:
    if not isinstance(written, list | dict) or not written:
        single = not isinstance(written, list | dict)
        hint = "; a value for all runs belongs under `set`" if single else ""
        raise _NoAxisError(
            "expected a list of values, or a mapping of named points, each a mapping of keys to "
            f"values; got {got(written)}{hint}"
        )
    points = []
    for key in range(len(written)) if isinstance(written, list) else written:
        path: KeyPath = ("grid", name, key)
        place, value = document.value_place(path), written[key]
        if isinstance(written, list):
            changes: dict[str, KeyPath] = {name: path}
            text = value_text(value, shorts)
        elif isinstance(value, dict):
            changes = {inner: (*path, inner) for inner in value}
            text = value_text(str(key), shorts)
        else:
            raise _NoAxisError(
                f"the point `{key}` must be a mapping of keys to values, got {got(value)}; keys "
                f"are written with dots, for example `{name}.{key}: [1, 2]`"
            )
        overrides = tuple(_override(document, at, inner) for inner, at in changes.items())
        points.append(Point(text, overrides, place))
    return tuple(points)


def _override(document: Document, path: KeyPath, key: str) -> Override:
    """The value written at `path` of the grid's file, for the key `key` of a run."""
    value: Any = document.data
    for part in path:
        value = value[part]
    size = len(path)
    inner = {p[size:]: s for p, s in document.spots.items() if p[:size] == path and len(p) > size}
    # Of an axis it is the axis' key that names the run's key, wherever the value stands.
    holder = path[:-1] if isinstance(path[-1], int) else path
    spot = Spot(document.key_place(holder), document.value_place(path))
    return Override(key, value, spot, inner)


@dataclass(frozen=True)
class _Rebase:
    """Makes paths of plugin files, written relative to the grid's file, relative to the base."""

    grid: Path
    base: Path

    def axis(self, axis: Axis) -> Axis:
        points = [replace(p, overrides=self.all(p.overrides)) for p in axis.points]
        return replace(axis, points=tuple(points))

    def all(self, overrides: Any) -> tuple[Override, ...]:
        return tuple(map(self._one, overrides))

    def _one(self, override: Override) -> Override:
        if override.key.partition(".")[0] != "plugins" or self.grid == self.base:
            return override
        value = override.value
        moved = [self._path(v) for v in value] if isinstance(value, list) else self._path(value)
        return replace(override, value=moved)

    def _path(self, written: Any) -> Any:
        if not isinstance(written, str) or Path(written).expanduser().is_absolute():
            return written
        return Path(os.path.relpath(self.grid / written, self.base)).as_posix()
