"""Settings of LIQA; the defaults are the paper's."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cliqa.config import ComponentConfig

Sampling = Literal["random", "quality", "distortion", "quality+distortion"]


class LiqaConfig(ComponentConfig):
    """LIQA."""

    feature_distillation: float = Field(
        default=0.001,
        ge=0,
        description="merge: weight of the squared distance to the old network's features, summed "
        "over the feature's entries; 0: without",
    )
    replay: float = Field(
        default=10.0,
        ge=0,
        description="merge: weight of what the old heads say of pseudo features; 0: without, and "
        "then no generator is trained",
    )
    replay_size: int = Field(default=1400, ge=1, description="pseudo features a step")
    replay_sampling: Sampling = Field(
        default="quality+distortion",
        description="what pseudo features are spread evenly over: old distortions, five intervals "
        "of quality, both, or neither",
    )
    split_and_merge: bool = Field(
        default=True,
        description="false: the old single head teaches on pseudo features, not a head for each "
        "distortion, and there are no such heads (ablation)",
    )
    copies: int = Field(
        default=10, ge=1, description="augmented views of each image whose features are cached"
    )
    gan_epochs: int = Field(
        default=500,
        ge=1,
        description="epochs of generator and discriminator, over all cached views",
    )
    gan_batch_size: int = Field(default=128, ge=2, description="features a step of theirs")
    gan_lr: float = Field(default=1e-4, gt=0, description="their Adam learning rate")
    gan_width: int = Field(
        default=512, ge=8, description="units of their hidden layers (not in the paper)"
    )
    gradient_penalty: float = Field(
        default=0.0,
        ge=0,
        description="weight of the squared gradient of the discriminator at real features, which "
        "keeps it from winning on few images; not in the paper",
    )
    quality: float = Field(
        default=1.0, ge=0, description="weight of the quality error of generator and discriminator"
    )
    alignment: float = Field(
        default=3.0,
        ge=0,
        description="weight that holds generator and discriminator to their predecessors on old "
        "distortions",
    )
    head_epochs: int = Field(
        default=70,
        ge=1,
        description="epochs of the new distortions' own heads, one cached view an image",
    )
