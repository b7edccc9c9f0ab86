"""timm's padding by the size of a picture, as an ONNX graph of any size has it.

TensorFlow's "same" padding of a convolution depends on height and width. When torch traces how it
is computed, its formulas grow with every layer and it comes to no end. ONNX has that padding as an
attribute of a convolution (`auto_pad`), and the size that comes out is a short formula.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import timm.layers
import torch

from cliqa.errors import CapabilityError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

__all__ = ["padding_as_graph"]


@contextmanager
def padding_as_graph() -> Iterator[None]:
    """While it lasts, `Conv2dSame` is traced as one ONNX operation, and gives no values.

    Raises:
        CapabilityError: torch is too old; or, when it is called, another layer pads by size.
    """
    if not hasattr(torch.onnx, "ops"):
        raise CapabilityError(
            f"a graph of any size takes torch 2.8 or newer, not {torch.__version__}"
        )
    layers: Any = timm.layers
    with (
        patch.object(layers.Conv2dSame, "forward", _convolution),
        patch.object(layers.padding, "get_same_padding", _refuse),
    ):
        yield


def _convolution(self: Any, x: Tensor) -> Tensor:
    batch, _, height, width = x.shape
    down, right = self.stride
    attributes = {
        "auto_pad": "SAME_UPPER",
        "kernel_shape": list(self.kernel_size),
        "strides": list(self.stride),
        "dilations": list(self.dilation),
        "group": self.groups,
    }
    inputs = (x, self.weight) if self.bias is None else (x, self.weight, self.bias)
    size = ((height + down - 1) // down, (width + right - 1) // right)
    shape = (batch, self.out_channels, *size)
    made: Tensor = torch.onnx.ops.symbolic("Conv", inputs, attributes, dtype=x.dtype, shape=shape)
    return made


def _refuse(*_: object) -> int:
    raise CapabilityError("it pads by the size of a picture elsewhere than in a convolution")
