"""What is said of a plugin's code that raised something."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from cliqa.registry.causes import cause_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cliqa.testing.subject import PluginSubject, Subject

__all__ = ["crash", "listed"]

_SHOWN = 3


def crash(error: BaseException, subject: Subject | PluginSubject) -> str:
    """Type, message and the plugin's own file and line."""
    own = cause_of(error, subject.owner.module)
    file = subject.owner.file
    if file is not None and str(file) not in own:
        own = cause_of(error, _package_in(error, subject))
    return f"it raised {own}"


def _package_in(error: BaseException, subject: Subject | PluginSubject) -> str:
    """The package of the component's factory, where that is not the one with the hooks."""
    registered = getattr(subject, "registered", None)
    factory = getattr(getattr(registered, "component", None), "factory", None)
    if isinstance(factory, str):
        return factory.partition(":")[0]
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return str(frames[-1].f_globals.get("__name__", "")) if frames else ""


def listed(names: Iterable[str]) -> str:
    """A few names, and how many more there are."""
    found = list(names)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(f"`{name}`" for name in found[:_SHOWN]) + more
