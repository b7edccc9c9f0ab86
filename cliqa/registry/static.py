"""Checks of a component that import neither its factory nor what that needs."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cliqa.errors import PluginError
from cliqa.registry.component import FILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from importlib.machinery import ModuleSpec

    from cliqa.registry.registered import Registered

__all__ = ["faults"]


def faults(registered: Registered) -> list[str]:
    """What is wrong with a component, as far as can be told without importing its factory.

    The factory's module is located and its source read, so that a misspelt `module:attribute` is
    found without loading torch. The config model is imported.
    """
    component = registered.component
    found: list[str] = []
    try:
        if registered.kind in FILES:
            registered.file()
        else:
            registered.config_model()
    except PluginError as error:
        found.append(str(error))
    targets: dict[str, Any] = {"members": component.members, "facts": component.facts}
    if registered.kind not in FILES:
        targets["factory"] = component.factory
    for what, target in targets.items():
        fault = _target_fault(target) if isinstance(target, str) else None
        if fault is not None:
            found.append(f"{registered} cannot be used: its {what} `{target}` {fault}")
    return found


def _target_fault(target: str) -> str | None:
    module, _, attribute = target.partition(":")
    spec = _locate(module)
    if spec is None:
        return f"cannot be found: there is no module `{module}`"
    name = attribute.partition(".")[0]
    if module in sys.modules:
        defined = hasattr(sys.modules[module], name)
    else:
        defined = _source_defines(spec.origin, name)
    return None if defined else f"cannot be found: `{module}` defines no `{name}`"


def _locate(module: str) -> ModuleSpec | None:
    """`importlib.util.find_spec`, but without importing the parent packages."""
    spec: ModuleSpec | None = None
    folders: Iterable[str] | None = None
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        if depth > 1 and folders is None:  # the parent is a module, not a package
            return None
        spec = _find(".".join(parts[:depth]), folders)
        if spec is None:
            return None
        folders = spec.submodule_search_locations
    return spec


def _find(name: str, folders: Iterable[str] | None) -> ModuleSpec | None:
    if name in sys.modules:
        return sys.modules[name].__spec__
    found = (finder.find_spec(name, folders) for finder in sys.meta_path)  # type: ignore[arg-type]
    return next((spec for spec in found if spec is not None), None)


def _source_defines(origin: str | None, name: str) -> bool:
    """Whether a module's source binds `name`; true when that cannot be told."""
    if origin is None or not origin.endswith(".py"):
        return True
    try:
        tree = ast.parse(Path(origin).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return True  # importing it says what is wrong, with the line
    bound = set(_bound(tree.body))
    return bool(bound & {name, "*", "__getattr__"})


def _bound(statements: Iterable[ast.stmt]) -> Iterator[str]:
    """The names that statements bind in their own scope, also inside `if`, `try` and `with`."""
    for statement in statements:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement.name
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            yield from (a.asname or a.name.partition(".")[0] for a in statement.names)
        else:
            yield from _names_and_blocks(statement)


def _names_and_blocks(statement: ast.stmt) -> Iterator[str]:
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.stmt):
            yield from _bound([child])
        elif isinstance(child, ast.ExceptHandler):
            yield from _bound(child.body)
        else:
            yield from (n.id for n in ast.walk(child) if isinstance(n, ast.Name))
