"""The registry: every component that the plugins offer, by kind and name."""

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING

from cliqa.errors import PluginError, UnknownComponentError
from cliqa.registry.component import KINDS
from cliqa.registry.discovery import SELECTION_VARIABLE, find_installed
from cliqa.registry.loading import Loader
from cliqa.registry.local import local_candidate
from cliqa.registry.registered import Clash, Registered
from cliqa.registry.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    import pluggy

    from cliqa.registry.records import BrokenPlugin, PluginRecord

__all__ = ["Registry"]


class Registry:
    """What the plugins offer. Make one with `Registry.discover`; it never changes afterwards.

    Attributes:
        plugins: the plugins that loaded: cliqa's own, other distributions', then local files.
        broken: the plugins that did not load, each with its cause.
        clashes: names that several plugins announce within one kind; none of them can be used.
        skipped: installed plugins that the user chose not to load.
    """

    def __init__(self, loader: Loader, skipped: Iterable[PluginRecord] = ()) -> None:
        self._manager = loader.manager
        self.plugins: tuple[PluginRecord, ...] = tuple(loader.plugins)
        self.broken: tuple[BrokenPlugin, ...] = tuple(loader.broken)
        self.skipped: tuple[PluginRecord, ...] = tuple(skipped)
        named: defaultdict[tuple[str, str], list[Registered]] = defaultdict(list)
        for registered in loader.registered:
            named[registered.kind, registered.name].append(registered)
        self.clashes: tuple[Clash, ...] = tuple(
            Clash(kind, name, tuple(same)) for (kind, name), same in named.items() if len(same) > 1
        )
        self._usable = {key: same[0] for key, same in named.items() if len(same) == 1}
        self._members: dict[str, frozenset[str]] = {}

    @classmethod
    def discover(
        cls,
        *,
        third_party: bool = True,
        only: Collection[str] | None = None,
        local_files: Sequence[Path] = (),
        strict: bool = False,
    ) -> Registry:
        """Load the plugins; a broken one is recorded and never stops the others.

        Args:
            third_party: False loads cliqa's own distribution and nothing else, no local file
                either.
            only: names of the third-party entry points to load; None: those in the environment
                variable `CLIQA_PLUGINS` (comma-separated; empty: none), or all when it is unset.
                cliqa's own plugins and local files are loaded in any case.
            local_files: plugin files of the configuration.
            strict: refuse to go on with a broken plugin or a clash of names.

        Raises:
            ConfigError: a local file does not exist, or is no Python file.
            PluginError: `strict`, and something is broken or clashes.
        """
        installed = find_installed(
            third_party=third_party, only=_from_environment() if only is None else only
        )
        # By resolved path: one file may be named by a configuration and by an option.
        local = {c.record.file: c for c in map(local_candidate, local_files)}.values()
        loader = Loader()
        loader.broken += installed.broken
        for candidate in [*installed.candidates, *(local if third_party else ())]:
            loader.load(candidate)
        unwanted = () if third_party else (candidate.record for candidate in local)
        registry = cls(loader, (*installed.skipped, *unwanted))
        if strict:
            registry._refuse_faults()
        return registry

    @property
    def hook(self) -> pluggy.HookRelay:
        """Calls the observers, for example `registry.hook.cliqa_run_start(run=record)`."""
        return self._manager.hook

    def components(self, kind: str) -> tuple[Registered, ...]:
        """The components of a kind, by name; families are one entry each, clashes are left out."""
        _check(kind)
        found = (registered for (k, _), registered in self._usable.items() if k == kind)
        return tuple(sorted(found, key=lambda registered: registered.name))

    def get(self, kind: str, name: str) -> Registered:
        """The component of that name; if none has it exactly, the family that has such a member.

        Raises:
            UnknownComponentError: there is none.
            PluginError: several plugins announce it.
        """
        _check(kind)
        found = self._usable.get((kind, name))
        if found is not None and not found.is_family:
            return found
        for clash in self.clashes:
            if (clash.kind, clash.name) == (kind, name):
                raise PluginError(_clash_text(clash))
        return self._from_family(kind, name)

    def members(self, family: Registered) -> frozenset[str]:
        """The names a family answers to, asked for once; this may import the library behind it.

        Raises:
            PluginError: the members cannot be listed.
        """
        key = f"{family.kind} {family.component.name}"
        if key not in self._members:
            self._members[key] = family.family_members()
        return self._members[key]

    def report_broken(self, write: Callable[[str], None]) -> None:
        """Write one line for each broken plugin."""
        for broken in self.broken:
            write(f"plugin {broken}")

    def _from_family(self, kind: str, name: str) -> Registered:
        families = [r for r in self.components(kind) if r.is_family]
        members: set[str] = set()
        faults: list[str] = []
        found: list[Registered] = []
        for family in families:
            try:
                names = self.members(family)
            except PluginError as error:
                faults.append(str(error))
                continue
            members |= names
            if name in names:
                found.append(Registered(family.component, kind, family.owner, member=name))
        if len(found) > 1:
            raise PluginError(_clash_text(Clash(kind, name, tuple(found))))
        if not found:
            raise UnknownComponentError(self._unknown(kind, name, members, faults))
        return found[0]

    def _unknown(self, kind: str, name: str, members: set[str], faults: list[str]) -> str:
        plural = KINDS[kind][0]
        known = self.components(kind)
        if any(r.name == name for r in known):
            start = f"`{name}` is a family of {plural}: write the name of one of its members"
            return f"{start}; `cliqa list {plural} '*'` prints them"
        usable = [r.name for r in known if not r.is_family]
        lines = [f"unknown {kind} `{name}`.{did_you_mean(name, [*usable, *sorted(members)])}"]
        lines += _listed(f"known {plural}:", [_known(r) for r in known] or ["none"])
        lines += _listed("families whose members cannot be listed:", faults)
        lines += _listed("broken plugins, which may have offered it:", map(str, self.broken))
        lines += _listed(
            f"plugins not loaded because of --no-plugins or {SELECTION_VARIABLE}:",
            map(str, self.skipped),
        )
        return "\n".join(lines)

    def _refuse_faults(self) -> None:
        faults = [f"plugin {broken}" for broken in self.broken] + [str(c) for c in self.clashes]
        if faults:
            raise PluginError("\n".join(["plugins are at fault (strict mode):", *_indent(faults)]))


def _from_environment() -> list[str] | None:
    value = os.environ.get(SELECTION_VARIABLE)
    if value is None:
        return None
    return [name for part in value.split(",") if (name := part.strip())]


def _check(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is no kind of component; the kinds are {', '.join(KINDS)}")


def _known(registered: Registered) -> str:
    family = f", a family: {registered.summary}" if registered.is_family else ""
    return f"{registered.name} (plugin {registered.owner}{family})"


def _listed(title: str, lines: Iterable[str]) -> list[str]:
    indented = _indent(lines)
    return [title, *indented] if indented else []


def _indent(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _clash_text(clash: Clash) -> str:
    return (
        f"{clash}; names must be unique within a kind. Rename one of them, or leave its plugin "
        f"out with `cliqa --no-plugins` or {SELECTION_VARIABLE}"
    )
