"""One run on several processes, launched by `torchrun`: every process holds the whole model.

A batch is divided among the processes only where it is expensive: each runs the backbone on its
share of the images, and the features of all are gathered on every process. Heads, losses and
penalties are then computed on the whole batch everywhere, so a pair may join images of two
processes, and no method has to know how many there are.

Gradients. Every process computes the same loss L, and what one sends to the others is summed on the
way back. Parameter p of process r therefore gets dJ/dp_r of J = L_1 + ... + L_W, and the mean over
processes is dL/dp: for the backbone, of which each process saw a part; for heads and penalties,
which every process computed in full. Nothing wraps the model, so heads may be added at any time.

Random numbers. Outside of what is divided every process draws the same ones. A network that draws
some while it runs (dropout) draws others on each process, so that no two images share a mask, and
afterwards all are at one place again.

Process 0 writes and decides; the others are told (`agreed`). What the command line has to know
before torch is loaded is in `launch`, so everything else is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cliqa.distributed.launch import LostProcessError, World, launched, speaks

if TYPE_CHECKING:
    from cliqa.distributed.processes import (
        agreed,
        bytes_of_first,
        joined,
        one_before_the_others,
        own_device,
        world,
    )
    from cliqa.distributed.together import (
        OutOfStepError,
        average_gradients,
        check_in_step,
        divided,
        gather,
        spread,
    )

__all__ = [
    "LostProcessError",
    "OutOfStepError",
    "World",
    "agreed",
    "average_gradients",
    "bytes_of_first",
    "check_in_step",
    "divided",
    "gather",
    "joined",
    "launched",
    "one_before_the_others",
    "own_device",
    "speaks",
    "spread",
    "world",
]

_PROCESSES = {
    "agreed", "bytes_of_first", "joined", "one_before_the_others", "own_device", "world",
}  # fmt: skip


def __getattr__(name: str) -> Any:  # PEP 562: see the module's docstring
    """Load a name of `__all__` from the module that defines it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "processes" if name in _PROCESSES else "together"
    return getattr(import_module(f"cliqa.distributed.{home}"), name)
