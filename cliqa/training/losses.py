"""The losses of an epoch, each checked to be finite without holding up the device."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from cliqa.errors import CliqaError

if TYPE_CHECKING:
    from torch import Tensor

    from cliqa.training.batches import Batch


class DivergedError(CliqaError, FloatingPointError):
    """A loss became nan or infinite."""


@dataclass
class Losses:
    """Losses of one update in one epoch.

    On a CPU a loss is read at once. On a GPU reading it would wait for the whole step, and the GPU
    for the next one: there it is copied beside the computation, and read when the next comes.

    Attributes:
        phase: name of the phase, for the message.
        epoch: counted from 0, for the message.
        values: those read so far.
    """

    phase: str
    epoch: int
    values: list[float] = field(default_factory=list)
    _waiting: tuple[Tensor, torch.cuda.Event | None, Batch] | None = None

    def add(self, loss: Tensor, batch: Batch) -> None:
        """Take one loss.

        Raises:
            DivergedError: it, or on a GPU the one before, is not finite; names its samples.
        """
        before, self._waiting = self._waiting, _on_its_way(loss.detach(), batch)
        if before is not None:
            self._read(*before)
        if not _is_copied(loss):
            self.finish()

    def finish(self) -> None:
        """Read what is still to be read; call it before the epoch's parameters are used.

        Raises:
            DivergedError: as `add`.
        """
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._read(*waiting)

    @property
    def mean(self) -> float:
        """Mean of the losses, 0 if there was none; all have to be read."""
        return sum(self.values) / len(self.values) if self.values else 0.0

    def _read(self, loss: Tensor, copied: torch.cuda.Event | None, batch: Batch) -> None:
        if copied is not None:
            copied.synchronize()
        value = loss.item()
        if not math.isfinite(value):
            raise DivergedError(
                f"loss is {value} in phase `{self.phase}`, epoch {self.epoch + 1}, on samples "
                f"{', '.join(batch.sample_ids)}; lower `train.lr`, or look at these images"
            )
        self.values.append(value)


def _is_copied(loss: Tensor) -> bool:
    """Whether it is read later: only CUDA tells when a copy has arrived."""
    return loss.device.type == "cuda"


def _on_its_way(loss: Tensor, batch: Batch) -> tuple[Tensor, torch.cuda.Event | None, Batch]:
    """The loss on the CPU, or on its way there with the event that says when it has arrived."""
    if not _is_copied(loss):
        return loss, None, batch
    arrived = torch.empty((), dtype=loss.dtype, pin_memory=True)
    arrived.copy_(loss, non_blocking=True)
    copied = torch.cuda.Event()
    copied.record()
    return arrived, copied, batch
