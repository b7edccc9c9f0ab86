"""Stages that are trained once: what determines one, where it is kept, what a run can take over.

Listing what a store holds needs no torch, so all that does is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cliqa.stages.planned import PlannedStage, planned_stages, shared_stages
from cliqa.stages.store import StageStore, chosen_store

if TYPE_CHECKING:
    from cliqa.stages.address import StageAddress, stage_addresses
    from cliqa.stages.entry import KeptStage, StageCost

__all__ = [
    "KeptStage",
    "PlannedStage",
    "StageAddress",
    "StageCost",
    "StageStore",
    "chosen_store",
    "planned_stages",
    "shared_stages",
    "stage_addresses",
]

_HOME = {
    "KeptStage": "cliqa.stages.entry",
    "StageAddress": "cliqa.stages.address",
    "StageCost": "cliqa.stages.entry",
    "stage_addresses": "cliqa.stages.address",
}


def __getattr__(name: str) -> Any:  # PEP 562: see the module's docstring
    """Load a name of `__all__` from the module that defines it."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
