"""Stages that are trained once: what determines one, where it is kept, what a run can take over.

Listing what a store holds needs no torch, so all that does is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from cliqa.stages.planned import PlannedStage, planned_stages

__all__ = ["PlannedStage", "planned_stages"]

_HOME: dict[str, str] = {}


def __getattr__(name: str) -> Any:  # PEP 562: see the module's docstring
    """Load a name of `__all__` from the module that defines it."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
