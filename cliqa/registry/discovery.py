"""Which plugins there are: entry points of installed distributions, and local files.

Nothing of a plugin is imported here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

from cliqa.registry.records import OWN_DISTRIBUTION, BrokenPlugin, PluginRecord
from cliqa.registry.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

__all__ = ["GROUP", "SELECTION_VARIABLE", "Candidate", "Installed", "find_installed"]

#: The entry point group of plugins.
GROUP: Final = "cliqa"
#: Environment variable: comma-separated names of the third-party plugins to load.
SELECTION_VARIABLE: Final = "CLIQA_PLUGINS"


@dataclass(frozen=True)
class Candidate:
    """A plugin that shall be loaded; `load` imports it and returns the object with the hooks."""

    record: PluginRecord
    load: Callable[[], Any]


@dataclass(frozen=True)
class Installed:
    """What the installed distributions offer.

    Attributes:
        candidates: what shall be loaded: cliqa's own first, then by name.
        broken: entry points that cannot even be tried.
        skipped: what the user chose not to load.
    """

    candidates: tuple[Candidate, ...]
    broken: tuple[BrokenPlugin, ...]
    skipped: tuple[PluginRecord, ...]


@dataclass(frozen=True)
class _Entry:
    record: PluginRecord
    point: metadata.EntryPoint

    @property
    def order(self) -> tuple[bool, str, str]:
        return (not self.record.own, self.record.name, self.record.source)


def find_installed(*, third_party: bool, only: Collection[str] | None) -> Installed:
    """Find the entry points of all distributions and choose among them.

    Args:
        third_party: whether plugins of other distributions than cliqa's own are wanted at all.
        only: names of the third-party entry points wanted; None: all of them.
    """
    entries, broken = _entries()
    wanted: list[_Entry] = []
    skipped: list[_Entry] = []
    for entry in entries:
        chosen = third_party and (only is None or entry.record.name in only)
        (wanted if entry.record.own or chosen else skipped).append(entry)
    candidates, doubled = _unambiguous(wanted)
    missing = _missing(only or (), [entry.record.name for entry in entries]) if third_party else []
    return Installed(
        tuple(Candidate(e.record, partial(_load, e.point)) for e in candidates),
        (*broken, *doubled, *missing),
        tuple(e.record for e in skipped),
    )


def _load(point: metadata.EntryPoint) -> Any:
    return point.load()


def _entries() -> tuple[list[_Entry], list[BrokenPlugin]]:
    entries: dict[tuple[str | None, str, str], _Entry] = {}
    broken = []
    for distribution in _distributions():
        name, version = distribution.metadata["Name"], distribution.version
        try:
            points = distribution.entry_points.select(group=GROUP)
        except Exception as error:  # one damaged file of metadata must not hide other plugins
            cause = f"its entry_points.txt cannot be read: {type(error).__name__}: {error}"
            source = f"{name} {version}"
            broken.append(BrokenPlugin(name=name, distribution=name, source=source, cause=cause))
            continue
        for point in points:
            record = PluginRecord(
                name=point.name,
                module=point.value.partition(":")[0],
                distribution=name,
                version=version,
                own=_normalized(name) == OWN_DISTRIBUTION,
            )
            entries[name, point.name, point.value] = _Entry(record, point)
    return sorted(entries.values(), key=lambda entry: entry.order), broken


def _distributions() -> Iterator[metadata.Distribution]:
    """Every distribution with our group, once: the first on `sys.path` hides others of its name."""
    seen = set()
    for distribution in metadata.distributions():
        # Most distributions have no plugin for us: read the small file, not the whole metadata.
        if f"[{GROUP}]" not in (distribution.read_text("entry_points.txt") or ""):
            continue
        name = distribution.metadata["Name"]
        if name and _normalized(name) not in seen:
            seen.add(_normalized(name))
            yield metadata.distribution(name)


def _normalized(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _unambiguous(entries: Iterable[_Entry]) -> tuple[list[_Entry], list[BrokenPlugin]]:
    """Separate the entry points whose name only one distribution uses.

    Of two third parties neither is loaded: whichever were, the order of installation would decide.
    """
    named: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in entries:
        named[entry.record.name].append(entry)
    chosen, broken = [], []
    for same in named.values():
        own = [entry for entry in same if entry.record.own]
        winners = same if len(same) == 1 else own if len(own) == 1 else []
        chosen += winners
        broken += [_doubled(entry, same) for entry in same if entry not in winners]
    return chosen, broken


def _doubled(entry: _Entry, same: list[_Entry]) -> BrokenPlugin:
    sources = " and ".join(f"{e.record.source} (`{e.point.value}`)" for e in same)
    return BrokenPlugin(
        name=entry.record.name,
        distribution=entry.record.distribution,
        source=entry.record.source,
        cause=f"entry point `{entry.record.name}` is registered by {sources}, and names must be "
        "unique; uninstall one of them, or have one renamed",
    )


def _missing(only: Collection[str], installed: list[str]) -> list[BrokenPlugin]:
    return [
        BrokenPlugin(
            name=name,
            cause=f"asked for by {SELECTION_VARIABLE} or `only`, but no installed distribution has "
            f"an entry point of that name in group `{GROUP}`.{did_you_mean(name, installed)}",
        )
        for name in sorted(set(only) - set(installed))
    ]
