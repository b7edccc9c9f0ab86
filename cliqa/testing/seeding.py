"""Who seeds a random generator of the whole process, or makes one of a fixed seed."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Seeding"]

_CORE: Final = Path(__file__).parents[1]
_WATCHED: Final = (
    (torch, "manual_seed"),
    (np.random, "seed"),
    (np.random, "default_rng"),
    (random, "seed"),
)


@dataclass
class Seeding:
    """Within it, every call from a plugin is noted; a context.

    Attributes:
        calls: (function, seed) -> file and line of the first call.
    """

    calls: dict[tuple[str, str], str] = field(default_factory=dict)
    _originals: list[Callable[..., Any]] = field(default_factory=list, repr=False)

    def __enter__(self) -> Self:
        for holder, name in _WATCHED:
            original = getattr(holder, name)
            self._originals.append(original)
            setattr(holder, name, self._noting(original, f"{holder.__name__}.{name}"))
        return self

    def __exit__(self, *error: object) -> None:
        for (holder, name), original in zip(_WATCHED, self._originals, strict=True):
            setattr(holder, name, original)
        self._originals.clear()

    def _noting(self, original: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            frame = sys._getframe(1)
            file = Path(frame.f_code.co_filename)
            library = "site-packages" in file.parts or file.is_relative_to(_CORE)
            if not library and (args or kwargs):
                seed = str(args[0] if args else next(iter(kwargs.values())))
                self.calls.setdefault((name, seed), f"{file}:{frame.f_lineno}")
            return original(*args, **kwargs)

        return call
