"""Every check there is, by kind."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from cliqa.registry import KINDS
from cliqa.testing.kinds import component

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa.testing.checks import Check

__all__ = ["checks_of", "every_check"]

#: Kinds with checks of their own; a component of any other kind has those of all components.
_OWN: Final = {
    "backbone": "backbone",
    "strategy": "strategy",
    "objective": "objective",
    "gate": "gate",
    "dataset": "dataset",
    "metric": "metric",
    "tracker": "tracker",
    "pretraining": "pretraining",
    "recipe": "files",
    "preset": "files",
    "weights": "files",
    "published": "files",
}


def checks_of(kind: str) -> Iterator[Check]:
    """The checks of a kind, or of `plugin`, in the order in which they are made."""
    if kind == "plugin":
        yield from import_module("cliqa.testing.kinds.plugin").checks()
        return
    yield from component.checks(kind)
    if kind in _OWN:
        yield from import_module(f"cliqa.testing.kinds.{_OWN[kind]}").checks(kind)


def every_check() -> dict[str, tuple[Check, ...]]:
    """Kind -> its checks; `plugin` are those of a plugin as a whole."""
    return {kind: tuple(checks_of(kind)) for kind in ("plugin", *KINDS)}
