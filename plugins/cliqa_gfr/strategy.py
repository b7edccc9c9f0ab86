"""Generative feature replay, for scores instead of classes."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from cliqa.training import Batch, FeatureBatches, Strategy, two_stage
from cliqa_gfr.adversarial import Adversaries
from cliqa_gfr.replay import FeatureReplay, bins_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from cliqa.model import QualityModel
    from cliqa.training import Phase, TaskContext
    from cliqa_gfr.networks import Generator


class GenerativeFeatureReplay(Strategy):
    """GFR in LIQA's setting: the classes are intervals of the score.

    Liu et al., Generative Feature Replay for Class-Incremental Learning, CVPR Workshops 2020. One
    network with one head learns a task while generated features of old tasks go through its head
    (distillation of the old head) and its features of the new images stay near the old network's.
    Then a generator of features, conditional on the interval, learns the new features and is held
    to what the generator before makes of the same noise.

    What differs from the paper and its released code, because scores are not classes:

    * Every task has images of (nearly) every interval, so what is new and what is replayed share
      their conditions: alignment and the new features pull at the same outputs of the generator.
      Of classes only the old ones are aligned.
    * Old classes are replayed with their labels; here the target is what the old head says of the
      generated feature, since an interval is no score.
    * The quality network's loss has LIQA's weights for the terms that LIQA shares with it (the
      squared distance of features, 0.001; replay, 10). The released code takes the distance of a
      whole batch's features (not squared, 1) and means over old and new classes.
    * Intervals that no image so far fell into are not replayed: nothing was generated for them.

    What differs because one trainer runs all phases: the generator's rate stays as it is, the code
    multiplies it by 0.3 every 200 epochs; the features of some augmented views are cached, the code
    augments in every epoch. Features are divided by their root mean square in the first stage.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.replay: FeatureReplay | None = None
        self._teacher: QualityModel | None = None
        self._old: Generator | None = None

    def phases(self, context: TaskContext) -> Iterator[Phase]:
        """The quality network's stages, then the generator."""
        yield from self._network(context)
        features = context.augmented_features(self.config.copies)
        if self.replay is None:
            made = FeatureReplay.new(features.flatten(0, 1), self.config, context.seed)
            self.replay = made.to(context.compute.device)
        else:
            self._old = copy.deepcopy(self.replay.generator)
        cached = self._cached(context, features)
        yield self._adversaries(self.replay, len(context.tasks)).phase(cached)
        self._old = None
        self.replay.remember(self._bins(context), len(context.tasks))

    def _cached(self, context: TaskContext, features: Tensor) -> FeatureBatches:
        return FeatureBatches(
            context.tasks,
            features,
            context.config,
            context.seed,
            context.compute.device,
            name="gfr features",
            batch_size=self.config.generator_batch_size,
            all_views=True,
        )

    def _bins(self, context: TaskContext) -> Tensor:
        """The intervals that the stage's training images are in."""
        quality = [task.unit_quality[list(task.split.train)] for task in context.tasks]
        found = torch.as_tensor(np.concatenate(quality), dtype=torch.float32)
        return bins_of(found, self.config.bins).unique().to(context.compute.device)

    def _adversaries(self, replay: FeatureReplay, new_tasks: int) -> Adversaries:
        config = self.config
        share = replay.tasks.item() / new_tasks if config.alignment_by_tasks else 1.0
        return Adversaries(replay, config, self._old, share * config.alignment_weight)

    def _network(self, context: TaskContext) -> Iterator[Phase]:
        """The two stages of the run's schedule; replay acts in both, for the head is an old one."""
        if self.replay is not None:
            self.replay.to(context.compute.device)
            self._teacher = context.model.teacher()
        loss = partial(self.loss, context)
        trainable = self.trainable(context.model.backbone)
        yield from two_stage(context, trainable, loss=loss, warmup_loss=loss)
        self._teacher = None

    def penalty(self, context: TaskContext, batch: Batch, features: Tensor) -> Tensor | None:
        """Distillation of the old head on generated features, of the old network on new images."""
        if self._teacher is None or self.replay is None:
            return None
        made, bins = self.replay.draw(self.config.replay_size)
        loss = self.config.replay_weight * context.objective.distillation(
            context.model.score(context.head, made),
            self._teacher.score(context.head, made),
            _as_batch(made, bins, self.config.bins),
        )
        if batch.images is None:  # features of a frozen network, which is the old one
            return loss
        with torch.no_grad():
            old = context.through(self._teacher.backbone, batch)
        distance = (features - old).square().sum(dim=1).mean()
        return loss + self.config.distillation_weight * distance

    def state(self) -> dict[str, Tensor]:
        """Both networks, their units, the intervals seen and the number of tasks learned."""
        return {} if self.replay is None else dict(self.replay.state_dict())

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore them."""
        self.replay = FeatureReplay.restored(state, self.config) if state else None


def _as_batch(features: Tensor, bins: Tensor, count: int) -> Batch:
    """Generated features as samples of one scale, in the middle of their intervals."""
    nothing = torch.zeros_like(bins)
    return Batch(
        features=features,
        quality=(bins + 0.5) / count,
        std=torch.full_like(features[:, 0], torch.nan),
        task=nothing,
        scale=nothing,
        sample_ids=("generated",) * len(bins),
    )
