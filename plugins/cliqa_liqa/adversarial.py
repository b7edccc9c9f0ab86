"""Split A: generator and discriminator of the distortions known so far.

The paper prints the objectives of the two with their adversarial and quality terms swapped; what is
minimised here is what the text describes. Generator and discriminator take turns on every batch.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from cliqa.training import ParameterGroup, Update
from cliqa_liqa.networks import Discriminator, Generator
from cliqa_liqa.replay import Conditions, at, draw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn

    from cliqa.training import Batch
    from cliqa_liqa.config import LiqaConfig


@dataclass
class Adversaries:
    """Generator and discriminator, with what they learn from.

    Attributes:
        generator: G.
        discriminator: D.
        known: how many distortions they know.
    """

    generator: Generator
    discriminator: Discriminator
    known: int = 0

    def add_distortion(self) -> int:
        """Make room for one more; returns its number."""
        self.generator.add_distortion()
        self.discriminator.add_distortion()
        self.known += 1
        return self.known - 1

    @classmethod
    def restored(
        cls, generator: Mapping[str, Tensor], discriminator: Mapping[str, Tensor]
    ) -> Adversaries:
        """Both from their `state_dict`s."""
        width, dim = discriminator["embedding.0.weight"].shape
        both = cls(Generator(dim, width), Discriminator(dim, width))
        while f"mean.{both.known}" in generator:
            both.add_distortion()
        both.generator.load_state_dict(generator)
        both.discriminator.load_state_dict(discriminator)
        return both

    def to(self, device: torch.device) -> None:
        """Move both."""
        self.generator.to(device)
        self.discriminator.to(device)

    def predecessors(self) -> Adversaries:
        """Frozen copies of both as they are now."""
        generator = copy.deepcopy(self.generator).requires_grad_(False)
        discriminator = copy.deepcopy(self.discriminator).requires_grad_(False)
        return Adversaries(generator, discriminator, self.known)


@dataclass
class Contest:
    """One stage of adversarial training.

    Args:
        now: what is trained, the new distortions included.
        before: both before the stage; `known` is 0 in the first.
        numbers: number of the distortion of each of the stage's tasks.
        config: weights and rates.
    """

    now: Adversaries
    before: Adversaries
    numbers: Tensor
    config: LiqaConfig

    def updates(self) -> tuple[Update, Update]:
        """One of the discriminator, then one of the generator, on every batch.

        Of what belongs to a distortion only the new ones' is trained; the shared embeddings are
        held by the alignment.
        """
        return (
            Update(
                groups=self._group(self.now.discriminator),
                loss=self.discriminator_loss,
                name="discriminator",
            ),
            Update(
                groups=self._group(self.now.generator), loss=self.generator_loss, name="generator"
            ),
        )

    def _group(self, network: Generator | Discriminator) -> tuple[ParameterGroup, ...]:
        new: Sequence[nn.Parameter] = [
            p for number in range(self.before.known, self.now.known) for p in network.own(number)
        ]
        parameters = (*network.embedding.parameters(), *new)
        return (ParameterGroup(parameters=parameters, lr=self.config.gan_lr),)

    def _conditions(self, batch: Batch) -> Conditions:
        """The distortions and qualities of a batch of real features."""
        return at(batch.quality, self.numbers[batch.task])

    def discriminator_loss(self, batch: Batch) -> Tensor:
        """-L_adv + quality error on real features + alignment with D_{T-1}."""
        real, discriminator = batch.features, self.now.discriminator
        assert real is not None  # noqa: S101 (split A learns from cached features)
        asked = self._conditions(batch)
        with torch.no_grad():
            fake = asked.through(self.now.generator)
        penalised = self.config.gradient_penalty > 0
        real = real.requires_grad_(penalised)
        quality, is_real = discriminator(real, asked.distortion)
        _, is_fake = discriminator(fake, asked.distortion)
        loss = _told(is_real, real=True) + _told(is_fake, real=False)
        loss = loss + self.config.quality * F.mse_loss(quality, batch.quality)
        if penalised:
            loss = loss + self._gradient_penalty(real, is_real)
        return loss if not self.before.known else loss + self._discriminator_alignment(len(real))

    def _gradient_penalty(self, real: Tensor, is_real: Tensor) -> Tensor:
        """Half the squared gradient of Q_j at real features, in units of a feature's size.

        Source: Mescheder et al., Which training methods for GANs do actually converge?, ICML 2018,
        R1.
        """
        (slope,) = torch.autograd.grad(is_real.sum(), real, create_graph=True)
        steepness = (slope * self.now.discriminator.unit).square().sum(dim=1).mean()
        return 0.5 * self.config.gradient_penalty * steepness

    def generator_loss(self, batch: Batch) -> Tensor:
        """L_adv, non-saturating, + quality error on pseudo features + alignment with G_{T-1}."""
        asked = self._conditions(batch)
        fake = asked.through(self.now.generator)
        quality, is_real = self.now.discriminator(fake, asked.distortion)
        loss = _told(is_real, real=True) + self.config.quality * F.mse_loss(quality, asked.score)
        return loss if not self.before.known else loss + self._generator_alignment(len(fake))

    def _old(self, count: int) -> Conditions:
        return draw(count, self.before.known, "quality+distortion", self.numbers.device)

    def _discriminator_alignment(self, count: int) -> Tensor:
        asked = self._old(count)
        with torch.no_grad():
            features = asked.through(self.before.generator)
            quality, logit = self.before.discriminator(features, asked.distortion)
        now_quality, now_logit = self.now.discriminator(features, asked.distortion)
        return self.config.alignment * (
            F.mse_loss(now_quality, quality) + F.mse_loss(now_logit, logit)
        )

    def _generator_alignment(self, count: int) -> Tensor:
        """Mean over a feature's entries, in units of a feature's size."""
        asked, unit = self._old(count), self.now.generator.unit
        with torch.no_grad():
            before = asked.through(self.before.generator)
        now = asked.through(self.now.generator)
        return self.config.alignment * F.mse_loss(now / unit, before / unit)


def _told(logits: Tensor, *, real: bool) -> Tensor:
    """Cross-entropy of calling all of them real, or all of them fake."""
    return F.softplus(-logits if real else logits).mean()
