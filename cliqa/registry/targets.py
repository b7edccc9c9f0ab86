"""References of the form `module:attribute`, imported only when they are needed."""

from __future__ import annotations

import importlib
import re
from typing import Any, Final

__all__ = ["TARGET_FORM", "import_target", "is_target"]

TARGET_FORM: Final = '"module:attribute"'
_DOTTED: Final = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_TARGET: Final = re.compile(rf"{_DOTTED}:{_DOTTED}")


def is_target(text: str) -> bool:
    """Whether `text` has the form `module:attribute`; nothing is imported.

    >>> is_target("cliqa_tsn.strategy:TsnIqa"), is_target("cliqa_tsn.strategy.TsnIqa")
    (True, False)
    """
    return _TARGET.fullmatch(text) is not None


def import_target(target: str) -> Any:
    """Import what `module:attribute` names; the attribute may be dotted.

    Raises:
        AttributeError: the module has no such attribute.
        Exception: whatever importing the module raises.
    """
    module, _, path = target.partition(":")
    value: Any = importlib.import_module(module)
    for part in path.split("."):
        value = getattr(value, part)
    return value
