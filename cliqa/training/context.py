"""What a strategy is given when it learns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from cliqa.data.images import training_view
from cliqa.data.resize import Resize
from cliqa.distributed import divided, spread
from cliqa.metrics import srcc
from cliqa.seeds import named_draws

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cliqa.config import TrainConfig
    from cliqa.data.stream import Task
    from cliqa.model import Backbone, Compute, QualityModel
    from cliqa.training.batches import Batch
    from cliqa.training.objective import Objective


@dataclass(frozen=True)
class Stage:
    """One training: the model after it is evaluated as `step`.

    Attributes:
        step: 1 after the first tasks of the stream have arrived, T after the last.
        tasks: positions, in learning order, of the tasks whose training images are used.
        fresh: True: the network is as it was pre-trained; False: it goes on from the stage before.
    """

    step: int
    tasks: tuple[int, ...]
    fresh: bool = True


def _nothing(record: object) -> None:
    """Nobody listens."""


@dataclass(frozen=True, kw_only=True)
class TaskContext:
    """The state of learning at one stage.

    Attributes:
        model: the model, to be changed.
        objective: loss and head type.
        stage: which step this is.
        tasks: the tasks whose training and validation images may be used now.
        head: number of the head being trained.
        config: the schedule that all strategies of a run share.
        compute: device and arithmetic.
        seed: the run's seed; draw from `cliqa.seeds` with a name of your own.
        log: takes a plain record, with its kind as `event`, for the run's `train_log.jsonl`.
        note: takes a sentence that the user must see, now and with the result.
    """

    model: QualityModel
    objective: Objective
    stage: Stage
    tasks: tuple[Task, ...]
    head: int
    config: TrainConfig
    compute: Compute
    seed: int
    log: Callable[[dict[str, Any]], None] = _nothing
    note: Callable[[str], None] = _nothing

    def forward(self, batch: Batch) -> Tensor:
        """Backbone features of a batch, float32 (B, feature_dim); cached ones as they are."""
        if batch.features is not None:
            return batch.features
        return self.through(self.model.backbone, batch)

    def through(self, backbone: Backbone, batch: Batch) -> Tensor:
        """Features of a batch's images from any network, float32 (B, feature_dim).

        Where a run has several processes, each computes a share of them; all have the whole.
        """
        if batch.images is None:
            raise ValueError("the batch holds features, not images")
        parts = [batch.images] if batch.parts is None else batch.images.split(batch.parts)
        features = [spread(partial(self.compute.forward, backbone), part) for part in parts]
        return (features[0] if len(features) == 1 else torch.cat(features)).float()

    def scores(self, batch: Batch) -> Tensor:
        """Scores of a batch by the head being trained, float32 (B,)."""
        return self.model.score(self.head, self.forward(batch))

    def features(self) -> Tensor:
        """Backbone features of all training images in the test view, float32 (N, feature_dim)."""
        self.model.eval()
        parts = [
            self.compute.over_images(
                task.images, task.split.train, self.model.backbone, self.model.backbone
            )
            for task in self.tasks
        ]
        return torch.cat(parts)

    def augmented_features(self, copies: int) -> Tensor:
        """Backbone features of augmented views of all training images, float32 (copies, N, dim).

        The network is in evaluation mode, as it is when its features are used. Each copy is another
        random view, augmented as in training; the order of images is that of `features`.

        Args:
            copies: views of each image, at least 1.
        """
        self.model.eval()
        return torch.stack([self._one_copy(copy) for copy in range(copies)])

    def _one_copy(self, copy: int) -> Tensor:
        rows = [(task, row) for task in self.tasks for row in task.split.train]
        return divided(partial(self._views_of, copy), rows)

    def _views_of(self, copy: int, rows: Sequence[tuple[Task, int]]) -> Tensor:
        resize, size = Resize.parse(self.config.shrink), self.compute.batch_size
        parts = []
        for start in range(0, len(rows), size):
            views = [
                training_view(
                    task.images.read(row, resize),
                    shrink=None,
                    crop=self.config.crop,
                    flip=self.config.flip,
                    draws=named_draws(self.seed, "copy", task.name, task.sample_ids[row], copy),
                )
                for task, row in rows[start : start + size]
            ]
            parts.append(self.compute.over_views(views, self.model.backbone, self.model.backbone))
        return torch.cat(parts)

    def validation_srcc(self) -> float:
        """SRCC of the head on the validation images, mean over the tasks; nan if undefined."""
        self.model.eval()
        values = []
        for task in self.tasks:
            rows = task.split.val
            predicted = self.compute.over_images(
                task.images, rows, self.model.backbone, self._score_images
            )
            values.append(srcc(predicted.numpy(), task.quality[list(rows)]))
        return float(np.mean(values))

    def _score_images(self, images: Tensor) -> Tensor:
        return self.model.score(self.head, self.model.backbone(images))


def names_of(tasks: Sequence[Task]) -> str:
    """Task names for logs and seeds."""
    return "+".join(task.name for task in tasks)
