"""Batches as pure functions of (epoch, step).

Nothing is drawn from a running generator: a batch can be made again after a crash, in another
process, or out of turn, and is the same batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from cliqa.data.images import training_view
from cliqa.errors import DataError
from cliqa.model.scoring import to_input
from cliqa.seeds import named_rng

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.config import TrainConfig
    from cliqa.data.stream import Task
    from cliqa.model.backbone import Backbone


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Samples of one step: images, or features of a frozen backbone.

    Attributes:
        images: standardised float32 (B, 3, H, W), or None.
        features: float32 (B, feature_dim), or None.
        quality: float32 (B,), higher is better, on the scale of each sample's own dataset.
        std: float32 (B,), standard deviation of `quality`, nan where unknown.
        task: int64 (B,), equal for samples of one dataset; scores of different datasets are not
            comparable, so pairs never cross it.
        sample_ids: B ids.
    """

    images: Tensor | None = None
    features: Tensor | None = None
    quality: Tensor
    std: Tensor
    task: Tensor
    sample_ids: tuple[str, ...]

    def select(self, keep: Tensor) -> Batch:
        """The samples where the boolean mask `keep` (B,) is true."""
        positions = keep.nonzero()[:, 0].tolist()
        return Batch(
            images=None if self.images is None else self.images[keep],
            features=None if self.features is None else self.features[keep],
            quality=self.quality[keep],
            std=self.std[keep],
            task=self.task[keep],
            sample_ids=tuple(self.sample_ids[p] for p in positions),
        )


class BatchSource(Protocol):
    """Where a phase's batches come from."""

    @property
    def steps(self) -> int:
        """Steps an epoch."""

    @property
    def samples(self) -> int:
        """Samples an epoch."""

    def batch(self, epoch: int, step: int) -> Batch:
        """The batch of that epoch and step, both counted from 0; always the same one."""


class _Samples:
    """Training samples of some tasks, shuffled anew each epoch by a named seed."""

    def __init__(
        self,
        tasks: Sequence[Task],
        batch_size: int,
        seed: int,
        name: str,
        device: torch.device,
        rows: Sequence[Sequence[int]] | None = None,
    ) -> None:
        self.tasks = tasks
        self._seed, self._name, self._device = seed, name, device
        rows = [task.split.train for task in tasks] if rows is None else rows
        self._index = [(number, row) for number, own in enumerate(rows) for row in own]
        self._quality = np.concatenate(
            [t.quality[list(r)] for t, r in zip(tasks, rows, strict=True)]
        )
        self._std = np.concatenate([t.std[list(r)] for t, r in zip(tasks, rows, strict=True)])
        # Batches of nearly equal size: a last batch of one image would hold no pair.
        self._steps = [-(-len(own) // batch_size) for own in rows]
        self._starts = np.cumsum([0, *(len(own) for own in rows)])
        self.steps = sum(self._steps)

    def __len__(self) -> int:
        return len(self._index)

    def positions(self, epoch: int, step: int) -> np.ndarray:
        """Samples of one step: of one dataset, whose order and place in the epoch are random.

        Pairs never cross datasets, so a batch of one dataset holds as many pairs as a batch can;
        spread over six datasets, sixteen images would hold about a seventh of them.
        """
        names = [task.name for task in self.tasks]
        turns = np.repeat(np.arange(len(self.tasks)), self._steps)
        if len(self.tasks) > 1:
            named_rng(self._seed, self._name, "turns", *names, epoch).shuffle(turns)
        task = int(turns[step])
        nth = int((turns[:step] == task).sum())
        start, stop = self._starts[task], self._starts[task + 1]
        order = named_rng(self._seed, self._name, names[task], epoch).permutation(stop - start)
        chosen: np.ndarray = start + np.array_split(order, self._steps[task])[nth]
        return chosen

    def rows(self, positions: np.ndarray) -> list[tuple[Task, int, str]]:
        found = []
        for position in positions:
            number, row = self._index[position]
            task = self.tasks[number]
            found.append((task, row, task.sample_ids[row]))
        return found

    def make(self, positions: np.ndarray, **inputs: Tensor) -> Batch:
        def column(values: np.ndarray | list[int], dtype: torch.dtype) -> Tensor:
            return torch.as_tensor(np.asarray(values), dtype=dtype).to(self._device)

        return Batch(
            quality=column(self._quality[positions], torch.float32),
            std=column(self._std[positions], torch.float32),
            task=column([self._index[p][0] for p in positions], torch.int64),
            sample_ids=tuple(sample_id for _, _, sample_id in self.rows(positions)),
            **inputs,
        )


class ImageBatches:
    """Augmented training images; each is forwarded once and all pairs in the batch are used.

    Args:
        tasks: datasets to draw from, one a batch, in random turns.
        backbone: the network whose standardisation the images take.
        config: batch size and augmentation.
        seed: the run's seed.
        device: where the batches go.
        rows: which images of each task; default: all its training images.
        name: of the random order; sources that run side by side need different ones.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        backbone: Backbone,
        config: TrainConfig,
        seed: int,
        device: torch.device,
        *,
        rows: Sequence[Sequence[int]] | None = None,
        name: str = "images",
    ) -> None:
        self._samples = _Samples(tasks, config.batch_size, seed, name, device, rows)
        self._backbone, self._config, self._seed = backbone, config, seed
        self._device = device

    @property
    def steps(self) -> int:
        """Steps an epoch."""
        return self._samples.steps

    @property
    def samples(self) -> int:
        """Samples an epoch."""
        return len(self._samples)

    def batch(self, epoch: int, step: int) -> Batch:
        """See `BatchSource.batch`."""
        positions = self._samples.positions(epoch, step)
        views = []
        for task, row, sample_id in self._samples.rows(positions):
            rng = named_rng(self._seed, "view", task.name, sample_id, epoch)
            config = self._config
            views.append(
                training_view(
                    task.images.read(row),
                    shrink=config.shrink,
                    crop=config.crop,
                    flip=config.flip,
                    rng=rng,
                )
            )
        self._check_sizes({view.shape[:2] for view in views})
        return self._samples.make(positions, images=to_input(views, self._backbone, self._device))

    def _check_sizes(self, sizes: set[tuple[int, ...]]) -> None:
        if len(sizes) > 1:
            names = ", ".join(f"`{task.name}`" for task in self._samples.tasks)
            found = " and ".join(f"{height} x {width}" for height, width in sorted(sizes)[:2])
            raise DataError(
                f"dataset {names}: images of {found} pixels cannot share a batch; set "
                "`train.crop`, expected a number of pixels, found null"
            )


class FeatureBatches:
    """Features of a frozen backbone, computed once.

    Args:
        tasks: the datasets the features are of.
        features: float32 (N, feature_dim): training images of all tasks, in order.
        batch_size: features a step.
        seed: the run's seed.
        device: where the batches go.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        features: Tensor,
        batch_size: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self._samples = _Samples(tasks, batch_size, seed, "features", device)
        self._features = features.to(device)

    @property
    def steps(self) -> int:
        """Steps an epoch."""
        return self._samples.steps

    @property
    def samples(self) -> int:
        """Samples an epoch."""
        return len(self._samples)

    def batch(self, epoch: int, step: int) -> Batch:
        """See `BatchSource.batch`."""
        positions = self._samples.positions(epoch, step)
        return self._samples.make(positions, features=self._features[torch.from_numpy(positions)])
