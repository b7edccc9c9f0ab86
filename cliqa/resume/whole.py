"""What an object consists of, as digests by path: did it come back whole?

A method's `state` may forget something. Nothing would tell: the run would go on, with other
numbers. So all that can be reached from a strategy or gate is compared with what it was: tensors,
arrays, numbers and words, in attributes, containers and modules.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from pydantic import BaseModel
from torch import nn

from cliqa.data import ImageReader, RatedDataset, Task
from cliqa.resume.tensors import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["differences", "witness"]

_PLAIN: Final = (type(None), bool, int, float, complex, str, bytes, Enum, PurePath)
_PLAIN_TORCH: Final = (torch.dtype, torch.Size, np.generic)
#: What a run gives to every method and rebuilds by itself.
_GIVEN: Final = (RatedDataset, ImageReader, BaseModel)


def witness(root: object, model: nn.Module | None = None) -> dict[str, str]:
    """Path -> digest of all that can be reached from an object.

    Callables, and objects without attributes, are passed over.

    Args:
        root: a strategy, or a gate.
        model: the run's model; it, and tensors that share its memory, are not the object's own.
    """
    shared = set()
    if model is not None:
        tensors = [*model.parameters(), *model.buffers()]
        tensors += [t for own in getattr(model, "parameter_sets", []) for t in own.values()]
        shared = {t.untyped_storage().data_ptr() for t in tensors}
    return dict(_Walk(model, shared).of(root, ""))


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Paths at which two witnesses differ, in the order of their names."""
    return sorted(p for p in {*before, *now} if before.get(p) != now.get(p))


class _Walk:
    def __init__(self, model: nn.Module | None, shared: set[int]) -> None:
        self._model, self._shared = model, shared
        self._seen: set[int] = set()
        self._alive: list[object] = []  # an id is an object's only while it lives

    def of(self, item: object, path: str) -> Iterator[tuple[str, str]]:
        if isinstance(item, _PLAIN):
            yield path, repr(item)
        elif isinstance(item, _PLAIN_TORCH):
            yield path, str(item)
        elif isinstance(item, torch.device):
            yield path, item.type  # each process of a run has a GPU of its own
        elif isinstance(item, Task):
            yield path, f"task {item.name} {item.fingerprint}"
        elif item is self._model or isinstance(item, _GIVEN) or id(item) in self._seen:
            return
        else:
            self._seen.add(id(item))
            self._alive.append(item)
            yield from self._content(item, path)

    def _content(self, item: object, path: str) -> Iterator[tuple[str, str]]:
        if isinstance(item, torch.Tensor):
            if item.untyped_storage().data_ptr() not in self._shared or not item.numel():
                yield path, digest_of(item)
        elif isinstance(item, np.ndarray):
            content = np.ascontiguousarray(item)
            about = f"{content.dtype} {content.shape}".encode()
            yield path, hashlib.sha256(about + content.tobytes()).hexdigest()
        else:
            inside = list(_inside(item))
            if isinstance(item, list | tuple | dict | set | frozenset):
                yield f"{path}()", str(len(inside))  # that it is empty is content, too
            for name, value in inside:
                yield from self.of(value, f"{path}.{name}" if path else name)


def _inside(item: object) -> Iterator[tuple[str, Any]]:
    if isinstance(item, nn.Module):
        yield from item.named_parameters()
        yield from item.named_buffers()
        # Of a model also what is no module attribute: the parameter sets of its heads.
        plain = {k: v for k, v in vars(item).items() if not k.startswith("_") and k != "training"}
        yield from plain.items()
    elif isinstance(item, dict):
        yield from ((f"[{key}]", value) for key, value in item.items())
    elif isinstance(item, list | tuple):
        yield from ((f"[{n}]", value) for n, value in enumerate(item))
    elif isinstance(item, set | frozenset):
        yield from ((f"{{{n}}}", value) for n, value in enumerate(sorted(item, key=repr)))
    elif isinstance(item, type) or callable(item):
        return
    elif is_dataclass(item):
        yield from ((f.name, getattr(item, f.name, None)) for f in fields(item))
    else:
        yield from getattr(item, "__dict__", {}).items()
