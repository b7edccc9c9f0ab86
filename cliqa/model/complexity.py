"""How much a network computes: multiply-accumulate operations of one image."""

from __future__ import annotations

from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

#: Which of these a normalization layer arrives at differs by device and version of torch.
_NORMALIZATION: Final = (
    "native_batch_norm",
    "_native_batch_norm_legit",
    "_native_batch_norm_legit_no_training",
    "_batch_norm_no_update",
    "_batch_norm_with_update",
    "batch_norm_with_update",
    "cudnn_batch_norm",
    "miopen_batch_norm",
    "native_layer_norm",
    "native_group_norm",
    "_fused_rms_norm",
)


def count_macs(
    network: nn.Module,
    height: int,
    width: int,
    *,
    forward: Callable[[Tensor], object] | None = None,
) -> int:
    """Multiply-accumulate operations of one image through a network in evaluation mode.

    Counted are convolutions, matrix products (those of attention included), and one
    multiply-accumulate an element for every normalization layer. Additions of biases, activations,
    pooling and resizing are not, as is usual. ResNet-18 at 224 x 224 without its classifier comes
    to 1.816 G, of which 0.002 G is normalization.

    Nothing is computed: tensors have shapes but no content, so the time does not depend on the
    image's size. The network is left as it was.

    Args:
        network: a backbone, or any module that takes images.
        height: of the image, in pixels.
        width: of the image, in pixels.
        forward: what is done with the image, float32 (1, 3, height, width); default: the network's
            own forward. For a gate's part of a backbone:
            `lambda images: backbone.stage_features(images, (3, 4))`; for a model with three heads:
            `lambda images: model.head_scores(images, (0, 1, 2))`.
    """
    # Here because torch loads these only on demand, and hardly any run counts.
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.utils.flop_counter import FlopCounterMode

    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    counter = FlopCounterMode(display=False, custom_mapping=_mapping())
    # Attention as plain matrix products: its fused forms are counted by some versions only.
    plain_attention = sdpa_kernel(SDPBackend.MATH)
    shapes_only = FakeTensorMode(allow_non_fake_inputs=True)
    with _evaluation(network), torch.no_grad(), plain_attention, shapes_only, counter:
        (forward or network)(torch.empty(1, 3, height, width, device=device))
    return int(counter.get_total_flops()) // 2


def _mapping() -> dict[Any, Callable[..., int]]:
    aten = torch.ops.aten
    return {getattr(aten, name): _elementwise for name in _NORMALIZATION if hasattr(aten, name)}


def _elementwise(shape: Sequence[int], *_: object, **__: object) -> int:
    """A multiplication and an addition for every element of the layer's input."""
    return 2 * prod(shape)


@contextmanager
def _evaluation(network: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; every submodule gets its own mode back."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training
