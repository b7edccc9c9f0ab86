"""What `cliqa check` is asked to look at, found in the registry."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from cliqa.errors import ConfigError, PluginError
from cliqa.registry import KINDS, PluginRecord, Registered, Registry, did_you_mean
from cliqa.registry.discovery import Candidate
from cliqa.registry.loading import Loader
from cliqa.testing.subject import PluginSubject, Subject

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["Subjects", "Target", "find_subjects"]

#: A plugin's name, its distribution's, `KIND:NAME`, a `.py` file, or a module with hooks.
Target = str | Path | ModuleType
Subjects = list[PluginSubject | Subject]


def find_subjects(
    target: Target,
    settings: Mapping[str, Mapping[str, Any]],
    registry: Registry | None = None,
) -> Subjects:
    """The plugin and its components, or the one component, that a target names.

    Args:
        target: see `Target`.
        settings: `KIND:NAME` -> settings, over those of `Component.checks`.
        registry: where to look for names; default: all installed plugins.

    Raises:
        ConfigError: nothing has that name.
        PluginError: the plugin cannot be loaded.
    """
    if isinstance(target, ModuleType):
        registry = _with_module(target)
        return _whole(registry.plugins[-1], registry, settings)
    if str(target).endswith(".py"):
        registry = Registry.discover(local_files=[Path(target)])
        return _whole(_local(registry, Path(target)), registry, settings)
    registry = registry or Registry.discover()
    kind, colon, name = str(target).partition(":")
    if colon:
        if kind not in KINDS:
            raise ConfigError(
                f"`{target}`: there is no kind of component `{kind}`."
                f"{did_you_mean(kind, KINDS) or ' The kinds are ' + ', '.join(KINDS) + '.'}"
            )
        families = {c.name: c for c in registry.components(kind) if c.is_family}
        found = families.get(name) or registry.get(kind, name)
        return list(_subjects(found, registry, settings))
    return [
        s for owner in _owners(str(target), registry) for s in _whole(owner, registry, settings)
    ]


def _with_module(module: ModuleType) -> Registry:
    file = getattr(module, "__file__", None)
    record = PluginRecord(
        name=module.__name__, module=module.__name__, file=Path(file) if file else None
    )
    loader = Loader()
    loader.load(Candidate(record, lambda: module))
    if loader.broken:
        raise PluginError(f"plugin {loader.broken[0]}")
    return Registry(loader)


def _local(registry: Registry, file: Path) -> PluginRecord:
    for record in registry.plugins:
        if record.file == file.resolve():
            return record
    for broken in registry.broken:
        if broken.source == str(file.resolve()):
            raise PluginError(f"plugin {broken}")
    raise PluginError(f"{file} was not loaded")


def _owners(name: str, registry: Registry) -> list[PluginRecord]:
    for broken in registry.broken:
        if name in (broken.name, broken.distribution):
            raise PluginError(f"plugin {broken}")
    owners = [p for p in registry.plugins if name in (p.name, p.distribution)]
    if not owners:
        names = [p.name for p in registry.plugins]
        components = [f"{k}:{c.name}" for k in KINDS for c in registry.components(k)]
        near = did_you_mean(name, names)
        same = [c for c in components if c.partition(":")[2] == name]
        if not near and same:
            near = f" Did you mean `{'` or `'.join(same)}`?"
        raise ConfigError(
            f"no plugin is called `{name}`.{near} Expected a plugin's name "
            f"({', '.join(sorted(names))}), a component as KIND:NAME (for example "
            "`strategy:ewc`), or the path of a `.py` file"
        )
    return owners


def _whole(
    owner: PluginRecord, registry: Registry, settings: Mapping[str, Mapping[str, Any]]
) -> Subjects:
    clashing = [c for clash in registry.clashes for c in clash.contenders]
    usable = [c for kind in KINDS for c in registry.components(kind)]
    own = tuple(c for c in (*usable, *clashing) if c.owner == owner)
    found: Subjects = [PluginSubject(owner, registry, own)]
    for registered in own:
        found += _subjects(registered, registry, settings)
    return found


def _subjects(
    registered: Registered, registry: Registry, settings: Mapping[str, Mapping[str, Any]]
) -> Subjects:
    options = registered.component.checks
    given = dict(options.settings) if options else {}
    found: Subjects = []
    if not registered.is_family or not (options and options.members):
        found.append(_one(registered, registry, given, settings))
    elif options:
        members = (registry.get(registered.kind, name) for name in options.members)
        found += [_one(member, registry, given, settings) for member in members]
    return found


def _one(
    registered: Registered,
    registry: Registry,
    given: Mapping[str, Any],
    settings: Mapping[str, Mapping[str, Any]],
) -> Subject:
    over = settings.get(f"{registered.kind}:{registered.name}", {})
    return Subject(registered, registry, {**given, **over})
