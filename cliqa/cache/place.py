"""Where the cache lies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

__all__ = ["OFF", "VARIABLE", "cache_folder"]

#: Environment variable that names the folder, or says `off`.
VARIABLE: Final = "CLIQA_CACHE"
#: What turns the cache off, in the setting and in the variable.
OFF: Final = "off"


def cache_folder(setting: str | None = None) -> Path | None:
    """The folder of the cache, None if there is to be none; it need not exist yet.

    The setting counts first, then `CLIQA_CACHE`, then `$XDG_CACHE_HOME/cliqa`, then
    `~/.cache/cliqa`.

    Args:
        setting: a folder, `off`, or None for what the environment says.
    """
    told = setting or os.environ.get(VARIABLE)
    if told == OFF:
        return None
    if told:
        return Path(told).expanduser().absolute()
    shared = os.environ.get("XDG_CACHE_HOME", "")
    if Path(shared).is_absolute():  # the specification has relative ones ignored
        return Path(shared) / "cliqa"
    try:
        return Path.home() / ".cache" / "cliqa"
    except RuntimeError:  # a user without a home keeps nothing
        return None
