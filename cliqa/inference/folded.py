"""Scoring with inference copies: normalization folded, shared layers run once a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import torch
from torch import Tensor
from torch.func import functional_call

from cliqa.inference.copies import SharedParts, exact_arithmetic, own_bytes
from cliqa.inference.scorer import Scorer
from cliqa.inference.structure import Layout, observe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from cliqa.model import QualityModel

#: The largest difference of a feature that an inference copy may show from the plain network, as a
#: part of the feature's length. The scores of a cosine head then differ by no more than this.
COPY_TOLERANCE: Final = 1e-4
#: In place of a head's number: the network of all heads that own no tensors.
_SHARED: Final = -1


class FoldedScorer(Scorer):
    """Head after head with inference copies.

    What can be folded and what is shared is observed once for all heads that own tensors of the
    same names. It depends neither on how many heads are scored together nor on how fast the machine
    is: a head's scores are the same bits at every step of a run. A copy that does not give the
    plain network's feature of the first image within `COPY_TOLERANCE` is not used, and `record`
    names its head.

    Copies are kept up to the bound on memory; those beyond are made again for every batch, which
    takes about as long as writing the network's weights. Under autocast the folded weights are kept
    in its type, so that they are not converted for every batch.
    """

    name: ClassVar[str] = "folded"

    def __init__(self, model: QualityModel, memory: int = 10**9) -> None:
        super().__init__(model, memory)
        self._layouts: dict[frozenset[str], Layout] = {}
        self._parts: dict[frozenset[str], SharedParts] = {}
        self._kept: dict[tuple[int, torch.dtype], nn.Module] = {}
        self._left = memory
        self._difference: dict[int, float] = {}
        self._refused: set[int] = set()

    @torch.no_grad()
    def scores(self, images: Tensor, heads: Sequence[int]) -> Tensor:
        """See `Scorer.scores`."""
        model = self.model
        networks = [head if model.parameter_sets[head] else _SHARED for head in heads]
        first = images[:1]
        for network in dict.fromkeys(networks):
            self._check(network, first)
        shared: Tensor | None = None
        columns = []
        try:
            for head, network in zip(heads, networks, strict=True):
                if network != _SHARED:
                    features = self._features(network, images)
                else:
                    shared = self._features(network, images) if shared is None else shared
                    features = shared
                columns.append(model.score(head, features))
        finally:
            for parts in self._parts.values():
                parts.forget()
        return torch.stack(columns, dim=1)

    def forget(self) -> None:
        """Let go of everything that was made of the tensors' values."""
        self._parts, self._kept, self._left = {}, {}, self.memory
        self._difference = {}

    def record(self) -> dict[str, Any]:
        """How many layers are folded and shared, and the heads that had to do without."""
        layouts = self._layouts.values()
        notes = {"not_observed": sorted({layout.reason for layout in layouts if layout.reason})}
        notes["not_copied"] = sorted(
            "the shared network" if head == _SHARED else f"head {head + 1}"
            for head in self._refused
        )
        return {
            "scorer": self.name,
            "folded_layers": max((len(layout.pairs) for layout in layouts), default=0),
            "shared_parts": sorted({name for layout in layouts for name in layout.shared}),
            **{key: found for key, found in notes.items() if found},
        }

    def _own(self, head: int) -> dict[str, Tensor]:
        return {} if head == _SHARED else self.model.parameter_sets[head]

    def _features(self, head: int, images: Tensor) -> Tensor:
        if not self._difference[head] <= COPY_TOLERANCE:
            return self._plain(head, images)
        features: Tensor = self._network(head, images)(images)
        return features

    def _plain(self, head: int, images: Tensor) -> Tensor:
        features: Tensor = functional_call(self.model.backbone, self._own(head), (images,))
        return features

    def _check(self, head: int, image: Tensor) -> None:
        """Compare the copy with the plain network, once until the next `forget`."""
        if head in self._difference:
            return
        with exact_arithmetic(image.device):
            plain = self._plain(head, image)
            copied = self._copy(head, image)(image)
            difference = (copied - plain).norm() / plain.norm().clamp_min(1e-12)
        self._difference[head] = float(difference)
        if not difference <= COPY_TOLERANCE:  # nan too
            self._refused.add(head)

    def _network(self, head: int, images: Tensor) -> nn.Module:
        key = head, _arithmetic(images.device)
        if key in self._kept:
            return self._kept[key]
        network = self._copy(head, images[:1])
        names = frozenset(self._own(head))
        for layer, _ in self._layouts[names].pairs:
            if not self._parts[names].holds(layer):  # those are every head's
                network.get_submodule(layer).to(key[1])
        size = own_bytes(network, self.model.backbone)
        if size <= self._left:
            self._left -= size
            self._kept[key] = network
        return network

    def _copy(self, head: int, image: Tensor) -> nn.Module:
        own, backbone = self._own(head), self.model.backbone
        names = frozenset(own)
        if names not in self._layouts:
            self._layouts[names] = observe(backbone, image, names)
        if names not in self._parts:
            self._parts[names] = SharedParts(backbone, self._layouts[names])
        return self._parts[names].network_for(backbone, own)


def _arithmetic(device: torch.device) -> torch.dtype:
    """What convolutions compute in at the moment."""
    if torch.is_autocast_enabled(device.type):
        return torch.get_autocast_dtype(device.type)
    return torch.float32
