"""Checks leave the process as they found it."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["undisturbed"]


@contextmanager
def undisturbed() -> Iterator[None]:
    """One thread for tiny networks; random generators and threads are put back afterwards."""
    import numpy as np
    import torch

    threads = torch.get_num_threads()
    plain, of_numpy, of_torch = random.getstate(), np.random.get_state(), torch.get_rng_state()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        random.setstate(plain)
        np.random.set_state(of_numpy)
        torch.set_rng_state(of_torch)
