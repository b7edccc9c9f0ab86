"""What a network does with one image: who computes from what, and which layers can be merged.

A backbone is any code a plugin may write, so its structure is not read but observed: one image goes
through it, every tensor operation is seen (`TorchDispatchMode`) together with the module that runs
it. Symbolic tracing (`torch.fx`) would say more, and refuses networks whose padding depends on the
size of the image, timm's `tf_efficientnet_lite0` among them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cliqa.inference.fold import can_fold, folds_exactly

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


@dataclass(frozen=True)
class Layout:
    """What the copies of a network for heads that own the same tensors have in common.

    Attributes:
        shared: names of modules that give the same for every such head, the outermost ones.
        pairs: names of a convolution (or linear layer) and the batch normalization after it that
            can become one layer.
        reason: why there is nothing of either, if the network could not be observed.
    """

    shared: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    reason: str = ""


@dataclass
class _Call:
    """One call of a module."""

    inputs: list[Tensor]
    owned_inputs: bool
    output: Any = None


@dataclass
class _Seen:
    """All calls of all modules, and who read which storage."""

    calls: dict[str, list[_Call]] = field(default_factory=lambda: defaultdict(list))
    readers: dict[int, list[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(list))


@torch.no_grad()
def observe(network: nn.Module, image: Tensor, owned: Collection[str]) -> Layout:
    """Find out what can be shared and what can be folded.

    Args:
        network: in evaluation mode; is left as it was.
        image: float32 (1, 3, H, W), standardised; a real one, because the check of a pair computes
            with what the network makes of it.
        owned: names, within `network.state_dict()`, of tensors that each head has its own of. If
            there are none, nothing is shared between heads but the whole.
    """
    try:
        seen = _watch(network, image, owned)
    except (RuntimeError, NotImplementedError, TypeError, AttributeError) as error:
        said = str(error).splitlines() or [""]
        return Layout(reason=f"{type(error).__name__}: {said[0]}")
    shared = _shared(seen, owned) if owned else ()
    return Layout(shared, tuple(_pairs(network, seen, shared)))


def _watch(network: nn.Module, image: Tensor, owned: Collection[str]) -> _Seen:
    state = network.state_dict(keep_vars=True)
    watch = _Watch({_place(state[name]) for name in owned})
    handles = []
    for name, module in network.named_modules():
        handles.append(module.register_forward_pre_hook(watch.enter(name), with_kwargs=True))
        handles.append(module.register_forward_hook(watch.leave(name), always_call=True))
    try:
        with torch.autocast(image.device.type, enabled=False), watch:
            network(image)
    finally:
        for handle in handles:
            handle.remove()
    return watch.seen


class _Watch(TorchDispatchMode):
    """Follows what depends on a head's own tensors, by the storage it lies in.

    By storage and not by tensor, because writing into a view changes all that share its memory.
    """

    def __init__(self, owned: set[int]) -> None:
        super().__init__()
        self.seen = _Seen()
        self._owned = set(owned)
        self._running: list[str] = []
        self._kept: list[Tensor] = []  # no address is used twice while its tensor lives

    def enter(self, name: str) -> Any:
        def hook(_: nn.Module, args: Any, kwargs: Any) -> None:
            inputs = _tensors((args, kwargs))
            tainted = any(_place(t) in self._owned for t in inputs)
            self.seen.calls[name].append(_Call(inputs, tainted))
            self._running.append(name)

        return hook

    def leave(self, name: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            self._running.pop()
            self.seen.calls[name][-1].output = output

        return hook

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        read, written = _tensors((args, kwargs)), _tensors(output)
        self._kept += written
        for tensor in read:
            self.seen.readers[_place(tensor)].append(tuple(self._running))
        if any(_place(tensor) in self._owned for tensor in read):
            changed = written + (read if func._schema.is_mutable else [])
            self._owned |= {_place(tensor) for tensor in changed}
        return output


def _shared(seen: _Seen, owned: Collection[str]) -> tuple[str, ...]:
    """Modules that saw nothing of a head's own, in the order of their calls, outermost only."""
    chosen: list[str] = []
    for name, calls in seen.calls.items():  # an outer module is entered before its inner ones
        only = calls[0]
        if (
            name
            and len(calls) == 1
            and only.inputs
            and not only.owned_inputs
            and isinstance(only.output, Tensor)
            and not any(o.startswith(f"{name}.") for o in owned)
            and not any(name.startswith(f"{outer}.") for outer in chosen)
        ):
            chosen.append(name)
    return tuple(chosen)


def _pairs(network: nn.Module, seen: _Seen, shared: Sequence[str]) -> list[tuple[str, str]]:
    modules = dict(network.named_modules())
    makers = {
        id(calls[0].output): name
        for name, calls in seen.calls.items()
        if len(calls) == 1 and isinstance(calls[0].output, Tensor) and can_fold(modules[name])
    }
    result = seen.calls[""][0].output
    found = []
    for norm, calls in seen.calls.items():
        layer = makers.get(id(calls[0].inputs[0])) if len(calls) == 1 and calls[0].inputs else None
        if layer is None or not isinstance(modules[norm], nn.modules.batchnorm._BatchNorm):
            continue
        between = calls[0].inputs[0]
        readers = seen.readers[_place(between)]
        private = between is not result and all(layer in r or norm in r for r in readers)
        # A shared layer in front of a head's own normalization is run once instead.
        apart = _inside(layer, shared) != _inside(norm, shared)
        image = seen.calls[layer][0].inputs[0]
        if private and not apart and folds_exactly(modules[layer], modules[norm], image):
            found.append((layer, norm))
    return found


def _inside(name: str, modules: Sequence[str]) -> str | None:
    return next((m for m in modules if name == m or name.startswith(f"{m}.")), None)


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
