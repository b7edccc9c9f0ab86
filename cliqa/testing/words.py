"""What is said of a plugin's code that raised something."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Final

from cliqa.registry.causes import cause_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import FrameType

    from cliqa.testing.subject import PluginSubject, Subject

__all__ = ["crash", "listed", "own_lines"]

_SHOWN: Final = 3
_NO_MODULE: Final = "-"


def crash(error: BaseException, subject: Subject | PluginSubject) -> str:
    """Type, message, and the innermost of the plugin's own lines."""
    said = cause_of(error, _NO_MODULE)
    own = own_lines(error, subject)
    return f"it raised {said} ({own[-1]})" if own else f"it raised {said}"


def own_lines(error: BaseException, subject: Subject | PluginSubject) -> list[str]:
    """Lines of the plugin, as `file:line`, that an exception came through; the innermost last."""
    return [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if _belongs(frame, subject)
    ]


def _belongs(frame: FrameType, subject: Subject | PluginSubject) -> bool:
    registered = getattr(subject, "registered", None)
    factory = getattr(getattr(registered, "component", None), "factory", None)
    modules = [subject.owner.module]
    modules += [factory.partition(":")[0]] if isinstance(factory, str) else []
    name = str(frame.f_globals.get("__name__", ""))
    packages = {module.partition(".")[0] for module in modules}
    return frame.f_code.co_filename == str(subject.owner.file) or name.partition(".")[0] in packages


def listed(names: Iterable[str]) -> str:
    """A few names, and how many more there are."""
    found = list(names)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(f"`{name}`" for name in found[:_SHOWN]) + more
