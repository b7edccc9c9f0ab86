"""Batches as pure functions of (epoch, step).

Nothing is drawn from a running generator: a batch can be made again after a crash, in another
process, or out of turn, and is the same batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from cliqa.data.images import training_view
from cliqa.data.resize import Resize
from cliqa.errors import DataError
from cliqa.model.scoring import stack, standardise
from cliqa.seeds import named_draws
from cliqa.training.samples import Draw, PairList, Samples

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from cliqa.config import TrainConfig
    from cliqa.data.stream import Task
    from cliqa.model.backbone import Backbone


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Samples of one step: images, or features of a frozen backbone.

    Attributes:
        images: standardised float32 (B, 3, H, W), or None.
        features: float32 (B, feature_dim), or None.
        quality: float32 (B,), higher is better, each dataset's range of scores stretched to [0, 1].
        std: float32 (B,), standard deviation of `quality`, nan where unknown.
        task: int64 (B,), which of the source's tasks each sample is of.
        scale: int64 (B,), equal for samples of one dataset, whose scores can be compared with each
            other: pairs never cross it. Tasks made of one dataset's distortions share it.
        sample_ids: B ids.
        pairs: int64 (M, 2), positions of the pairs to learn from; None: all pairs of one dataset.
        parts: how many images go through the network at a time, in order; None: all at once. Batch
            normalization sees each part by itself.
    """

    images: Tensor | None = None
    features: Tensor | None = None
    quality: Tensor
    std: Tensor
    task: Tensor
    scale: Tensor
    sample_ids: tuple[str, ...]
    pairs: Tensor | None = None
    parts: tuple[int, ...] | None = None

    def select(self, keep: Tensor) -> Batch:
        """The samples where the boolean mask `keep` (B,) is true, with the pairs among them."""
        positions = keep.nonzero()[:, 0].tolist()
        return Batch(
            images=None if self.images is None else self.images[keep],
            features=None if self.features is None else self.features[keep],
            quality=self.quality[keep],
            std=self.std[keep],
            task=self.task[keep],
            scale=self.scale[keep],
            sample_ids=tuple(self.sample_ids[p] for p in positions),
            pairs=None if self.pairs is None else _pairs_among(self.pairs, keep),
        )

    def beside(self, other: Batch) -> Batch:
        """This batch of images with another behind it; their pairs do not mix."""
        assert self.images is not None and other.images is not None  # noqa: S101, PT018
        first = len(self.images)
        pairs = None
        if self.pairs is not None and other.pairs is not None:
            pairs = torch.cat([self.pairs, other.pairs + first])
        parts = None
        if self.parts is not None or other.parts is not None:
            parts = (self.parts or (first,)) + (other.parts or (len(other.images),))
        return Batch(
            images=torch.cat([self.images, other.images]),
            quality=torch.cat([self.quality, other.quality]),
            std=torch.cat([self.std, other.std]),
            task=torch.cat([self.task, other.task]),
            scale=torch.cat([self.scale, other.scale]),
            sample_ids=self.sample_ids + other.sample_ids,
            pairs=pairs,
            parts=parts,
        )


def _pairs_among(pairs: Tensor, keep: Tensor) -> Tensor:
    """Pairs whose images are both kept, by their new positions."""
    new = keep.cumsum(0) - 1
    return new[pairs[keep[pairs].all(dim=1)]]


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


class _Columns:
    """What is known of all samples, on the device: a batch's part is picked there."""

    def __init__(self, samples: Samples, device: torch.device) -> None:
        self._samples, self._device = samples, device
        self._quality = self._column(samples.quality, torch.float32)
        self._std = self._column(samples.std, torch.float32)
        self._task = self._column(samples.number, torch.int64)
        self._scale = self._column(samples.scale, torch.int64)

    def _column(self, values: np.ndarray, dtype: torch.dtype) -> Tensor:
        return torch.as_tensor(values, dtype=dtype).to(self._device)

    def batch(self, drawn: Draw, at: Tensor, **inputs: Tensor) -> Batch:
        """The batch of what was drawn; `at` is its positions on the device."""
        return Batch(
            quality=self._quality.index_select(0, at),
            std=self._std.index_select(0, at),
            task=self._task.index_select(0, at),
            scale=self._scale.index_select(0, at),
            sample_ids=self._samples.ids(drawn.positions),
            pairs=None if drawn.pairs is None else self._column(drawn.pairs, torch.int64),
            parts=drawn.parts,
            **inputs,
        )


