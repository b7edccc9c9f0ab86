"""Only algorithms that give the same bits every time."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from cliqa.errors import CapabilityError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["strictly"]


@contextmanager
def strictly(wanted: bool) -> Iterator[None]:
    """Run with torch's deterministic algorithms, or as torch is set up.

    Raises:
        CapabilityError: an operation has no such algorithm on this device.
    """
    if not wanted:
        yield
        return
    # cuBLAS needs it, and reads it when it is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic  # torch does not declare its one attribute
    filled = memory.fill_uninitialized_memory
    benchmark = torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    # Filling fresh memory with nan finds defects in programs; it costs time and decides nothing.
    memory.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    try:
        yield
    except RuntimeError as error:
        if "use_deterministic_algorithms" not in str(error):
            raise
        raise CapabilityError(
            f"{str(error).splitlines()[0]} Set `strict: false` to run without; a run that was cut "
            "off and goes on may then differ in its last bits"
        ) from error
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warned)
        memory.fill_uninitialized_memory = filled
        torch.backends.cudnn.benchmark = benchmark
