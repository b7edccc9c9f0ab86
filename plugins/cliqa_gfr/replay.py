"""All that a stage leaves to later ones: the two networks, and what they were trained for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, nn

from cliqa.seeds import named_generator
from cliqa_gfr.networks import Discriminator, Generator, initialise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cliqa_gfr.config import GFRConfig

#: Backbones whose features are all 0 have no scale; any number will do.
_LEAST_SCALE = 1e-6


class FeatureReplay(nn.Module):
    """Generator and discriminator with their records; its `state_dict` is the strategy's state.

    Attributes:
        generator: makes features.
        discriminator: trained against it; later stages go on with it.
        scale: root mean square of the first stage's features, which the networks take for 1: small
            first weights then suit any backbone.
        seen: for each interval, whether there was a training image of such a score.
        tasks: how many tasks were learned.
    """

    scale: Tensor
    seen: Tensor
    tasks: Tensor

    def __init__(self, feature_dim: int, config: GFRConfig) -> None:
        super().__init__()
        self.generator = Generator(feature_dim, config)
        self.discriminator = Discriminator(feature_dim, config)
        self.register_buffer("scale", torch.tensor(1.0))
        self.register_buffer("seen", torch.zeros(config.bins, dtype=torch.bool))
        self.register_buffer("tasks", torch.tensor(0))

    @classmethod
    def new(cls, features: Tensor, config: GFRConfig, seed: int) -> Self:
        """Untrained networks that suit the first stage's features, float32 (N, feature_dim)."""
        replay = cls(features.shape[1], config)
        initialise(replay, named_generator(seed, "gfr networks"))
        replay.scale.copy_(features.square().mean().sqrt().clamp_min(_LEAST_SCALE))
        if features.min() >= 0:
            replay.generator.floor.zero_()
        return replay.to(features.device)

    @classmethod
    def restored(cls, state: Mapping[str, Tensor], config: GFRConfig) -> Self:
        """What `state_dict` described, on the CPU."""
        replay = cls(state["discriminator.body.0.weight"].shape[1], config)
        replay.load_state_dict(dict(state))
        return replay

    @property
    def bins(self) -> Tensor:
        """The intervals seen so far, int64, rising."""
        return self.seen.nonzero()[:, 0]

    def remember(self, bins: Tensor, tasks: int) -> None:
        """A stage is over: the intervals of its images, and how many tasks it learned."""
        self.seen[bins] = True
        self.tasks += tasks

    @torch.no_grad()
    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """Generated features (count, feature_dim) in the backbone's units, and their intervals."""
        bins = in_turn(self.bins, count)
        return self.scale * self.generator.sample(bins), bins


def in_turn(bins: Tensor, count: int) -> Tensor:
    """The intervals in turn, `count` in all: each equally often, or one time more."""
    return bins[torch.arange(count, device=bins.device) % len(bins)]


def bins_of(quality: Tensor, bins: int) -> Tensor:
    """The interval of each score: float (B,) in [0, 1] -> int64 (B,); 1 belongs to the last."""
    return (quality * bins).long().clamp(0, bins - 1)
