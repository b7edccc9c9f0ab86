"""Which training images, or pairs of them, make up each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from cliqa.seeds import named_rng

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cliqa.data.stream import Task

#: Listed pairs for each training image, where nobody says: 7,000 pairs of LIVE's 538 images and
#: 95,000 of KonIQ-10k's 7,051 in TSN-IQA's released lists are 13 an image.
PAIRS_PER_IMAGE: Final = 13


@dataclass(frozen=True)
class Draw:
    """What one step looks at.

    Attributes:
        positions: int64 (B,), among all samples.
        pairs: int64 (M, 2), positions within the batch, or None for all pairs in it.
        parts: how many images go through the network at a time, or None for all.
    """

    positions: np.ndarray
    pairs: np.ndarray | None = None
    parts: tuple[int, ...] | None = None


class Samples:
    """Training images of some tasks, shuffled anew each epoch by a named seed.

    Args:
        tasks: the datasets.
        batch_size: units (images, or pairs of a list) a step.
        seed: the run's seed.
        name: of the random order.
        rows: which images of each task; default: all its training images.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        batch_size: int,
        seed: int,
        name: str,
        rows: Sequence[Sequence[int]] | None = None,
    ) -> None:
        self.tasks = tasks
        self._seed, self._name = seed, name
        rows = [task.split.train for task in tasks] if rows is None else rows
        self._index = [(number, row) for number, own in enumerate(rows) for row in own]
        self.number = np.asarray([number for number, _ in self._index], dtype=np.int64)
        own = list(zip(tasks, map(list, rows), strict=True))
        self.quality = np.concatenate([task.unit_quality[r] for task, r in own])
        self.std = np.concatenate([task.unit_std[r] for task, r in own])
        scales = list(dict.fromkeys(task.fingerprint for task in tasks))
        of_task = np.asarray([scales.index(task.fingerprint) for task in tasks], dtype=np.int64)
        self.scale = of_task[self.number]
        self._names = [
            "+".join(t.name for t, s in zip(tasks, of_task, strict=True) if s == scale)
            for scale in range(len(scales))
        ]
        self._units = [
            self._units_of(name, np.flatnonzero(self.scale == scale))
            for scale, name in enumerate(self._names)
        ]
        # Batches of nearly equal size: a last batch of one image would hold no pair.
        self._steps = [-(-len(units) // batch_size) for units in self._units]
        self.steps = sum(self._steps)
        ids = [tasks[number].sample_ids[row] for number, row in self._index]
        self._ids = np.asarray(ids, dtype=object)
        self._planned: tuple[int, list[np.ndarray]] | None = None

    def _units_of(self, name: str, positions: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """The units of one scale, from the positions of its images."""
        return positions

    def __len__(self) -> int:
        return len(self._index)

    def rows(self, positions: np.ndarray) -> list[tuple[Task, int, str]]:
        """Task, row in its table and sample id of each position."""
        found = []
        for position in positions.tolist():
            number, row = self._index[position]
            found.append((self.tasks[number], row, self._ids[position]))
        return found

    def ids(self, positions: np.ndarray) -> tuple[str, ...]:
        """Sample id of each position."""
        return tuple(self._ids[positions].tolist())

    def draw(self, epoch: int, step: int) -> Draw:
        """The images of that step; all pairs among them are learned from."""
        return Draw(self._chosen(epoch, step))

    def _chosen(self, epoch: int, step: int) -> np.ndarray:
        """Units of one step."""
        planned = self._planned
        # The whole epoch is drawn at once: one permutation a step would cost more than the step
        # where the units are many. Threads that draw at once at worst draw the same plan twice.
        if planned is None or planned[0] != epoch:
            planned = self._planned = (epoch, self._plan(epoch))
        return planned[1][step]

    def _plan(self, epoch: int) -> list[np.ndarray]:
        """Units of each step: of one dataset, whose order and place in the epoch are random.

        Pairs never cross datasets, so a batch of one dataset holds as many pairs as a batch can;
        spread over six datasets, sixteen images would hold about a seventh of them.
        """
        names = self._names
        turns = np.repeat(np.arange(len(names)), self._steps)
        if len(names) > 1:
            named_rng(self._seed, self._name, "turns", *names, epoch).shuffle(turns)
        batches = []
        for name, units, steps in zip(names, self._units, self._steps, strict=True):
            order = named_rng(self._seed, self._name, name, epoch).permutation(len(units))
            batches.append(iter(np.array_split(units[order], steps)))
        return [next(batches[scale]) for scale in turns]


class PairList(Samples):
    """A fixed random list of pairs of images, as the released code of TSN-IQA learns from.

    The first images of a batch's pairs go through the network together, then the second ones.

    Args:
        tasks: the datasets.
        batch_size: pairs a step.
        seed: the run's seed; it also draws the list, without repetition.
        name: of the random order.
        rows: which images of each task; default: all its training images.
        size: pairs in the list of each task, by task name or the same for all; default:
            `PAIRS_PER_IMAGE` for each image. Never more than there are.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        batch_size: int,
        seed: int,
        name: str,
        rows: Sequence[Sequence[int]] | None = None,
        size: int | Mapping[str, int] | None = None,
    ) -> None:
        self._size = size
        super().__init__(tasks, batch_size, seed, name, rows)

    def __len__(self) -> int:
        return 2 * sum(len(pairs) for pairs in self._units)

    def _units_of(self, name: str, positions: np.ndarray) -> np.ndarray:
        size, images = self._size, len(positions)
        wanted = size if size is None or isinstance(size, int) else size.get(name)
        wanted = PAIRS_PER_IMAGE * images if wanted is None else wanted
        every = images * (images - 1) // 2
        rng = named_rng(self._seed, "pair list", name)
        chosen = rng.choice(every, min(wanted, every), replace=False)
        return positions[pair_numbers(chosen, images)]

    def draw(self, epoch: int, step: int) -> Draw:
        """The images of that step's pairs: all first ones, then all second ones."""
        pairs = self._chosen(epoch, step)
        count = len(pairs)
        places = np.arange(2 * count).reshape(2, count).T
        return Draw(pairs.T.reshape(-1), places, (count, count))


def pair_numbers(number: np.ndarray, images: int) -> np.ndarray:
    """The pairs i < j of so many images by their number, counted row by row: (M,) -> (M, 2)."""
    starts = np.cumsum([0, *range(images - 1, 0, -1)])  # the number of the first pair of each i
    i = np.searchsorted(starts, number, side="right") - 1
    return np.stack([i, i + 1 + number - starts[i]], axis=1)
