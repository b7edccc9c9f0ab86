"""Features of augmented images under a frozen network, computed once."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from cliqa.seeds import named_rng
from cliqa.training import Batch, ImageBatches

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from cliqa.training import TaskContext


@dataclass(frozen=True)
class CachedFeatures:
    """Batches of nearly equal size out of all cached features, in an order of each epoch's own.

    Attributes:
        everything: all of them as one batch.
        size: the most in a batch.
        seed: the run's seed.
        name: of the random order.
    """

    everything: Batch
    size: int
    seed: int
    name: str

    @property
    def steps(self) -> int:
        """Steps an epoch."""
        return -(-self.samples // self.size)

    @property
    def samples(self) -> int:
        """Samples an epoch."""
        return len(self.everything.sample_ids)

    @property
    def features(self) -> Tensor:
        """All features, float32 (N, feature_dim)."""
        assert self.everything.features is not None  # noqa: S101
        return self.everything.features

    def batch(self, epoch: int, step: int) -> Batch:
        """See `cliqa.training.BatchSource.batch`."""
        order = _order(self.seed, self.name, epoch, self.samples)
        places = order[step :: self.steps].tolist()
        whole = self.everything
        at = torch.tensor(places, device=whole.quality.device)
        return Batch(
            features=self.features[at],
            quality=whole.quality[at],
            std=whole.std[at],
            task=whole.task[at],
            scale=whole.scale[at],
            sample_ids=tuple(whole.sample_ids[place] for place in places),
        )


@lru_cache(maxsize=1)  # shuffling anew for each of an epoch's steps would take longer than the step
def _order(seed: int, name: str, epoch: int, count: int) -> np.ndarray:
    return named_rng(seed, "gfr features", name, epoch).permutation(count)


@torch.no_grad()
def cache_features(context: TaskContext, copies: int, size: int) -> CachedFeatures:
    """Look at every training image `copies` times, augmented as in training.

    Args:
        context: the stage, its network trained.
        copies: views of each image.
        size: cached features a batch.
    """
    model, device = context.model.eval(), context.compute.device
    images = ImageBatches(
        context.tasks, model.backbone, context.config, context.seed, device, name="gfr views"
    )
    batches = [  # without their images, which would not fit into memory
        dataclasses.replace(batch, images=None, features=context.through(model.backbone, batch))
        for epoch in range(copies)
        for batch in (images.batch(epoch, step) for step in range(images.steps))
    ]
    everything = Batch(
        features=torch.cat([batch.features for batch in batches if batch.features is not None]),
        quality=torch.cat([batch.quality for batch in batches]),
        std=torch.cat([batch.std for batch in batches]),
        task=torch.cat([batch.task for batch in batches]),
        scale=torch.cat([batch.scale for batch in batches]),
        sample_ids=tuple(name for batch in batches for name in batch.sample_ids),
    )
    name = "+".join(task.name for task in context.tasks)
    return CachedFeatures(everything, size, context.seed, name)
