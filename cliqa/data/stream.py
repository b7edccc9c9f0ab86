"""The task stream: which datasets are learned, in which order, from which images."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from cliqa.data.reader import ImageReader, short_side_first
from cliqa.data.resize import ORIGINAL, Resize
from cliqa.errors import ConfigError
from cliqa.registry.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cliqa.data.rated import RatedDataset
    from cliqa.data.resize import Size
    from cliqa.data.splits import Split

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
    """

    name: str
    dataset: RatedDataset
    split: Split
    fingerprint: str
    reader: ImageReader | None = field(default=None, repr=False, compare=False)

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
    """Tasks in the order they are learned, and sets that are only tested on."""

    tasks: tuple[Task, ...]
    order: str
    evaluate_only: tuple[Task, ...] = ()

    @property
    def images(self) -> int:
        """How many there are, over all sets."""
        return sum(len(task.sample_ids) for task in (*self.tasks, *self.evaluate_only))

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
        for task in (*self.tasks, *self.evaluate_only):
            others = sorted({*range(len(task.sample_ids))} - {*task.split.train})
            for rows, resizes in ((task.split.train, (test, train)), (others, (test,))):
                if rows:
                    seen, *learned = task.images.check(
                        rows, resizes, workers=workers, progress=progress
                    )
                    tested.append(seen)
                    trained += learned
        smallest = min(tested, key=short_side_first)
        return min(trained, key=short_side_first, default=smallest), smallest


def arrange(names: Sequence[str], order: str | Sequence[str]) -> tuple[int, ...]:
    """Positions of the tasks in the order to learn them.

    Args:
        names: the tasks' names as configured, which is Order I.
        order: `I` to `VIII`, `reverse`, or the names in the wanted order.

    Raises:
        ConfigError: unknown order, a roman order on other than six tasks, or names that are not
            exactly those of the tasks.
    """
    if not isinstance(order, str):
        return _by_names(names, order)
    if order == "reverse":
        return tuple(reversed(range(len(names))))
    if order not in ORDERS:
        close = suggest(order, [*ORDERS, "reverse"])
        hint = f" Did you mean {close[0]}?" if close else ""
        raise ConfigError(
            f"stream.order: no order `{order}`.{hint} Known: {', '.join(ORDERS)}, reverse, or a "
            "list of the tasks' names"
        )
    if order != "I" and len(names) != len(ORDERS[order]):
        raise ConfigError(
            f"stream.order: Order {order} is defined for six tasks, this stream has {len(names)}; "
            "use `I`, `reverse`, or a list of the tasks' names"
        )
    return tuple(range(len(names))) if order == "I" else ORDERS[order]


def _by_names(names: Sequence[str], order: Sequence[str]) -> tuple[int, ...]:
    if sorted(order) != sorted(names):
        raise ConfigError(
            f"stream.order: {list(order)} does not name each task once; the tasks are "
            f"{', '.join(names)}"
        )
    return tuple(list(names).index(name) for name in order)
