"""Tensors by their content: equal ones are kept, and written, once.

A checkpoint holds the model as it was at the start of the stage and after each of its phases. Most
of that never changed: the whole network through the warm-up of a head, all convolutions with
task-specific normalization.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Entry", "TensorPool"]


@dataclass(frozen=True)
class Entry:
    """Where a tensor's content is, and how it lay in memory.

    Attributes:
        digest: of dtype, shape and content.
        stride: of the original: kernels add up in an order that depends on it, so that a
            channels-last weight that came back contiguous would give other bits.
        device: where the original was.
    """

    digest: str
    stride: tuple[int, ...]
    device: str


@dataclass
class TensorPool:
    """Copies of tensors on the CPU, by digest.

    Args:
        parent: looked into first; what is there is not kept again.
    """

    parent: TensorPool | None = None
    _kept: dict[str, Tensor] = field(default_factory=dict)

    def add(self, tensors: Mapping[str, Tensor], prefix: str = "") -> dict[str, Entry]:
        """Keep copies of tensors as they are now; returns where to find each."""
        return {f"{prefix}{name}": self._add(tensor) for name, tensor in tensors.items()}

    def _add(self, tensor: Tensor) -> Entry:
        content = _plain(tensor)
        digest = digest_of(content)
        if self.find(digest) is None:
            self._kept[digest] = content
        return Entry(digest, tuple(tensor.stride()), str(tensor.device))

    def hold(self, content: Tensor) -> str:
        """Keep a tensor itself, which nobody else changes; returns its digest."""
        digest = digest_of(content)
        self._kept[digest] = content
        return digest

    def find(self, digest: str) -> Tensor | None:
        """The content, not to be changed; None if it is not here."""
        found = None if self.parent is None else self.parent.find(digest)
        return self._kept.get(digest) if found is None else found

    def get(self, entry: Entry) -> Tensor:
        """A new tensor as it was when it was added.

        Raises:
            KeyError: its content is not here.
        """
        content = self.find(entry.digest)
        if content is None:
            raise KeyError(f"no tensor with digest {entry.digest}")
        # An expanded tensor (stride 0) has no memory of its own to lie in.
        if 0 in entry.stride or entry.stride == content.stride():
            return content.clone().to(entry.device)
        laid = torch.empty_strided(content.shape, entry.stride, dtype=content.dtype)
        return laid.copy_(content).to(entry.device)

    def get_all(self, entries: Mapping[str, Entry], prefix: str = "") -> dict[str, Tensor]:
        """New tensors of all entries whose names begin so, by the rest of their names."""
        return {
            name.removeprefix(prefix): self.get(entry)
            for name, entry in entries.items()
            if name.startswith(prefix)
        }

    def contents(self, entries: Iterable[Entry]) -> dict[str, Tensor]:
        """Digest -> content of everything that the entries need, each once."""
        found = {entry.digest: self.find(entry.digest) for entry in entries}
        return {digest: content for digest, content in found.items() if content is not None}


def digest_of(tensor: Tensor) -> str:
    """SHA-256 of a tensor's dtype, shape and content."""
    content = _plain(tensor) if tensor.device.type != "cpu" or _odd(tensor) else tensor.detach()
    total = hashlib.sha256(f"{content.dtype} {tuple(content.shape)}".encode())
    total.update(content.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def _plain(tensor: Tensor) -> Tensor:
    """A copy on the CPU that lies row by row, whatever the strides of sides of length 1 say."""
    return torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor.detach())


def _odd(tensor: Tensor) -> bool:
    return tensor.stride() != torch.empty(tensor.shape, device="meta").stride()
