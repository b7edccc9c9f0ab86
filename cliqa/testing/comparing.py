"""What differs between two states of something, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

__all__ = ["differing", "digests"]


def digests(tensors: Mapping[str, Tensor] | Iterable[tuple[str, Tensor]]) -> dict[str, str]:
    """Name -> digest of a tensor's bits."""
    from cliqa.resume.tensors import digest_of

    return {name: digest_of(tensor) for name, tensor in dict(tensors).items()}


def differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names that were changed, came or went."""
    return [name for name in {**before, **now} if before.get(name) != now.get(name)]
