"""One component with its settings, as a command's arguments name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliqa.config.faults import Place, raise_faults
from cliqa.config.overrides import apply_overrides
from cliqa.config.resolve import Resolver
from cliqa.config.roles import Role
from cliqa.config.yaml_source import Document, Spot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.config.resolved import Resolved
    from cliqa.registry import Registry

__all__ = ["load_component"]


def load_component(
    kind: str, name: str, *, command: str, overrides: Sequence[str] = (), registry: Registry
) -> Resolved:
    """Look up a component and validate its settings.

    Args:
        kind: its kind.
        name: its name.
        command: what messages begin with.
        overrides: `KEY=VALUE` each, the keys being the component's own settings.
        registry: what the plugins offer.

    Raises:
        ConfigError: every mistake in the settings.
        UnknownComponentError: there is no such component.
        PluginError: its plugin is broken.
    """
    registry.get(kind, name)  # a message of its own, instead of one among the faults of settings
    place = Place(f"{command} {name}")
    written = Document({"name": name}, {(): Spot(place, place)}, place.origin)
    document = apply_overrides(written, overrides)
    resolver = Resolver(document, registry)
    found = resolver.resolve(Role((), kind, many=False, group=kind), (), document.data)
    raise_faults(resolver.faults, place.origin)
    assert found is not None  # noqa: S101 (without it there are faults)
    return found
