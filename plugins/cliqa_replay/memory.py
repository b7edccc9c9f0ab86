"""A bounded memory of training images, and batches that mix it with the current task."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cliqa.seeds import named_rng

if TYPE_CHECKING:
    from cliqa.data import Task
    from cliqa.training import Batch, ImageBatches, LoadedImages


@dataclass
class Memory:
    """Old tasks' images, the same number of each, at most `size` in all.

    Each task has one random order; a smaller quota keeps a prefix of it, so nothing that was given
    up is ever used again.
    """

    size: int
    tasks: list[Task] = field(default_factory=list)
    orders: list[list[int]] = field(default_factory=list)

    def add(self, task: Task, seed: int) -> None:
        """Remember a task; the others give up images to make room."""
        order = named_rng(seed, "memory", task.name).permutation(list(task.split.train))
        self.tasks.append(task)
        self.orders.append([int(row) for row in order])

    def rows(self) -> list[list[int]]:
        """Rows kept of each task."""
        quota = self.size // max(1, len(self.tasks))
        return [order[:quota] for order in self.orders]

    def __len__(self) -> int:
        return sum(len(rows) for rows in self.rows())


@dataclass(frozen=True)
class Mixed:
    """Batches of the current task with as many of the memory behind them.

    In `Batch.task` the memory's tasks count on from the number of current ones.
    """

    current: ImageBatches
    memory: ImageBatches
    current_tasks: int

    @property
    def steps(self) -> int:
        """Steps an epoch: those of the current task."""
        return self.current.steps

    @property
    def samples(self) -> int:
        """Samples an epoch, about: the memory's batches are of nearly equal size."""
        return self.current.samples + self.steps * self.memory.samples // self.memory.steps

    def batch(self, epoch: int, step: int) -> Batch:
        """See `BatchSource.batch`."""
        return self.finish(self.load(epoch, step))

    def load(self, epoch: int, step: int) -> tuple[LoadedImages, LoadedImages]:
        """See `LoadedAhead.load`."""
        place = divmod(epoch * self.steps + step, self.memory.steps)
        return self.current.load(epoch, step), self.memory.load(*place)

    def finish(self, loaded: tuple[LoadedImages, LoadedImages]) -> Batch:
        """See `LoadedAhead.finish`."""
        now, old = self.current.finish(loaded[0]), self.memory.finish(loaded[1])
        first = self.current_tasks
        return now.beside(dataclasses.replace(old, task=old.task + first, scale=old.scale + first))
