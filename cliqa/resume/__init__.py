"""Going on with a run that was cut off: checkpoints, what is in them, and who may interrupt.

Interruptions are needed before torch is loaded, so everything else is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cliqa.resume.interrupts import Interrupted, Interrupts

if TYPE_CHECKING:
    from cliqa.resume.manifest import Damaged, check_files, read_values
    from cliqa.resume.snapshot import NotWholeError, Snapshot, put_back, put_back_in_place, take
    from cliqa.resume.store import Checkpoint, ResumeStore, read_checkpoint, write_checkpoint
    from cliqa.resume.tensors import Entry, TensorPool, digest_of
    from cliqa.resume.whole import differences, witness

__all__ = [
    "Checkpoint",
    "Damaged",
    "Entry",
    "Interrupted",
    "Interrupts",
    "NotWholeError",
    "ResumeStore",
    "Snapshot",
    "TensorPool",
    "check_files",
    "differences",
    "digest_of",
    "put_back",
    "put_back_in_place",
    "read_checkpoint",
    "read_values",
    "take",
    "witness",
    "write_checkpoint",
]

_HOME = {
    "manifest": ("Damaged", "check_files", "read_values"),
    "snapshot": ("NotWholeError", "Snapshot", "put_back", "put_back_in_place", "take"),
    "store": ("Checkpoint", "ResumeStore", "read_checkpoint", "write_checkpoint"),
    "tensors": ("Entry", "TensorPool", "digest_of"),
    "whole": ("differences", "witness"),
}


def __getattr__(name: str) -> Any:  # PEP 562: see the module's docstring
    """Load a name of `__all__` from the module that defines it."""
    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(f"cliqa.resume.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
