"""Running a configuration: prepare everything, then train, evaluate and write each method.

What watches a run is imported before the first line is printed, what runs it loads torch: so all
but the observer is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cliqa.run.observer import Observer

if TYPE_CHECKING:
    from cliqa.run.built import BuiltDatasets
    from cliqa.run.runner import RunReport, run

__all__ = ["BuiltDatasets", "Observer", "RunReport", "run"]

_HOME = {
    "BuiltDatasets": "cliqa.run.built",
    "RunReport": "cliqa.run.runner",
    "run": "cliqa.run.runner",
}


def __getattr__(name: str) -> Any:  # PEP 562: see the module's docstring
    """Load a name of `__all__` from the module that defines it."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
