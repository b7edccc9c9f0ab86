"""Settings of the backbones."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from cliqa.config import ComponentConfig


class TimmConfig(ComponentConfig):
    """Which timm model and where its weights come from."""

    name: str = Field(
        description="timm's name of the model; a tag such as `resnet18.a1_in1k` chooses among "
        "pre-trained weights"
    )
    pretrained: bool = Field(
        default=True, description="download timm's ImageNet weights (kept by the Hub's own cache)"
    )
    weights: str | None = Field(
        default=None,
        description="local weights file instead (.safetensors, .pth or .pt state dict), relative "
        "to the current folder",
    )

    def without_weights(self) -> Self:
        """See `ComponentConfig.without_weights`."""
        return self.model_copy(update={"pretrained": False, "weights": None})


class SCNNConfig(ComponentConfig):
    """Where the weights of S-CNN come from."""

    weights: str | None = Field(
        default=None,
        description="file that `cliqa pretrain distortion-bn --backbone s-cnn --set train=all` "
        "made, or a state dict in the form of the authors' scnn.pkl, relative to the current "
        "folder; null: random weights",
    )

    def without_weights(self) -> Self:
        """See `ComponentConfig.without_weights`."""
        return self.model_copy(update={"weights": None})


class TwoStreamConfig(ComponentConfig):
    """The two streams and where their weights come from."""

    trunk: str = Field(
        default="resnet18",
        description="timm's name of a convolutional model, or efficientnet-lite0, whose weights "
        "are installed",
    )
    pretrained: bool = Field(
        default=True,
        description="start the trunk from ImageNet weights (kept by the Hub's own cache)",
    )
    weights: str | None = Field(
        default=None,
        description="local weights file of the trunk instead (.safetensors, .pth or .pt state "
        "dict), relative to the current folder",
    )
    scnn: str | None = Field(
        default=None,
        description="weights of the frozen S-CNN, which must be given: a file as for the backbone "
        "s-cnn, or `random` for trying the network out",
    )

    def without_weights(self) -> Self:
        """See `ComponentConfig.without_weights`."""
        return self.model_copy(update={"pretrained": False, "weights": None, "scnn": "random"})
