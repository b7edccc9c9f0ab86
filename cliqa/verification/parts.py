"""What the configuration of a bundle names, looked up among the plugins of this machine.

Nothing of a bundle is run: its local plugin files are not even part of it. A text that a stranger
wrote could name any file or address, so a component with such a setting is not made here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from cliqa.config.models import Ref, RunConfig
from cliqa.config.resolve import Resolver
from cliqa.config.roles import ROLES, as_mapping
from cliqa.errors import PluginError, UnknownComponentError
from cliqa.results.layout import CONFIG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cliqa.config.resolved import Resolved
    from cliqa.config.yaml_source import Document
    from cliqa.registry import Registry
    from cliqa.verification.verdict import Faults

__all__ = ["Parts", "harmless", "moved", "resolve_parts", "stray_texts"]

#: Settings that say where a dataset lies; `--data` replaces them.
_PLACES: Final = ("root", "data")
#: Settings that would have it downloaded; `--data` empties them.
_SOURCES: Final = ("hub", "repository", "revision", "files")


@dataclass
class Parts:
    """A configuration, as far as it is known here.

    Attributes:
        run: everything that is not a component.
        known: key of a role, such as `tasks` -> its components; None for one that is unknown here.
        names: the same with the label of each.
    """

    run: RunConfig
    known: dict[str, list[Resolved | None]] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)

    def by_label(self, key: str) -> dict[str, Resolved | None]:
        """Label -> component of a role."""
        return dict(zip(self.names[key], self.known[key], strict=True))

    def unknown(self) -> list[str]:
        """Labels of components that no plugin here offers."""
        return [
            label
            for key, found in self.known.items()
            for label, part in zip(self.names[key], found, strict=True)
            if part is None
        ]


def resolve_parts(document: Document, registry: Registry, faults: Faults) -> Parts | None:
    """Look up what a configuration names; None, and faults, if it is none."""
    try:
        run = RunConfig.model_validate(document.data)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False)[:20]:
            faults.add(CONFIG, ".".join(map(str, fault["loc"])), fault["msg"])
        return None
    parts = Parts(run)
    resolver = Resolver(document, registry)
    for role in ROLES:
        holder: Any = document.data
        for key in role.path:
            holder = holder.get(key) if isinstance(holder, dict) else None
        items = [] if holder is None else holder if role.many else [holder]
        labels, known = parts.names.setdefault(role.key, []), parts.known.setdefault(role.key, [])
        for place, written in enumerate(items):
            ref = Ref.model_validate(as_mapping(written))
            labels.append(ref.label or ref.name)
            path = (*role.path, place) if role.many else role.path
            known.append(_known(resolver, registry, role, path, written, ref.name))
    resolver.refuse_equal_labels()
    faults.some(CONFIG, "", [str(fault) for fault in resolver.faults])
    return parts


def _known(
    resolver: Resolver, registry: Registry, role: Any, path: Any, written: Any, name: str
) -> Resolved | None:
    try:
        owner = registry.get(role.kind, name).owner
    except (UnknownComponentError, PluginError):
        return None
    return None if owner.file is not None else resolver.resolve(role, path, written)


def stray_texts(config: BaseModel | None) -> dict[str, Any]:
    """Settings whose text a stranger could have chosen freely."""
    if config is None:
        return {}
    values = {name: getattr(config, name) for name in type(config).model_fields}
    return {
        name: value
        for name, value in values.items()
        if not _closed(value, _choices(type(config).model_fields[name].annotation))
    }


def _choices(annotation: Any) -> set[Any]:
    """The values of every `Literal` in an annotation."""
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    return {choice for part in get_args(annotation) for choice in _choices(part)}


def _closed(value: Any, choices: set[Any]) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return all(_closed(item, choices) for item in value)
    return value is None or isinstance(value, bool | int | float) or value in choices


def harmless(resolved: Resolved) -> bool:
    """Whether making the component can open no file and no address that a stranger chose."""
    strays = stray_texts(resolved.config)
    strays.pop("name", None)
    return all(
        isinstance(text, str)
        and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", text)
        and not Path(text).exists()
        for text in strays.values()
    )


def moved(resolved: Resolved, places: Mapping[str, Path]) -> Resolved:
    """The dataset at the place that the user of this machine names by label or component."""
    place = places.get(resolved.label) or places.get(resolved.name)
    if place is None or resolved.config is None:
        return resolved
    fields = type(resolved.config).model_fields
    change: dict[str, Any] = {name: None for name in _SOURCES if name in fields}
    change |= {name: str(place) for name in _PLACES if name in fields}
    if "source" in fields:
        change["source"] = "folder"
    return replace(resolved, config=resolved.config.model_copy(update=change))
