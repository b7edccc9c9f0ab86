"""One line that says why code of a plugin failed, and at which of the plugin's lines."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["cause_of"]


def cause_of(error: BaseException, module: str) -> str:
    """`Type: message (file:line)`, in one line.

    Args:
        error: what escaped from the plugin.
        module: a module of the plugin; the line reported is the innermost one of the same
            top-level package, because that is where its author can act. Frames of libraries
            below it are left out.
    """
    message = " ".join(str(error).split())
    cause = f"{type(error).__name__}: {message}" if message else type(error).__name__
    place = _place(error, module)
    # A SyntaxError ends in "(file, line 3)" already; ours says the same with the whole path.
    if isinstance(error, SyntaxError) and error.msg:
        cause = f"{type(error).__name__}: {error.msg}"
    return f"{cause} ({place})" if place else cause


def _place(error: BaseException, module: str) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    inside = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if _belongs(frame, module)
    ]
    return inside[-1] if inside else ""


def _belongs(frame: FrameType, module: str) -> bool:
    name = str(frame.f_globals.get("__name__", ""))
    return name.partition(".")[0] == module.partition(".")[0]
