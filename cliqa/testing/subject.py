"""A component under examination, and what checks of it share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from cliqa.errors import (
    ConfigError,
    DataError,
    MissingPackageError,
    MissingWeightsError,
    PluginError,
)
from cliqa.registry.component import FILES
from cliqa.testing.checks import CheckSkipped, fail, is_not_reached, not_reached, skip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel

    from cliqa.registry import PluginRecord, Registered, Registry

__all__ = ["PluginSubject", "Subject"]

T = TypeVar("T")


@dataclass
class Subject:
    """One component.

    Attributes:
        registered: the registry's record of it.
        registry: where it was found.
        settings: with which it is checked, before validation.
    """

    registered: Registered
    registry: Registry
    settings: Mapping[str, Any] = field(default_factory=dict)
    _made: dict[object, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return f"{self.registered.kind}:{self.registered.name}"

    @property
    def kind(self) -> str:
        """Its kind."""
        return self.registered.kind

    @property
    def owner(self) -> PluginRecord:
        """Its plugin."""
        return self.registered.owner

    def once(self, key: object, make: Callable[[], T]) -> T:
        """What `make` gave the first time, shared by all checks; a failure is shared, too."""
        if key not in self._made:
            try:
                self._made[key] = (True, make())
            except Exception as error:
                self._made[key] = (False, error)
        done, found = self._made[key]
        if not done:
            raise found
        value: T = found
        return value

    def config(self) -> BaseModel | None:
        """Its validated settings.

        Raises:
            CheckSkipped: it has settings without default, and none were given.
            ConfigError: what was given is wrong.
        """
        model = None if self.kind in FILES else self.registered.config_model()
        if model is None:
            if self.settings:
                raise ConfigError(f"{self} has no settings, but was given {list(self.settings)}")
            return None
        member = {} if self.registered.member is None else {"name": self.registered.member}
        return validated(model, {**member, **self.settings}, str(self))

    def create(self) -> Any:
        """A new one, made from its settings."""
        if self.registered.is_family:
            skip(
                "it is a family; give examples in `Component.checks` "
                "(CheckOptions(members=(...,))), or check a member by its name"
            )
        return self.registered.create(self.config())

    def new(self) -> Any:
        """As `create`.

        Raises:
            CheckSkipped: it needs data, weights or a package that this machine does not have.
            CheckFailedError: its factory returned nothing.
        """
        try:
            made = self.create()
        except (DataError, MissingPackageError, MissingWeightsError) as error:
            skip(f"it needs what is not on this machine: {error}")
        if made is None:
            factory = self.registered.component.factory
            name = getattr(factory, "__qualname__", factory)  # or "module:attribute"
            fail(f"its factory `{name}` returned None; `return` is likely missing")
        return made

    def made(self) -> Any:
        """The one that all checks share which only look at it."""
        return self.once("made", self.new)

    def instance(self, form: type, check: str, *, shared: bool = False) -> Any:
        """A new one, or the one of `made`, for a check that is about neither.

        Args:
            form: the class it must have.
            check: the check that fails unless it has.
            shared: give the one of `made`.
        """
        found = self.blocked("is-made", self.made if shared else self.new)
        if not isinstance(found, form):
            not_reached(check)
        return found

    def blocked(self, check: str, make: Callable[[], T]) -> T:
        """What `make` gives; what goes wrong there is the business of another check.

        Raises:
            CheckSkipped: it failed.
        """
        try:
            return make()
        except CheckSkipped as reason:
            if is_not_reached(reason):
                raise
            not_reached(check, skipped=True)
        except Exception:
            not_reached(check)


@dataclass
class PluginSubject:
    """A plugin as a whole.

    Attributes:
        owner: its record.
        registry: where it was found.
        components: what it offers.
    """

    owner: PluginRecord
    registry: Registry
    components: tuple[Registered, ...]

    def __str__(self) -> str:
        return f"plugin:{self.owner.name}"

    @property
    def kind(self) -> str:
        """`plugin`."""
        return "plugin"


def validated(model: type[BaseModel], settings: Mapping[str, Any], what: str) -> BaseModel:
    """Settings as their model takes them.

    Raises:
        CheckSkipped: only values without default are missing.
        ConfigError: anything else is wrong.
    """
    from pydantic import ValidationError

    try:
        return model.model_validate(dict(settings))
    except ValidationError as error:
        faults = error.errors()
        names = ", ".join(f"`{'.'.join(map(str, fault['loc']))}`" for fault in faults)
        if all(fault["type"] == "missing" for fault in faults):
            skip(
                f"it needs a value for {names}; give one in `Component.checks` "
                "(CheckOptions(settings={...})) or with --set"
            )
        lines = "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in faults)
        raise ConfigError(f"settings of {what}: {lines}") from None
    except Exception as error:  # a validator of the plugin's own
        raise PluginError(f"settings of {what}: {type(error).__name__}: {error}") from error
