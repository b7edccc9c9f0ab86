"""Settings of generative feature replay.

The defaults of what trains the quality network are those that LIQA gives for the same terms of its
own loss; the defaults of what trains the generator are those of GFR's released code.
"""

from __future__ import annotations

from pydantic import Field

from cliqa.config import ComponentConfig


class GFRConfig(ComponentConfig):
    """Generative feature replay."""

    bins: int = Field(
        default=5,
        ge=1,
        description="intervals of equal width that [0, 1], the range of scores, is cut into; they "
        "are the classes that features are generated for",
    )
    replay_weight: float = Field(
        default=10.0,
        ge=0,
        description="weight of the distillation of the old head on generated features",
    )
    replay_size: int = Field(
        default=1400,
        ge=2,
        description="generated features a step, equally many of every interval seen so far",
    )
    distillation_weight: float = Field(
        default=0.001,
        ge=0,
        description="weight of the squared distance, summed over its dimensions, between the new "
        "and the old network's feature of an image",
    )
    copies: int = Field(
        default=10, ge=1, description="augmented views of each image whose features are cached"
    )
    generator_epochs: int = Field(
        default=500, ge=1, description="passes over the cached features that train the generator"
    )
    generator_batch_size: int = Field(default=128, ge=2, description="cached features a step")
    generator_lr: float = Field(
        default=1e-4, gt=0, description="Adam learning rate of generator and discriminator"
    )
    beta1: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="Adam's first decay rate for both; adversaries swing at its usual 0.9",
    )
    discriminator_steps: int = Field(
        default=5, ge=1, description="steps of the discriminator for each one of the generator"
    )
    gradient_penalty: float = Field(
        default=10.0,
        ge=0,
        description="weight of the penalty that keeps the discriminator's slope near 1",
    )
    alignment_weight: float = Field(
        default=0.128,
        ge=0,
        description="weight of the squared distance, summed over the dimensions, between what the "
        "new and the old generator make of the same noise and interval; 0.001 for the sum over a "
        "batch of 128 in the released code",
    )
    alignment_by_tasks: bool = Field(
        default=True,
        description="alignment also counts the number of old tasks for each new one (released "
        "code); false: once",
    )
    latent: int = Field(default=200, ge=1, description="dimensions of the noise")
    hidden: int = Field(
        default=512, ge=1, description="width of the generator's and discriminator's two layers"
    )
