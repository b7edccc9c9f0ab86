"""Checks of a plugin as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cliqa.registry.static import faults
from cliqa.testing.checks import Check, api, fail, require, skip
from cliqa.testing.fresh import HEAVY, ask
from cliqa.testing.words import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cliqa.testing.subject import PluginSubject


def checks() -> Iterator[Check]:
    """The checks, in the order in which they are made."""
    yield api(importing_is_light)
    yield api(targets_exist)
    yield api(names_are_free)


def importing_is_light(subject: PluginSubject) -> None:
    """Importing the plugin and its settings in a fresh process loads no torch nor the like."""
    if subject.owner.module.startswith("cliqa_local"):
        skip("a plugin of one file is loaded by the runs that name it, not by every listing")
    loaded: dict[str, list[str]] = ask("imports", subject.owner)
    if loaded:
        first = min(loaded, key=HEAVY.index)
        place = _own_line(loaded[first], subject)
        fail(
            f"importing it loads {listed(loaded)}; `{first}` is asked for at {place}. Every "
            "`cliqa list` would pay for that: import it inside the function that needs it, or name "
            'the factory as "module:attribute" of a module of its own'
        )


def _own_line(lines: Sequence[str], subject: PluginSubject) -> str:
    """The innermost line that is the plugin's."""
    folder = subject.owner.module.partition(".")[0]
    for line in lines:
        path = Path(line.rpartition(":")[0])
        if path == subject.owner.file or folder in path.parts:
            return line
    return lines[0]


def targets_exist(subject: PluginSubject) -> None:
    """Every `"module:attribute"` and every file that the plugin names is there."""
    found = [fault for component in subject.components for fault in faults(component)]
    require(not found, "; ".join(found))


def names_are_free(subject: PluginSubject) -> None:
    """No other plugin announces a component of the same kind and name."""
    clashes = [
        clash
        for clash in subject.registry.clashes
        if any(c.owner == subject.owner for c in clash.contenders)
    ]
    require(
        not clashes,
        f"{'; '.join(map(str, clashes))}: neither can be used. Rename yours, for example after "
        "your distribution",
    )
