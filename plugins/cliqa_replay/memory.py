"""A bounded memory of training images, and batches that mix it with the current task."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from cliqa.seeds import named_rng

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from cliqa.data import Task
    from cliqa.training import Batch, ImageBatches, LoadedImages


@dataclass
class Memory:
    """Old tasks' images, the same number of each, at most `size` in all.

    Each task has one random order; a smaller quota keeps a prefix of it, so nothing that was given
    up is ever used again.

    Attributes:
        size: images in all.
        tasks: the old tasks.
        kept: rows kept of each, in its random order.
    """

    size: int
    tasks: list[Task] = field(default_factory=list)
    kept: list[list[int]] = field(default_factory=list)

    def add(self, task: Task, seed: int) -> None:
        """Remember a task; the others give up images to make room."""
        order = named_rng(seed, "memory", task.name).permutation(list(task.split.train))
        self.tasks.append(task)
        quota = self.size // len(self.tasks)
        self.kept = [rows[:quota] for rows in (*self.kept, [int(row) for row in order])]

    def state(self) -> dict[str, Tensor]:
        """`NUMBER/TASK` -> rows kept, int64."""
        found = zip(self.tasks, self.kept, strict=True)
        return {
            f"{n}/{task.name}": torch.tensor(rows, dtype=torch.int64)
            for n, (task, rows) in enumerate(found)
        }

    def restore(self, state: Mapping[str, Tensor], tasks: Sequence[Task]) -> None:
        """Become what `state` described; `tasks` are those it may be of."""
        named = {task.name: task for task in tasks}
        entries = sorted(state, key=lambda key: int(key.split("/")[0]))
        self.tasks = [named[key.split("/", 1)[1]] for key in entries]
        self.kept = [state[key].tolist() for key in entries]

    def __len__(self) -> int:
        return sum(len(rows) for rows in self.kept)


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
