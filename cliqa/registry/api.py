"""The version of the plugin interface, and what a plugin says of the one it is written for."""

from __future__ import annotations

import reprlib
from typing import Final

from cliqa.registry.records import FaultyPluginError

__all__ = ["API", "OLDEST_API", "check_api"]

#: Raised whenever the interface gains or loses something (docs/reference/api-stability.md).
API: Final = 1
#: The oldest that a plugin may be written for: raised when what was deprecated is removed.
OLDEST_API: Final = 1


def check_api(plugin: object) -> None:
    """Refuse a plugin that says by `CLIQA_API = N` that it is written for another interface.

    One that says nothing is taken as written for this one.

    Raises:
        FaultyPluginError: what it says is no version, or not one that works here.
    """
    wanted = getattr(plugin, "CLIQA_API", API)
    if type(wanted) is not int or wanted < 1:
        shown = f"{reprlib.repr(wanted)} ({type(wanted).__name__})"
        raise FaultyPluginError(
            f"its CLIQA_API is {shown}; expected the number of the plugin interface that it is "
            f"written for, which is {API} here"
        )
    if OLDEST_API <= wanted <= API:
        return
    import cliqa  # not at the top: it imports the registry

    cure = "upgrade cliqa (distribution cliqa-bench)" if wanted > API else "upgrade the plugin"
    raise FaultyPluginError(
        f"it is written for plugin interface {wanted}; cliqa {cliqa.__version__} has {API} and "
        f"takes plugins from {OLDEST_API} on: {cure}"
    )
