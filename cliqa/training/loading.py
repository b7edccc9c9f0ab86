"""Batches made ready by threads while the network learns from the ones before.

Threads, not processes: what a batch costs beyond the network is decoding, cropping and stacking,
during which Pillow and numpy leave the interpreter to others; and threads share the decoded images
that are kept, need no copy of the dataset, and leave nothing behind. A batch is a pure function of
(epoch, step), so it is the same whoever makes it.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    import torch

    from cliqa.training.batches import Batch, BatchSource

__all__ = ["LoadedAhead", "Loader", "loader_threads"]

#: Threads beside a GPU where nobody says: one batch is made while another waits.
_BESIDE_GPU: Final = 2


@runtime_checkable
class LoadedAhead(Protocol):
    """A `BatchSource` whose batches can be made in two parts, the first in any thread.

    `finish(load(epoch, step))` is `batch(epoch, step)`.
    """

    def load(self, epoch: int, step: int) -> Any:
        """Read and arrange what the batch is made of; uses no device and draws no torch number."""

    def finish(self, loaded: Any) -> Batch:
        """Put it on the device and make the batch, in the thread that trains."""


class Loader:
    """The batches of a source, in order, the next ones being loaded by threads.

    Without threads, or with a source that is not `LoadedAhead`, each is made when it is asked for.
    Use it as a context: at its end the threads have ended, whatever they were doing.

    Args:
        source: the batches.
        epochs: how often the source is gone through; nothing is loaded beyond.
        threads: how many there are; as many batches are loaded ahead.
    """

    def __init__(self, source: BatchSource, epochs: int, threads: int) -> None:
        self._source = source
        self._places = epochs * source.steps
        self._ahead = source if threads and isinstance(source, LoadedAhead) else None
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: dict[int, Future[Any]] = {}

    def __enter__(self) -> Self:
        if self._ahead is not None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="cliqa-loader")
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.clear()
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def batch(self, epoch: int, step: int) -> Batch:
        """The source's batch of that epoch and step; those after it begin to be loaded.

        Raises:
            CliqaError: what loading it raised, as it was raised.
        """
        if self._ahead is None or self._pool is None:
            return self._source.batch(epoch, step)
        place = epoch * self._source.steps + step
        loaded = self._waiting.pop(place, None) or self._begin(place)
        for later in range(place + 1, min(place + 1 + self._threads, self._places)):
            if later not in self._waiting:
                self._waiting[later] = self._begin(later)
        return self._ahead.finish(loaded.result())

    def _begin(self, place: int) -> Future[Any]:
        assert self._ahead is not None and self._pool is not None  # noqa: S101, PT018
        return self._pool.submit(self._ahead.load, *divmod(place, self._source.steps))


def loader_threads(wanted: int | None, device: torch.device) -> int:
    """Threads of a run: as the configuration says, else 2 beside a GPU and none on a CPU.

    On a CPU the network takes every core, and a thread more would only take from it.
    """
    if wanted is not None:
        return wanted
    return _BESIDE_GPU if device.type == "cuda" else 0
