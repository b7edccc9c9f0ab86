"""A component together with its kind and its owner, and how to make use of it."""

from __future__ import annotations

import importlib
import importlib.resources
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cliqa.errors import PluginError
from cliqa.registry.causes import cause_of
from cliqa.registry.component import FILES
from cliqa.registry.facts import DatasetFacts
from cliqa.registry.targets import import_target

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.resources.abc import Traversable

    from pydantic import BaseModel

    from cliqa.registry.component import Component
    from cliqa.registry.records import PluginRecord

__all__ = ["Clash", "Registered"]


@dataclass(frozen=True)
class Registered:
    """A component that a plugin announced.

    Attributes:
        component: the plugin's own record.
        kind: a key of `KINDS`.
        owner: the plugin that announced it.
        member: for a component reached through a family, the member's name; the family's config
            model receives it in its field `name`.
    """

    component: Component
    kind: str
    owner: PluginRecord
    member: str | None = None

    @property
    def name(self) -> str:
        """The name that users write."""
        return self.component.name if self.member is None else self.member

    @property
    def summary(self) -> str:
        """One line for listings."""
        return self.component.summary

    @property
    def reference(self) -> str:
        """The paper or address that defines it; may be empty."""
        return self.component.reference

    @property
    def is_family(self) -> bool:
        """Whether it stands for a whole family; only a member of one can be created."""
        return self.component.members is not None and self.member is None

    def __str__(self) -> str:
        return f"{self.kind} `{self.name}` of plugin {self.owner}"

    def config_model(self) -> type[BaseModel] | None:
        """The model that validates its settings; None when it has no settings.

        Raises:
            PluginError: the model cannot be imported, or is no pydantic model.
        """
        config = self.component.config
        if config is None:
            return None
        model = self._resolve("config model", config)
        from pydantic import BaseModel  # not at the top: listing must not pay for it

        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise self._fault("config model", config, f"is {model!r}, not a pydantic model class")
        return model

    def facts(self) -> DatasetFacts | None:
        """What a dataset's plugin tells of it; None if it tells nothing.

        Raises:
            PluginError: what it tells cannot be imported, or is something else.
        """
        written = self.component.facts
        found = self._resolve("facts", written)
        if found is not None and not isinstance(found, DatasetFacts):
            raise self._fault("facts", written, f"are {found!r}, not cliqa.DatasetFacts")
        return found

    def create(self, config: Any) -> Any:
        """Call the factory with the validated config.

        What the factory itself raises is passed on unchanged: a `CliqaError` is a message for the
        user, anything else a defect whose traceback is wanted.

        Raises:
            PluginError: the factory cannot be imported or called.
        """
        if self.is_family or self.kind in FILES:
            raise TypeError(f"{self} is looked up, never created")
        factory = self._resolve("factory", self.component.factory)
        if not callable(factory):
            raise self._fault("factory", self.component.factory, "is not callable")
        return factory(config)

    def family_members(self) -> frozenset[str]:
        """Every name the family answers to; this may import the library behind it.

        Raises:
            PluginError: the members cannot be listed.
        """
        members = self.component.members
        if members is None:
            return frozenset()
        listing: Callable[[], list[str]] = self._resolve("members", members)
        try:
            names = listing()
        except Exception as error:
            cause = cause_of(error, self.owner.module)
            raise self._fault("members", members, f"failed: {cause}") from error
        if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
            raise self._fault("members", members, "did not return a list of str")
        return frozenset(names)

    def file(self) -> Traversable:
        """The file of a component that is one: a recipe, a preset, ...

        Raises:
            PluginError: the plugin does not hold that file.
        """
        if self.kind not in FILES:
            raise TypeError(f"{self} is no file")
        target = str(self.component.factory)
        package, _, path = target.partition(":")
        try:
            found = _folder_of(package) / path
        except Exception as error:
            cause = cause_of(error, package)
            raise self._fault("file", target, f"cannot be found: {cause}") from error
        if not found.is_file():
            raise self._fault("file", target, f"does not exist (looked at {found})")
        return found

    def _resolve(self, what: str, target: Any) -> Any:
        if not isinstance(target, str):
            return target
        try:
            return import_target(target)
        except (Exception, SystemExit) as error:
            cause = cause_of(error, target.partition(":")[0])
            raise self._fault(what, target, f"cannot be imported: {cause}") from error

    def _fault(self, what: str, target: Any, fault: str) -> PluginError:
        written = f"`{target}`" if isinstance(target, str) else repr(target)
        return PluginError(f"{self} cannot be used: its {what} {written} {fault}")


def _folder_of(package: str) -> Traversable:
    module = importlib.import_module(package)
    if hasattr(module, "__path__"):
        return importlib.resources.files(package)
    # A plugin of one file is a module without a folder of its own: its files lie beside it.
    return Path(str(module.__file__)).parent


@dataclass(frozen=True)
class Clash:
    """Several plugins that announce one name within one kind; none of them wins."""

    kind: str
    name: str
    contenders: tuple[Registered, ...]

    def __str__(self) -> str:
        owners = " and ".join(str(contender.owner) for contender in self.contenders)
        return f"{self.kind} `{self.name}` is announced by {owners}"
