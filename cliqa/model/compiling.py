"""torch.compile, for those who ask for it."""

from __future__ import annotations

import os
import shutil
from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from cliqa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

__all__ = ["check_can_compile", "compiled_forward"]


@cache
def compiled_forward() -> Callable[[nn.Module, Tensor], Any]:
    """A function that calls a network on images, translated anew for each kind of network.

    The network is an argument: neither is it changed, so copies and checkpoints know nothing of
    it, nor is it kept alive.
    """
    return torch.compile(_call)


def _call(network: nn.Module, images: Tensor) -> Any:
    return network(images)


def check_can_compile(device: torch.device) -> None:
    """Find out before a run whether torch.compile has what it needs.

    Raises:
        ConfigError: it needs a compiler that is not there.
    """
    if device.type == "cpu":
        compilers = [os.environ.get("CXX", ""), "g++", "clang++"]
        if not any(shutil.which(name) for name in compilers if name):
            raise ConfigError(
                "train.compile: torch.compile needs a C++ compiler on a CPU and found none; "
                "install g++ or clang++, or leave `train.compile` at false"
            )
    elif device.type == "cuda":
        from torch.utils._triton import has_triton

        if not has_triton():
            raise ConfigError(
                "train.compile: torch.compile needs Triton on this GPU and did not find it; "
                "`pip install triton`, or leave `train.compile` at false"
            )
