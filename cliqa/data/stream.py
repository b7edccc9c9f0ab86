"""The task stream: which datasets are learned, in which order, from which images."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from cliqa.data.reader import ImageReader, short_side_first
from cliqa.data.resize import ORIGINAL, Resize
from cliqa.data.splits import PARTS, Split, parted_groups
from cliqa.errors import ConfigError, DataError
from cliqa.registry.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cliqa.data.rated import RatedDataset
    from cliqa.data.resize import Size
    from cliqa.data.splits import SplitRecord

#: TSN-IQA's orders of six tasks as positions in Order I (LIVE CSIQ BID CLIVE KonIQ KADID), IV-D.
ORDERS: Final[dict[str, tuple[int, ...]]] = {
    "I": (0, 1, 2, 3, 4, 5),
    "II": (0, 2, 1, 3, 5, 4),
    "III": (0, 1, 5, 2, 3, 4),
    "IV": (2, 3, 4, 0, 1, 5),
    "V": (5, 4, 3, 2, 1, 0),
    "VI": (4, 5, 3, 1, 2, 0),
    "VII": (4, 3, 2, 5, 1, 0),
    "VIII": (5, 1, 0, 4, 3, 2),
}


@dataclass(frozen=True)
class Task:
    """One task: a dataset with its division.

    Attributes:
        name: its name in tables and files, unique in the stream.
        dataset: the rated images.
        split: row numbers of training, validation and test images.
        fingerprint: hash of the dataset's content.
        reader: reads the dataset's images, shared with other tasks of it; default: one's own.
        split_record: how the division came about.
    """

    name: str
    dataset: RatedDataset
    split: Split
    fingerprint: str
    reader: ImageReader | None = field(default=None, repr=False, compare=False)
    split_record: SplitRecord | None = None

    @cached_property
    def images(self) -> ImageReader:
        """Decoded pixels by row number."""
        return self.reader or ImageReader(self.dataset)

    @cached_property
    def sample_ids(self) -> list[str]:
        """Sample id of every row."""
        return list(self.dataset.table["sample_id"][:])

    @cached_property
    def quality(self) -> np.ndarray:
        """Quality of every row, float64 (N,), higher is better."""
        return np.asarray(self.dataset.table["quality"][:], dtype=np.float64)

    @cached_property
    def std(self) -> np.ndarray:
        """Standard deviation of the scores, float64 (N,), nan where the set gives none."""
        values = self.dataset.table["score_std"][:]
        return np.asarray([np.nan if v is None else v for v in values], dtype=np.float64)

    @cached_property
    def unit_quality(self) -> np.ndarray:
        """`quality` with the set's range of scores stretched to [0, 1], float64 (N,)."""
        low, high = self.dataset.quality_range
        return (self.quality - low) / (high - low)

    @cached_property
    def unit_std(self) -> np.ndarray:
        """`std` on the scale of `unit_quality`."""
        low, high = self.dataset.quality_range
        return self.std / (high - low)


@dataclass(frozen=True)
class TaskStream:
    """Tasks in the order they are learned, and sets that are only tested on.

    Attributes:
        tasks: in the order of learning.
        order: its name.
        evaluate_only: tested on after the last stage.
        sizes: how many tasks each stage learns; the last number repeats.
    """

    tasks: tuple[Task, ...]
    order: str
    evaluate_only: tuple[Task, ...] = ()
    sizes: tuple[int, ...] = (1,)

    @cached_property
    def stages(self) -> tuple[tuple[int, ...], ...]:
        """Positions of the tasks that each stage learns."""
        return group_stages(len(self.tasks), self.sizes)

    @property
    def learned_at(self) -> tuple[int, ...]:
        """For each task the stage, from 0, that learns it."""
        return tuple(stage for stage, tasks in enumerate(self.stages) for _ in tasks)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the results should know of the divisions."""
        return tuple(note for task in self.tasks if (note := _leak(task)))

    @property
    def images(self) -> int:
        """How many there are, over all sets."""
        return sum(len(train) + len(others) for _, train, others in self._readers())

    def check_images(
        self,
        train: Resize = ORIGINAL,
        test: Resize = ORIGINAL,
        *,
        workers: int = 1,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[Size, Size]:
        """Find images that cannot be read, and have all ready at the sizes they are needed in.

        Args:
            train: how training crops are made from training images.
            test: how every image is looked at: tested on, or what gates and the warm-up see.
            workers: threads to decode with.
            progress: told the number of images after each.

        Returns:
            Height and width of the smallest training image under `train`, and of the smallest of
            all images under `test`.

        Raises:
            DataError: the first that cannot be read.
        """
        trained, tested = [], []
        for reader, train_rows, others in self._readers():
            for rows, resizes in ((train_rows, (test, train)), (others, (test,))):
                if rows:
                    seen, *learned = reader.check(rows, resizes, workers=workers, progress=progress)
                    tested.append(seen)
                    trained += learned
        smallest = min(tested, key=short_side_first)
        return min(trained, key=short_side_first, default=smallest), smallest

    def _readers(self) -> list[tuple[ImageReader, list[int], list[int]]]:
        """Each reader once, with its training rows and all others.

        Tasks made of one dataset's distortions share its reader.
        """
        found: dict[int, tuple[Task, set[int]]] = {}
        for task in (*self.tasks, *self.evaluate_only):
            found.setdefault(id(task.images), (task, set()))[1].update(task.split.train)
        return [
            (task.images, sorted(train), sorted({*range(len(task.sample_ids))} - train))
            for task, train in found.values()
        ]


def group_stages(tasks: int, sizes: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Positions of the tasks of each stage: `sizes` of them in turn, the last number repeated.

    >>> group_stages(6, (3, 1))
    ((0, 1, 2), (3,), (4,), (5,))
    """
    found: list[tuple[int, ...]] = []
    first = 0
    while first < tasks:
        size = sizes[min(len(found), len(sizes) - 1)]
        found.append(tuple(range(first, min(first + size, tasks))))
        first += size
    return tuple(found)


