"""What a sweep consists of: every cell's name and configuration, checked before any is run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, Final

from cliqa.config.faults import Fault, FaultsError, Place, raise_faults
from cliqa.config.resolve import resolve_document
from cliqa.errors import ConfigError
from cliqa.sweep.grid import read_grid
from cliqa.sweep.names import cell_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from cliqa.config import ResolvedConfig
    from cliqa.config.overrides import Override
    from cliqa.config.source import RegistryFactory
    from cliqa.registry import Registry
    from cliqa.sweep.grid import Axis, Grid, Point

__all__ = ["LARGEST", "Cell", "Plan", "plan_sweep", "remembered"]

#: More runs than this are a slip of the pen: at one minute each they take a week.
LARGEST: Final = 10_000
_NAMED: Final = 3


@dataclass(frozen=True)
class Cell:
    """One run of a sweep.

    Attributes:
        name: its folder inside the sweep, unique and stable.
        points: axis -> what names and tables call the cell's place on it.
        changes: key -> value: what its points change in the configuration.
        config: the whole configuration, checked.
    """

    name: str
    points: Mapping[str, str]
    changes: Mapping[str, Any]
    config: ResolvedConfig


@dataclass(frozen=True)
class Plan:
    """A sweep that can start.

    Attributes:
        name: the recipe's name, or the stem of the grid's file.
        description: one line.
        text: the text of the grid's file.
        overrides: what `--set` changed in all cells.
        axes: the axes in the order written.
        cells: all cells, the last axis varying fastest.
    """

    name: str
    description: str
    text: str
    overrides: tuple[str, ...]
    axes: tuple[Axis, ...]
    cells: tuple[Cell, ...]


def plan_sweep(
    source: str | Path, *, overrides: Sequence[str] = (), registry_factory: RegistryFactory
) -> Plan:
    """Read a grid and resolve the configuration of every cell.

    Args:
        source: a .yaml file, or the name of a shipped recipe that is a grid.
        overrides: `KEY.PATH=VALUE` each, applied to every cell after its own changes.
        registry_factory: as for `load_config`.

    Raises:
        ConfigError: every mistake in the grid, its base and its cells, each once, with the cells
            it concerns.
        PluginError: the registry itself cannot be built.
    """
    registries = remembered(registry_factory)
    grid = read_grid(source, registries)
    _check_size(grid)
    shown = grid.source.shown
    raise_faults(_overwritten(grid, overrides), shown)
    cells = [_Draft(grid.axes, points) for points in product(*(axis.points for axis in grid.axes))]
    faults = _Faults(len(cells))
    for cell in cells:
        changes: list[str | Override] = [*grid.common, *cell.overrides, *overrides]
        try:
            cell.config = resolve_document(grid.base, grid.base_source, changes, registries)
        except FaultsError as error:
            faults.add(error.faults, cell.name)
    raise_faults(faults.gathered(), shown)
    for fault, cell in (*_equal_names(cells), *_equal_runs(cells)):
        faults.add([fault], cell.name)
    raise_faults(faults.gathered(), shown)
    return Plan(
        name=grid.source.name,
        description=grid.description,
        text=grid.text,
        overrides=tuple(overrides),
        axes=grid.axes,
        cells=tuple(cell.finished() for cell in cells),
    )


class _Draft:
    """A cell whose configuration is not resolved yet."""

    def __init__(self, axes: Sequence[Axis], points: Sequence[Point]) -> None:
        self.axes, self.points = axes, points
        parts = [(axis.short, point.text) for axis, point in zip(axes, points, strict=True)]
        self.name = cell_name(parts)
        self.config: ResolvedConfig | None = None

    @property
    def overrides(self) -> list[Override]:
        return [override for point in self.points for override in point.overrides]

    def finished(self) -> Cell:
        assert self.config is not None  # noqa: S101 (without it there are faults)
        names = [axis.name for axis in self.axes]
        texts = [point.text for point in self.points]
        changes = {override.key: override.value for override in self.overrides}
        return Cell(self.name, dict(zip(names, texts, strict=True)), changes, self.config)

    def differs(self, other: _Draft) -> list[tuple[Axis, Point, Point]]:
        pairs = zip(self.axes, self.points, other.points, strict=True)
        return [(axis, own, their) for axis, own, their in pairs if own is not their]


class _Faults:
    """Faults of many cells, each once, with the cells that have it."""

    def __init__(self, cells: int) -> None:
        self._count = cells
        self._found: dict[Fault, list[str]] = {}

    def add(self, faults: Iterable[Fault], cell: str) -> None:
        for fault in faults:
            self._found.setdefault(fault, []).append(cell)

    def gathered(self) -> list[Fault]:
        return [
            Fault(fault.place, fault.path, self._told(fault.text, cells))
            for fault, cells in self._found.items()
        ]

    def _told(self, text: str, cells: Sequence[str]) -> str:
        first, line_end, rest = text.partition("\n")
        return f"{first}{self._where(cells)}{line_end}{rest}"

    def _where(self, cells: Sequence[str]) -> str:
        if len(cells) == self._count:
            return ""
        names = ", ".join(cells[:_NAMED])
        if len(cells) == 1:
            return f" (cell {names})"
        more = ", ..." if len(cells) > _NAMED else ""
        return f" ({len(cells)} of {self._count} cells: {names}{more})"


def remembered(factory: RegistryFactory) -> Callable[[list[Path]], Registry]:
    """A factory that loads each choice of local plugin files once, not once a cell."""
    known: dict[tuple[Path, ...], Registry] = {}

    def get(files: list[Path]) -> Registry:
        if tuple(files) not in known:
            known[tuple(files)] = factory(files)
        return known[tuple(files)]

    return get


def _check_size(grid: Grid) -> None:
    sizes = [len(axis.points) for axis in grid.axes]
    if prod(sizes) > LARGEST:
        factors = " x ".join(f"{a.name} {n}" for a, n in zip(grid.axes, sizes, strict=True))
        raise ConfigError(
            f"{grid.document.key_place(('grid',))}: grid: {prod(sizes):,} runs ({factors}); a "
            f"sweep has at most {LARGEST:,}: shorten an axis, or make several grids of it"
        )


def _overwritten(grid: Grid, overrides: Sequence[str]) -> Iterator[Fault]:
    """Changes that a later one wipes out in every cell: the grid would not do what it says."""
    earlier = {o.key: f"what `set` says of `{o.key}`" for o in grid.common}
    for axis in grid.axes:
        own = {o.key: o.spot.key for point in axis.points for o in point.overrides}
        for key, place in own.items():
            for old, what in earlier.items():
                if _covers(key, old):
                    text = f"the axis overwrites {what}; put one of the two away"
                    yield Fault(place, ("grid", axis.name), text)
        earlier |= {key: f"what the axis `{axis.name}` says of `{key}`" for key in own}
    axes = {o.key: a.name for a in grid.axes for p in a.points for o in p.overrides}
    for override in overrides:
        key, equals, _ = override.partition("=")
        if not equals:
            continue  # reported where overrides are read
        key = key.strip()
        name = next((name for axis_key, name in axes.items() if _covers(key, axis_key)), None)
        if name is not None:
            text = f"`{name}` is an axis of the grid, so it cannot have one value in all cells"
            yield Fault(Place(f"--set {override}"), (), text)


def _covers(later: str, earlier: str) -> bool:
    """Whether writing the key `later` replaces all that was written at the key `earlier`."""
    new, old = later.split("."), earlier.split(".")
    pairs = zip(new, old, strict=False)
    return len(new) <= len(old) and all(n in (o, "*") for n, o in pairs)


def _equal_names(cells: Sequence[_Draft]) -> Iterator[tuple[Fault, _Draft]]:
    first: dict[str, _Draft] = {}
    for cell in cells:
        other = first.setdefault(cell.name.casefold(), cell)
        if other is cell or _is_repeated(cell, other):
            continue
        axis, own, their = cell.differs(other)[0]
        yield (
            Fault(
                own.place,
                ("grid", axis.name),
                f"`{own.text}` and `{their.text}` (at {their.place}) would name the same folder; "
                "give one of them a name: a component its own `as`, other values a mapping of "
                "named points",
            ),
            cell,
        )


def _is_repeated(cell: _Draft, other: _Draft) -> bool:
    """Whether the two are the same run, which `_equal_runs` reports better."""
    return cell.config is not None and cell.config == other.config


def _equal_runs(cells: Sequence[_Draft]) -> Iterator[tuple[Fault, _Draft]]:
    first: dict[str, _Draft] = {}
    for cell in cells:
        assert cell.config is not None  # noqa: S101 (faults were raised before)
        other = first.setdefault(json.dumps(cell.config.dump(), sort_keys=True), cell)
        if other is cell:
            continue
        differing = cell.differs(other)
        axis, own, their = differing[0]
        text = f"`{own.text}` gives the same run as `{their.text}` (at {their.place})"
        if len(differing) > 1:
            text = f"the cell gives the same run as cell {other.name}"
        yield Fault(own.place, ("grid", axis.name), f"{text}; leave one of the two out"), cell
