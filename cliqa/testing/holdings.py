"""Which images an object holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import nn

from cliqa.data import ImageReader, RatedDataset, Task

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["held_images", "held_tasks"]

#: Smaller squares are kernels of convolutions.
_SMALLEST: Final = 8
_PLAIN: Final = (str, bytes, int, float, complex, type(None), type)


def held_images(root: object) -> dict[str, int]:
    """Attribute -> how many images of three channels its tensors and arrays hold."""
    found = {path: _count(item) for path, item in _walk(root, "", set())}
    return {path: count for path, count in found.items() if count}


def held_tasks(root: object) -> list[str]:
    """Attributes that hold a task, a set or a reader of one, and with it all its images."""
    kinds = (Task, RatedDataset, ImageReader)
    return [path for path, item in _walk(root, "", set()) if isinstance(item, kinds)]


def _count(item: object) -> int:
    if not isinstance(item, torch.Tensor | np.ndarray) or len(item.shape) < 3:
        return 0
    *before, a, b, c = item.shape
    if (a == 3 and min(b, c) >= _SMALLEST) or (c == 3 and min(a, b) >= _SMALLEST):
        return int(np.prod(before)) if before else 1
    return 0


def _walk(item: object, path: str, seen: set[int]) -> Iterator[tuple[str, object]]:
    if isinstance(item, _PLAIN) or id(item) in seen:
        return
    seen.add(id(item))
    yield path, item
    if isinstance(item, torch.Tensor | np.ndarray | Task | RatedDataset | ImageReader):
        return
    for name, value in _inside(item):
        yield from _walk(value, f"{path}{name}" if path else name.lstrip("."), seen)


def _inside(item: object) -> Iterator[tuple[str, Any]]:
    if isinstance(item, dict):
        yield from ((f"[{key}]", value) for key, value in item.items())
    elif isinstance(item, list | tuple | set | frozenset):
        yield from ((f"[{n}]", value) for n, value in enumerate(item))
    elif isinstance(item, nn.Module):
        yield from ((f".{n}", t) for n, t in item.state_dict().items())
        yield from ((f".{n}", v) for n, v in vars(item).items() if not n.startswith("_"))
    elif not callable(item):
        yield from ((f".{name}", value) for name, value in getattr(item, "__dict__", {}).items())