def by_distortion(task: Task, prefix: str = "") -> list[Task]:
    """A task for each distortion type of a dataset, in order of appearance.

    They share the dataset's images and division; rows without a distortion, such as references,
    belong to none.

    Args:
        task: the whole dataset.
        prefix: put in front of each distortion's name.

    Raises:
        DataError: the dataset names no distortions, or a distortion has no image in some part.
    """
    types = task.dataset.table["distortion"][:]
    names = list(dict.fromkeys(t for t in types if t is not None))
    if not names:
        raise DataError(
            f"dataset `{task.name}` names no distortions, so its distortions cannot be tasks; "
            "expected `stream.per: dataset`"
        )
    return [_of_type(task, types, name, prefix) for name in names]


def _of_type(task: Task, types: Sequence[str | None], name: str, prefix: str) -> Task:
    parts = {
        part: tuple(row for row in getattr(task.split, part) if types[row] == name)
        for part in PARTS
    }
    empty = [part for part, rows in parts.items() if not rows]
    if empty:
        raise DataError(
            f"dataset `{task.name}`: distortion `{name}` has no {empty[0]} images; use more images "
            "or another `stream.split`"
        )
    label = prefix + re.sub(r"[^A-Za-z0-9._-]+", "-", name)
    return replace(task, name=label, split=Split(**parts), reader=task.images)


def _leak(task: Task) -> str | None:
    """What to say of a division that parts images of one content."""
    parted = parted_groups(task.dataset, task.split)
    if not parted:
        return None
    count = len({group for group in task.dataset.table["reference"][:] if group is not None})
    return (
        f"{task.name}: images of {len(parted)} of {count} contents are in more than one part of "
        f"the split, for example of `{parted[0]}`: test images are not new contents to the model"
    )


def check_order(order: str | Sequence[str], named: Mapping[str, Sequence[str]]) -> None:
    """Refuse an order of an unknown name, and a name that stands for two orders.

    Args:
        order: as for `arrange`.
        named: as for `arrange`.

    Raises:
        ConfigError: one of these two.
    """
    own = [*ORDERS, "reverse"]
    if taken := [name for name in named if name in own]:
        raise ConfigError(
            f"stream.orders: `{taken[0]}` is an order of cliqa's own; give yours another name"
        )
    if isinstance(order, str) and order not in own and order not in named:
        close = suggest(order, [*own, *named])
        hint = f" Did you mean {close[0]}?" if close else ""
        known = ", ".join([*own, *named])
        raise ConfigError(
            f"stream.order: no order `{order}`.{hint} Known: {known}, or a list of the tasks' names"
        )


def arrange(
    names: Sequence[str],
    order: str | Sequence[str],
    named: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> tuple[int, ...]:
    """Positions of the tasks in the order to learn them.

    Args:
        names: the tasks' names as configured, which is Order I.
        order: `I` to `VIII`, `reverse`, a key of `named`, or the names in the wanted order.
        named: orders of the user's own, name -> the tasks' names in that order.

    Raises:
        ConfigError: unknown order, a roman order on other than six tasks, or names that are not
            exactly those of the tasks.
    """
    check_order(order, named)
    if not isinstance(order, str):
        return _by_names(names, order, "stream.order")
    if order in named:
        return _by_names(names, named[order], f"stream.orders.{order}")
    if order == "reverse":
        return tuple(reversed(range(len(names))))
    if order != "I" and len(names) != len(ORDERS[order]):
        raise ConfigError(
            f"stream.order: Order {order} is defined for six tasks, this stream has {len(names)}; "
            "use `I`, `reverse`, or a list of the tasks' names"
        )
    return tuple(range(len(names))) if order == "I" else ORDERS[order]


def _by_names(names: Sequence[str], order: Sequence[str], key: str) -> tuple[int, ...]:
    if sorted(order) != sorted(names):
        raise ConfigError(
            f"{key}: {list(order)} does not name each task once; the tasks are {', '.join(names)}"
        )
    return tuple(list(names).index(name) for name in order)