def _samples(
    tasks: Sequence[Task],
    config: TrainConfig,
    batch_size: int,
    seed: int,
    name: str,
    rows: Sequence[Sequence[int]] | None = None,
) -> Samples:
    """The images, or the listed pairs, that the schedule asks for."""
    if config.pairs == "in-batch":
        return Samples(tasks, batch_size, seed, name, rows)
    return PairList(tasks, batch_size, seed, name, rows, config.pair_list_size)


@dataclass(frozen=True)
class LoadedImages:
    """A batch of images before it goes to the device.

    Attributes:
        drawn: what it looks at.
        pixels: uint8 (B, H, W, 3) on the CPU.
    """

    drawn: Draw
    pixels: Tensor


class ImageBatches:
    """Augmented training images.

    With `pairs: in-batch` each image is forwarded once and all pairs in the batch are used; with
    `pairs: list` a batch holds both images of each of its pairs, each augmented by itself.

    Args:
        tasks: datasets to draw from, one a batch, in random turns.
        backbone: the network whose standardisation the images take.
        config: pairs and augmentation.
        seed: the run's seed.
        device: where the batches go.
        rows: which images of each task; default: all its training images.
        name: of the random order; sources that run side by side need different ones.
        batch_size: images, or listed pairs, a step; default: the schedule's.
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
        batch_size: int | None = None,
    ) -> None:
        size = batch_size or config.batch_size
        self._samples = _samples(tasks, config, size, seed, name, rows)
        self._columns = _Columns(self._samples, device)
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
        return self.finish(self.load(epoch, step))

    def load(self, epoch: int, step: int) -> LoadedImages:
        """See `LoadedAhead.load`."""
        drawn, config = self._samples.draw(epoch, step), self._config
        resize = Resize.parse(config.shrink)
        views = []
        for place, (task, row, sample_id) in enumerate(self._samples.rows(drawn.positions)):
            # An image that stands in several pairs is another view in each.
            once = () if drawn.pairs is None else (step, place)
            views.append(
                training_view(
                    task.images.read(row, resize),
                    shrink=None,
                    crop=config.crop,
                    flip=config.flip,
                    draws=named_draws(self._seed, "view", task.name, sample_id, epoch, *once),
                )
            )
        self._check_sizes({view.shape[:2] for view in views})
        return LoadedImages(drawn, stack(views, self._device))

    def finish(self, loaded: LoadedImages) -> Batch:
        """See `LoadedAhead.finish`."""
        at = torch.from_numpy(loaded.drawn.positions).to(self._device)
        pixels = loaded.pixels.to(self._device, non_blocking=True)
        return self._columns.batch(loaded.drawn, at, images=standardise(pixels, self._backbone))

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
        features: float32 (N, feature_dim): training images of all tasks, in order; or (V, N,
            feature_dim): V views of each.
        config: pairs and batch size of stage 1.
        seed: the run's seed.
        device: where the batches go.
        name: of the random order.
        batch_size: images, or listed pairs, a step; default: the schedule's, of stage 1.
        all_views: an epoch takes every view of every image; default: one of each image, in turn.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        features: Tensor,
        config: TrainConfig,
        seed: int,
        device: torch.device,
        *,
        name: str = "features",
        batch_size: int | None = None,
        all_views: bool = False,
    ) -> None:
        size = batch_size or config.warmup_batch_size or config.batch_size
        views = features if features.ndim == 3 else features[None]
        counts = [len(task.split.train) for task in tasks]
        if views.shape[1] != sum(counts):
            raise ValueError(f"features of {views.shape[1]} images, expected {sum(counts)}")
        repeats = len(views) if all_views else 1
        rows = [list(task.split.train) * repeats for task in tasks]
        self._samples = _samples(tasks, config, size, seed, name, rows)
        # Of each sample: its image, and which view of it, counted on by one an epoch.
        images = torch.arange(sum(counts)).split(counts)
        self._image = torch.cat([own.repeat(repeats) for own in images])
        self._view = torch.cat([torch.arange(repeats).repeat_interleave(n) for n in counts])
        self._image, self._view = self._image.to(device), self._view.to(device)
        self._views, self._device = views.to(device), device
        self._columns = _Columns(self._samples, device)

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
        drawn = self._samples.draw(epoch, step)
        at = torch.from_numpy(drawn.positions).to(self._device)
        image = self._image.index_select(0, at)
        if len(self._views) == 1:
            features = self._views[0].index_select(0, image)
        else:
            view = (self._view.index_select(0, at) + epoch) % len(self._views)
            features = self._views[view, image]
        return self._columns.batch(drawn, at, features=features)
