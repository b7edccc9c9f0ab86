"""The phase that trains the generator against its discriminator: a Wasserstein GAN with penalty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.func import functional_call

from cliqa.training import ParameterGroup, Phase, Update
from cliqa_gfr.replay import bins_of, in_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from cliqa.training import Batch, BatchSource
    from cliqa_gfr.networks import Discriminator, Generator
    from cliqa_gfr.replay import FeatureReplay


@dataclass(frozen=True)
class Adversaries:
    """Losses of the two networks on a batch of cached features.

    Attributes:
        replay: what is trained.
        config: weights.
        old: the generator that the stage before left; None in the first stage.
        alignment: weight that holds the new generator to it.
    """

    replay: FeatureReplay
    config: Any
    old: Generator | None
    alignment: float

    def discriminator_loss(self, batch: Batch) -> Tensor:
        """Mean verdict on generated features less that on real ones, and the gradient penalty."""
        real, bins = self._real(batch)
        with torch.no_grad():
            made = self.replay.generator.sample(bins)
        judge = self.replay.discriminator
        penalty = slope_penalty(judge, real, made, bins)
        gap: Tensor = judge(made, bins).mean() - judge(real, bins).mean()
        return gap + self.config.gradient_penalty * penalty

    def generator_loss(self, batch: Batch) -> Tensor:
        """Minus the mean verdict on generated features, and the alignment with the old ones."""
        _, bins = self._real(batch)
        judge = self.replay.discriminator
        fixed = {name: p.detach() for name, p in judge.named_parameters()}
        made = self.replay.generator.sample(bins)
        loss: Tensor = -functional_call(judge, fixed, (made, bins)).mean()
        if self.old is None:
            return loss
        conditions = in_turn(self.replay.bins, len(bins))
        return loss + self.alignment * alignment(self.replay.generator, self.old, conditions)

    def _real(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Cached features in the networks' units, and their intervals."""
        assert batch.features is not None  # noqa: S101
        return batch.features / self.replay.scale, bins_of(batch.quality, self.config.bins)

    def phase(self, cached: BatchSource) -> Phase:
        """Both updates in turn; the generator waits for its discriminator."""
        config = self.config

        def update(network: nn.Module, loss: Callable[[Batch], Tensor], every: int) -> Update:
            group = ParameterGroup(parameters=tuple(network.parameters()), lr=config.generator_lr)
            return Update(groups=(group,), loss=loss, every=every, betas=(config.beta1, 0.999))

        judge, maker = self.replay.discriminator, self.replay.generator
        return Phase(
            name="generator",
            batches=cached,
            updates=(
                update(judge, self.discriminator_loss, every=1),
                update(maker, self.generator_loss, every=config.discriminator_steps),
            ),
            epochs=config.generator_epochs,
            norm_statistics="frozen",
        )


def alignment(new: Generator, old: Generator, bins: Tensor) -> Tensor:
    """Squared distance of what two generators make of the same noise, mean over intervals (B,)."""
    noise = torch.randn(len(bins), new.latent, device=bins.device)
    with torch.no_grad():
        target = old(noise, bins)
    distance: Tensor = (new(noise, bins) - target).square().sum(dim=1).mean()
    return distance


def slope_penalty(judge: Discriminator, real: Tensor, made: Tensor, bins: Tensor) -> Tensor:
    """Mean of (|slope| - 1)^2 at random points between real and generated features.

    Gulrajani et al., Improved Training of Wasserstein GANs, NeurIPS 2017, Eq. 3.
    """
    share = torch.rand(len(real), 1, device=real.device)
    between = (share * real + (1 - share) * made).requires_grad_(True)
    (slope,) = torch.autograd.grad(judge(between, bins).sum(), between, create_graph=True)
    return (slope.norm(dim=1) - 1).square().mean()
