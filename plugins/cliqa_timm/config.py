"""Settings of the timm family."""

from __future__ import annotations

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
