"""How much memory a forward takes, to cut batches to a bound."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

if TYPE_CHECKING:
    from collections.abc import Callable

#: Bytes of activations a pixel that no known network reaches (ResNet-18 takes 140, VGG-16 524):
#: taken for one that cannot be measured, and nothing is measured where even so much is there.
_MOST: Final = 2048
#: Side of the image that a network is measured with where no other is at hand.
_PROBE: Final = 256
_KNOWN: weakref.WeakKeyDictionary[nn.Module, float] = weakref.WeakKeyDictionary()


def activation_bytes(
    network: nn.Module,
    height: int,
    width: int,
    forward: Callable[[Tensor], object] | None = None,
) -> int:
    """Most bytes that the tensors of one image's forward take at a time, the image included.

    Nothing is computed: tensors have shapes but no content. What a convolution's own algorithm
    needs for a while is not counted.

    Args:
        network: in evaluation mode.
        height: of the image, in pixels.
        width: of the image, in pixels.
        forward: what is done with the image, float32 (1, 3, height, width); default: the network's
            own forward.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode

    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True):
        image = torch.empty(1, 3, height, width, device=device)
        with _Live() as live:
            live.hold(image)
            (forward or network)(image)
    return live.peak


def images_that_fit(network: nn.Module, height: int, width: int, memory: int, wanted: int) -> int:
    """How many images of this size a forward may take, at least 1 and at most `wanted`.

    The network is measured with the first size it is asked for; bytes of other sizes are taken to
    grow with their area, as they do for convolutional networks.

    Args:
        network: in evaluation mode.
        height: of the images, in pixels.
        width: of the images, in pixels.
        memory: bytes that activations may take.
        wanted: images that would be taken if there were no bound.
    """
    if wanted * height * width * _MOST <= memory:
        return wanted
    return max(1, min(wanted, int(memory / (_a_pixel(network, height, width) * height * width))))


def pixels_that_fit(network: nn.Module, memory: int) -> int:
    """Pixels of the largest single image whose forward takes no more than that.

    Args:
        network: in evaluation mode.
        memory: bytes that activations may take.
    """
    return int(memory / _a_pixel(network, _PROBE, _PROBE))


def _a_pixel(network: nn.Module, height: int, width: int) -> float:
    """Bytes of activations a pixel, measured with the first size that is asked for."""
    if network not in _KNOWN:
        try:
            _KNOWN[network] = activation_bytes(network, height, width) / (height * width)
        except Exception:
            # A plugin's network may do what shapes alone cannot; it must run all the same.
            _KNOWN[network] = _MOST
    return _KNOWN[network]


class _Live(TorchDispatchMode):
    """Adds up the storages that some tensor still refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._now = 0
        self._users: dict[int, int] = {}

    def hold(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        place, size = storage._cdata, storage.nbytes()
        self._users[place] = self._users.get(place, 0) + 1
        if self._users[place] == 1:
            self._now += size
            self.peak = max(self.peak, self._now)
        weakref.finalize(tensor, self._release, place, size).atexit = False

    def _release(self, place: int, size: int) -> None:
        self._users[place] -= 1
        if not self._users[place]:
            del self._users[place]
            self._now -= size

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        for tensor in (leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)):
            self.hold(tensor)
        return output
