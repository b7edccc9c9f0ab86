"""Named seeds: every random number of a run comes from one of these.

A stream of random numbers is named by what it is for (`"train", "live-like", "epoch", 3`), not by
when it is drawn. So a task draws the same numbers at any place of any order, whatever other
components do.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

__all__ = ["named_generator", "named_rng", "named_seed"]


def named_seed(root: int, *names: object) -> int:
    """A seed in [0, 2**63) that depends on `root` and every name, on no platform or hash seed."""
    text = "\x1f".join([str(root), *(str(name) for name in names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def named_rng(root: int, *names: object) -> np.random.Generator:
    """A numpy generator for the stream of that name."""
    return np.random.Generator(np.random.Philox(named_seed(root, *names)))


def named_generator(root: int, *names: object) -> torch.Generator:
    """A torch CPU generator for the stream of that name."""
    import torch

    return torch.Generator().manual_seed(named_seed(root, *names))
