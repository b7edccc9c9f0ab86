"""Process 0 writes a run and finds where it goes on; the others follow.

Only process 0 looks into the run's folder: what it decides there is told to the others, and so is a
checkpoint, with its tensors. So a folder that only one machine has, or that others see a moment
later, is no trouble.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from cliqa.distributed import agreed, bytes_of_first, world
from cliqa.results import BundleWriter
from cliqa.resume import Entry, TensorPool
from cliqa.run.keeper import Position
from cliqa.run.way_back import WayBack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

__all__ = ["SilentWriter", "shared_ways", "writer_of"]


class SilentWriter(BundleWriter):
    """Stands where a process writes nothing, because process 0 does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, relative: str) -> Path:
        """Nowhere: who writes files by themselves must ask who they are."""
        raise NotImplementedError(f"only process 0 writes {relative}")

    def write_bytes(self, relative: str, content: bytes) -> None:
        """Nothing."""

    def write_json(self, relative: str, value: Any) -> None:
        """Nothing."""

    def _write_table(self, name: str, columns: Any) -> None:
        """Nothing."""

    def log(self, record: Any) -> None:
        """Nothing."""

    def log_mark(self) -> dict[str, Any]:
        """No log."""
        return {}

    def log_since(self, mark: Any) -> list[dict[str, Any]]:  # noqa: ARG002 - the writer's signature
        """No log."""
        return []

    def sync_log(self) -> None:
        """Nothing."""

    def empty_log(self) -> None:
        """Nothing."""

    def cut_log(self, mark: Any) -> None:
        """Nothing."""

    def digests(self) -> dict[str, str]:
        """No files."""
        return {}

    def finish(self) -> None:
        """Nothing."""


def writer_of(folder: Path) -> BundleWriter:
    """What this process writes a bundle with."""
    return SilentWriter(folder) if world().rank else BundleWriter(folder)


def shared_ways(ways: Iterator[WayBack]) -> Iterator[WayBack]:
    """The ways that process 0 finds, on every process.

    Args:
        ways: of process 0; elsewhere nobody looks at them.
    """
    if world().size == 1:
        yield from ways
        return
    while True:
        found = None if world().rank else next(ways)
        about = agreed(lambda found=found: _words(found))  # type: ignore[misc]
        contents = _contents(found)
        yield found or _understood(about, contents)


def _words(way: WayBack | None) -> dict[str, Any]:
    assert way is not None  # noqa: S101 (only process 0 is asked)
    position = way.position
    plain = {
        "name": way.name,
        "over": way.over,
        "method": way.method,
        "finished": way.finished,
        "attempts": way.attempts,
    }
    if position is None:
        return {"way": plain, "position": None}
    entries = {name: asdict(entry) for name, entry in position.entries.items()}
    return {"way": plain, "position": {"values": position.values, "entries": entries}}


def _contents(way: WayBack | None) -> TensorPool:
    """What the tensors of process 0's checkpoint hold, one after the other."""
    pool = TensorPool()
    position = None if way is None else way.position
    held = [] if position is None else list(position.pool.contents(position.entries.values()))
    for digest in agreed(lambda: held):
        tensors: dict[str, Tensor] = {}
        if position is not None:
            tensors = position.pool.contents([Entry(digest, (), "cpu")])
        sent = bytes_of_first(save_tensors(tensors) if tensors else b"")
        if position is None:
            pool.hold(load_tensors(sent)[digest])
    return pool


def _understood(about: dict[str, Any], pool: TensorPool) -> WayBack:
    position = None
    if about["position"] is not None:
        entries = {n: _entry(**e) for n, e in about["position"]["entries"].items()}
        position = Position(about["position"]["values"], entries, pool)
    return WayBack(position=position, **about["way"])


def _entry(digest: str, stride: list[int], device: str) -> Entry:
    """What lay on the GPU of process 0 goes to this one's."""
    on_gpu = device.startswith("cuda")
    own = f"cuda:{torch.cuda.current_device()}" if on_gpu else device
    return Entry(digest, tuple(stride), own)
