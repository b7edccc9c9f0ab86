"""Loading of plugins, each on its own: what one does wrong never touches another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

from cliqa.registry import hookspecs
from cliqa.registry.api import check_api
from cliqa.registry.causes import cause_of
from cliqa.registry.component import KINDS
from cliqa.registry.contract import check_components, implementations
from cliqa.registry.records import BrokenPlugin, FaultyPluginError, PluginRecord
from cliqa.registry.registered import Registered

if TYPE_CHECKING:
    from collections.abc import Callable

    from cliqa.registry.discovery import Candidate

__all__ = ["Loader"]


class Loader:
    """Loads candidates one after the other and keeps what came of each.

    A plugin is loaded whole or not at all: if one of its hooks is at fault, none of its
    components can be chosen and none of its observers is called.

    Attributes:
        manager: pluggy's manager; the loaded plugins are registered there.
        plugins: the plugins that loaded, in order.
        broken: those that did not.
        registered: the components of all loaded plugins.
    """

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self.plugins: list[PluginRecord] = []
        self.broken: list[BrokenPlugin] = []
        self.registered: list[Registered] = []

    def load(self, candidate: Candidate) -> None:
        """Import a candidate, check it, and register it or record why it is broken."""
        record = candidate.record
        try:
            plugin = _run(candidate.load, record)
            check_api(plugin)
            registered = self._components(plugin, record)
            self._register(plugin, record)
        except FaultyPluginError as fault:
            self.broken.append(
                BrokenPlugin(
                    name=record.name,
                    distribution=record.distribution,
                    source=record.source,
                    cause=str(fault),
                )
            )
            return
        self.plugins.append(record)
        self.registered += registered

    def _components(self, plugin: object, record: PluginRecord) -> list[Registered]:
        kinds = {f"cliqa_{plural}": kind for kind, (plural, _) in KINDS.items()}
        registered = []
        for implementation in implementations(self.manager, plugin, record.module):
            kind = kinds.get(implementation.hook)
            if kind is None:  # it observes runs
                continue
            # Called one by one and not through pluggy, which would lose whose component it is.
            returned = _run(implementation.function, record)
            registered += [
                Registered(component, kind, record)
                for component in check_components(kind, implementation.hook, returned)
            ]
        return registered

    def _register(self, plugin: object, record: PluginRecord) -> None:
        if self.manager.is_registered(plugin):
            raise FaultyPluginError(
                f"`{record.module}` is loaded already, as plugin `{self.manager.get_name(plugin)}`"
            )
        name = record.name if record.file is None else record.module
        try:
            self.manager.register(plugin, name)
        except Exception as error:  # what else pluggy refuses, for example a wrapper's form
            raise FaultyPluginError(cause_of(error, record.module)) from error


def _run(function: Callable[[], Any], record: PluginRecord) -> Any:
    """Run code of a plugin."""
    try:
        return function()
    except (Exception, SystemExit) as error:
        raise FaultyPluginError(cause_of(error, record.module)) from error
