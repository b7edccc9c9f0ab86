"""Copies of a network that only score: a head's own tensors in place, normalization folded.

A copy owns what a head owns and what folding made of it; every other tensor is the network's.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cliqa.inference.fold import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cliqa.inference.structure import Layout


class Once:
    """Remembers a module's last output, and gives it again for the very same input.

    The heads of a model look at one batch one after the other. What they share has seen the same
    tensors each time, by identity, and is computed for the first of them only. A stale answer is
    impossible: another input tensor, or an output that somebody has written into since (its version
    tells), is computed again.

    Args:
        forward: of the module.
    """

    def __init__(self, forward: Callable[..., Tensor]) -> None:
        self._forward = forward
        self._inputs: tuple[Any, ...] = ()
        self._output: Tensor | None = None
        self._version = 0

    def __call__(self, *inputs: Any) -> Tensor:
        """The module's output."""
        output = self._output
        if output is not None and len(inputs) == len(self._inputs):
            same = all(a is b for a, b in zip(inputs, self._inputs, strict=True))
            if same and output._version == self._version:
                return output
        output = self._forward(*inputs)
        if not output.is_inference():  # such a tensor does not count who writes into it
            self._inputs, self._output, self._version = inputs, output, output._version
        return output

    def forget(self) -> None:
        """Let go of input and output."""
        self._inputs, self._output = (), None


class SharedParts:
    """The modules of a layout that all its heads share, each run once a batch.

    Args:
        network: the shared network.
        layout: what is shared in it.
    """

    def __init__(self, network: nn.Module, layout: Layout) -> None:
        self._layout = layout
        self.modules: dict[str, nn.Module] = {}
        self._answers: list[Once] = []
        for name in layout.shared:
            module = _copy(network.get_submodule(name), {})
            start = f"{name}."
            inside = [
                (layer.removeprefix(start), norm.removeprefix(start))
                for layer, norm in layout.pairs
                if layer.startswith(start) and norm.startswith(start)
            ]
            _fold_all(module, inside)
            answer = Once(module.forward)
            object.__setattr__(module, "forward", answer)
            self.modules[name] = module
            self._answers.append(answer)

    def forget(self) -> None:
        """Let go of what was computed for the last batch."""
        for answer in self._answers:
            answer.forget()

    def network_for(self, network: nn.Module, own: Mapping[str, Tensor]) -> nn.Module:
        """A copy of the network for one head.

        Args:
            network: the network that the shared parts are of.
            own: the head's tensors, by their name in `network.state_dict()`.
        """
        found = _copy(network, {id(network.get_submodule(n)): m for n, m in self.modules.items()})
        for name, tensor in own.items():
            _put(found, name, tensor)
        _fold_all(found, [p for p in self._layout.pairs if not self.holds(p[0])])
        return found

    def holds(self, name: str) -> bool:
        """Whether the module of that name is a part of what is shared."""
        return any(name == part or name.startswith(f"{part}.") for part in self.modules)


def own_bytes(copied: nn.Module, network: nn.Module) -> int:
    """Bytes of the tensors of a copy that are not the network's as well."""
    held = {t.data_ptr() for t in _tensors(network)}
    return sum(t.numel() * t.element_size() for t in _tensors(copied) if t.data_ptr() not in held)


def _copy(module: nn.Module, replaced: dict[int, nn.Module]) -> nn.Module:
    """A copy of modules, not of tensors.

    Args:
        module: the module.
        replaced: by id: what takes the place of a submodule.
    """
    memo: dict[int, Any] = {id(tensor): tensor for tensor in _tensors(module)}
    return copy.deepcopy(module, memo | replaced)


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def _put(network: nn.Module, name: str, tensor: Tensor) -> None:
    path, _, last = name.rpartition(".")
    module = network.get_submodule(path)
    if last in module._parameters:
        module._parameters[last] = nn.Parameter(tensor, requires_grad=False)
    else:
        module._buffers[last] = tensor


def _fold_all(network: nn.Module, pairs: Sequence[tuple[str, str]]) -> None:
    for layer, norm in pairs:
        rest = fold(network.get_submodule(layer), network.get_submodule(norm))
        path, _, last = norm.rpartition(".")
        setattr(network.get_submodule(path), last, rest.train(network.training))


@contextmanager
def exact_arithmetic(device: torch.device) -> Iterator[None]:
    """Float32 as it is written, for comparisons: no bf16, no TF32."""
    with torch.autocast(device.type, enabled=False):
        if device.type != "cuda":
            yield
            return
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            yield
