"""Which arithmetic the network runs in, decided by what the machine has and not by a stop-watch.

A measured choice could differ from one run to the next on the same machine, and with it the result.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Precision = Literal["float32", "bf16"]

__all__ = ["Precision", "bf16_instructions", "bf16_network", "choose_precision"]


def choose_precision(wanted: Precision | Literal["auto"], device: torch.device) -> Precision:
    """The arithmetic of a setting: `auto` is bf16 where the device has instructions for it."""
    if wanted != "auto":
        return wanted
    return "bf16" if bf16_instructions(device) else "float32"


def bf16_instructions(device: torch.device) -> str | None:
    """What makes bf16 the faster arithmetic on this device; None: nothing does.

    AMX of an x86 processor, or the compute capability of an NVIDIA GPU from 8.0 on. AVX512-BF16
    alone is not enough: with it bf16 was the slower one, see docs/performance.md.
    """
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        return f"compute capability {major}.{minor}" if major >= 8 else None
    if device.type == "cpu":
        # Not public; a version of torch without it gets float32, as a processor without AMX does.
        ask = getattr(torch.cpu, "_is_amx_tile_supported", None)
        return "AMX" if ask and ask() else None
    return None


@contextmanager
def bf16_network(device: torch.device) -> Iterator[None]:
    """bf16 autocast, with depthwise convolutions in float32 while a CPU trains.

    A depthwise convolution is no matrix product: no processor instruction helps it, and its
    gradients in bf16 take torch several times as long as in float32.
    """
    with ExitStack() as stack:
        if device.type == "cpu" and torch.is_grad_enabled():
            stack.enter_context(_DepthwiseInFloat32())
        stack.enter_context(torch.autocast(device.type, torch.bfloat16))
        yield


class _DepthwiseInFloat32(TorchFunctionMode):
    """Calls every convolution with one input channel a group outside of autocast."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is torch.conv2d and args[1].shape[1] == 1 and args[0].shape[1] > 1:
            with torch.autocast("cpu", enabled=False):
                return func(args[0].float(), *args[1:], **(kwargs or {}))
        return func(*args, **(kwargs or {}))
