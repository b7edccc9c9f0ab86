"""Named seeds: every random number of a run comes from one of these.

A stream of random numbers is named by what it is for (`"train", "live-like", "epoch", 3`), not by
when it is drawn. So a task draws the same numbers at any place of any order, whatever other
components do.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import torch

__all__ = ["named_draws", "named_generator", "named_rng", "named_seed"]

_WORDS: Final = struct.Struct(">4Q")


def named_seed(root: int, *names: object) -> int:
    """A seed in [0, 2**63) that depends on `root` and every name, on no platform or hash seed."""
    return int.from_bytes(_digest(root, names)[:8], "big") >> 1


def named_draws(root: int, *names: object) -> tuple[float, float, float, float]:
    """Four numbers in [0, 1) of that name, uniform and independent.

    They are the digest itself, with no generator behind it: where an image needs three numbers,
    setting up a generator for each of them costs more than all that is done with the image.
    """
    a, b, c, d = _WORDS.unpack(_digest(root, names))
    return (a >> 11) * 2.0**-53, (b >> 11) * 2.0**-53, (c >> 11) * 2.0**-53, (d >> 11) * 2.0**-53


def _digest(root: int, names: tuple[object, ...]) -> bytes:
    return hashlib.sha256("\x1f".join(map(str, (root, *names))).encode()).digest()


def named_rng(root: int, *names: object) -> np.random.Generator:
    """A numpy generator for the stream of that name."""
    return np.random.Generator(np.random.Philox(named_seed(root, *names)))


def named_generator(root: int, *names: object) -> torch.Generator:
    """A torch CPU generator for the stream of that name."""
    import torch

    return torch.Generator().manual_seed(named_seed(root, *names))
