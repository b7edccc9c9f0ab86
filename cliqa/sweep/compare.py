"""Is a finished run the one that a cell asks for?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import cliqa
from cliqa.data import find_split
from cliqa.errors import CliqaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa.sweep.folder import SweepFolder
    from cliqa.sweep.plan import Cell

__all__ = ["differences", "other_versions"]

_SHOWN: Final = 3
_ABSENT: Final = object()
#: Words about a run change nothing in it.
_WORDS: Final = "description"


def differences(folder: SweepFolder, cell: Cell) -> str:
    """What tells a cell's finished bundle from what the cell asks for; empty if nothing does.

    The whole resolved configuration must be equal, and so must the content of local plugin files:
    a method that was edited in between is another method.
    """
    bundle = folder.bundle(cell.name)
    try:
        written, plugins = bundle.run["config"], bundle.run["plugins"]
    except (CliqaError, KeyError) as error:
        return f"it cannot be read: {error}"
    wanted = json.loads(json.dumps(cell.config.published()))
    found = [
        f"{key} is {_shown(old)} there and {_shown(new)} here"
        for key, old, new in _unequal(written, wanted)
        if key != _WORDS
    ]
    found += _changed_files(cell, plugins)
    found += _changed_splits(cell, bundle.run.get("data", {}))
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return "; ".join([*found[:_SHOWN], *more])


def other_versions(folder: SweepFolder, cell: Cell) -> list[str]:
    """Distributions that had another version when a finished cell was run."""
    record = folder.bundle(cell.name).run
    before = {p["distribution"]: p["version"] for p in record["plugins"] if p["version"]}
    now = {p.distribution: p.version for p in cell.config.registry.plugins if p.version}
    before["cliqa"], now["cliqa"] = record["environment"]["cliqa"], cliqa.__version__
    return [
        f"{name} {before[name]}, now it is {version}"
        for name, version in now.items()
        if name in before and before[name] != version
    ]


def _changed_files(cell: Cell, plugins: list[dict[str, Any]]) -> list[str]:
    before = {p["name"]: p["sha256"] for p in plugins if p.get("sha256")}
    return [
        f"the plugin file of `{plugin.name}` was changed since"
        for plugin in cell.config.registry.plugins
        if plugin.sha256 is not None and before.get(plugin.name) != plugin.sha256
    ]


def _changed_splits(cell: Cell, data: dict[str, Any]) -> list[str]:
    """Tasks whose own division is another than that of the run."""
    found = []
    for task in cell.config.tasks:
        path = cell.config.split_path(task.label)
        before = data.get(task.label, {}).get("split", {}).get("files", [])
        now = [] if path is None else find_split(path[0], task.label, own=path[1]).digests()
        if [(file["name"], file["sha256"]) for file in before] != list(now):
            found.append(f"the split of `{task.label}` is another")
    return found


def _unequal(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Key path, old and new value of everything that differs."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            inner = f"{path}.{key}" if path else key
            yield from _unequal(old.get(key, _ABSENT), new.get(key, _ABSENT), inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for n, pair in enumerate(zip(old, new, strict=True)):
            yield from _unequal(*pair, f"{path}.{n}")
    elif type(old) is not type(new) or old != new:
        yield path, old, new


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return "absent"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
