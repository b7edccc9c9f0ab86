"""What a plugin must keep to: names and arguments of hooks, and what the hooks return."""

from __future__ import annotations

import inspect
import reprlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cliqa.registry import hookspecs
from cliqa.registry.component import FILES, CheckOptions, Component
from cliqa.registry.facts import DatasetFacts
from cliqa.registry.records import FaultyPluginError
from cliqa.registry.suggest import did_you_mean
from cliqa.registry.targets import TARGET_FORM, is_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pluggy

__all__ = ["Implementation", "check_components", "implementations"]

_PREFIX: Final = "cliqa_"
_HOOKS: Final[dict[str, tuple[str, ...]]] = {
    name: tuple(inspect.signature(function).parameters)
    for name, function in inspect.getmembers(hookspecs, inspect.isfunction)
    if name.startswith(_PREFIX)
}


@dataclass(frozen=True)
class Implementation:
    """One function of a plugin that implements a hook."""

    hook: str
    function: Callable[..., Any]


def implementations(
    manager: pluggy.PluginManager, plugin: object, module: str
) -> list[Implementation]:
    """The hooks that a plugin implements; pluggy itself would ignore the mistakes refused here.

    Raises:
        FaultyPluginError: a hook is misspelt, not decorated, or takes arguments it has not; or
            there is none at all.
    """
    found = []
    for name, function in _functions(plugin):
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is None:
            _refuse_undecorated(name, function, module)
            continue
        hook = options.get("specname") or name
        # `optionalhook` is pluggy's way to implement a hook that only a newer cliqa has.
        if hook in _HOOKS or not options.get("optionalhook"):
            _check_definition(hook, name, function)
            found.append(Implementation(hook, function))
    if not found:
        raise FaultyPluginError(f"`{module}` implements no hook; {_hooks()}")
    return found


def _functions(plugin: object) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name in dir(plugin):
        # Static: a property or a lazy attribute of the plugin must not run because we look.
        static = inspect.getattr_static(plugin, name, None)
        if isinstance(static, staticmethod | classmethod):
            static = static.__func__
        if inspect.isfunction(static):
            yield name, getattr(plugin, name)


def _refuse_undecorated(name: str, function: Callable[..., Any], module: str) -> None:
    if not name.startswith(_PREFIX) or hasattr(function, f"{hookspecs.PROJECT}_spec"):
        return
    if name in _HOOKS:
        raise FaultyPluginError(
            f"{_written(name, function)} is not decorated, so it would never be called; put "
            "`@cliqa.hookimpl` above it"
        )
    if _package(function.__module__) == _package(module):
        raise FaultyPluginError(f"{_written(name, function)} is no hook.{_which(name)}")


def _check_definition(hook: str, name: str, function: Callable[..., Any]) -> None:
    if hook not in _HOOKS:
        raise FaultyPluginError(
            f"{_written(name, function)} is decorated as a hook, but there is no hook "
            f"`{hook}`.{_which(hook)}"
        )
    plain = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = inspect.signature(function).parameters.values()
    # pluggy never passes an argument that has a default, so one is refused as well.
    if any(
        p.name not in _HOOKS[hook] or p.kind is not plain or p.default is not p.empty
        for p in parameters
    ):
        raise FaultyPluginError(
            f"{_written(name, function)} must take the arguments of `{hook}"
            f"({', '.join(_HOOKS[hook])})`, by these names and without defaults; it may leave "
            "some out"
        )


def _written(name: str, function: Callable[..., Any]) -> str:
    code = inspect.unwrap(function).__code__
    arguments = ", ".join(str(p.replace(annotation=p.empty)) for p in _parameters(function))
    return f"`{name}({arguments})` ({code.co_filename}:{code.co_firstlineno})"


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


def _which(name: str) -> str:
    near = did_you_mean(name, _HOOKS) or did_you_mean(_PREFIX + name, _HOOKS)
    return f"{near} Names that start with `{_PREFIX}` are kept for hooks; {_hooks()}"


def _hooks() -> str:
    return f"the hooks are {', '.join(_HOOKS)}"


def _package(module: str) -> str:
    return module.partition(".")[0]


def check_components(kind: str, hook: str, returned: Any) -> list[Component]:
    """The components that a discovery hook returned.

    Raises:
        FaultyPluginError: it returned something else, or a record that cannot be used.
    """
    if not isinstance(returned, list | tuple):
        raise FaultyPluginError(
            f"`{hook}` returned {_shown(returned)}; expected a list or tuple of cliqa.Component"
        )
    names: set[str] = set()
    for index, component in enumerate(returned):
        if not isinstance(component, Component):
            raise FaultyPluginError(
                f"`{hook}` returned {_shown(component)} at index {index}; expected a "
                "cliqa.Component"
            )
        fault = _fault(kind, component)
        if fault is None and component.name in names:
            fault = "is announced twice"
        if fault is not None:
            name = reprlib.repr(component.name)
            raise FaultyPluginError(f"`{hook}` returned component {name} (index {index}): {fault}")
        names.add(component.name)
    return list(returned)


def _fault(kind: str, component: Component) -> str | None:
    name = component.name
    if not isinstance(name, str) or not name or any(c.isspace() for c in name):
        return "its name must be a non-empty str without white space"
    for field in ("summary", "reference"):
        if not isinstance(getattr(component, field), str):
            return f"its {field} is {_shown(getattr(component, field))}; expected a str"
    if not isinstance(component.checks, CheckOptions | None):
        return f"its checks are {_shown(component.checks)}; expected a cliqa.CheckOptions or None"
    if kind in FILES:
        return _file_fault(component, FILES[kind])
    if not _usable(component.factory):
        expected = f"{TARGET_FORM} or a callable"
        return f"its factory is {_shown(component.factory)}; expected {expected}"
    if component.members is not None and not _usable(component.members):
        expected = f"{TARGET_FORM}, a callable, or None"
        return f"its members is {_shown(component.members)}; expected {expected}"
    facts = component.facts
    if facts is not None and not (isinstance(facts, DatasetFacts) or _is_written_target(facts)):
        return f"its facts are {_shown(facts)}; expected a cliqa.DatasetFacts or {TARGET_FORM}"
    # What is not a class cannot be a model; which class it is, is checked when it is used.
    if component.config is not None and not (
        isinstance(component.config, type) or _is_written_target(component.config)
    ):
        expected = f"a pydantic model class, {TARGET_FORM}, or None"
        return f"its config is {_shown(component.config)}; expected {expected}"
    return None


def _file_fault(component: Component, endings: tuple[str, ...]) -> str | None:
    factory = component.factory
    package, _, path = factory.partition(":") if isinstance(factory, str) else ("", "", "")
    if not is_target(f"{package}:x") or not path.endswith(endings):
        return f'its factory is {_shown(factory)}; expected "package:path/to/file{endings[0]}"'
    return None


def _usable(value: Any) -> bool:
    return _is_written_target(value) or (callable(value) and not isinstance(value, str))


def _is_written_target(value: Any) -> bool:
    return isinstance(value, str) and is_target(value)


def _shown(value: Any) -> str:
    return f"{reprlib.repr(value)} ({type(value).__name__})"
