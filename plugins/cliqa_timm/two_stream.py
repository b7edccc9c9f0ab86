"""The two-stream network: what is shown, by a timm model, times how it is distorted, by S-CNN."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Final, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cliqa.errors import CapabilityError, ConfigError, MissingWeightsError
from cliqa.registry import did_you_mean
from cliqa_timm import lite0
from cliqa_timm.backbone import TimmBackbone, learned_from, model_names, trained_network
from cliqa_timm.config import TimmConfig
from cliqa_timm.scnn import COMMAND, SCNN, load_scnn

if TYPE_CHECKING:
    from cliqa.model import Backbone
    from cliqa_timm.config import TwoStreamConfig

NAME: Final = "two-stream"
SHIPPED: Final = "efficientnet-lite0"
RANDOM: Final = "random"


class TwoStream(TimmBackbone):
    """A timm model, its *trunk*, whose last response is pooled together with that of S-CNN.

    S-CNN is frozen by design: no method trains it and its normalization never moves, so tasks
    share it under every strategy. Stages and standardisation are the trunk's. S-CNN was trained on
    images in ImageNet's standardisation; where the trunk takes another, its input is converted.

    Source: the two-stream network of TSN-IQA's tables; its authors' `DBCNN.py`.

    Args:
        network: the trunk, without classifier; its pooling is taken off.
        name: the trunk's name, for messages.
        scnn: the distortion stream.
    """

    def __init__(self, network: nn.Module, name: str, scnn: SCNN) -> None:
        super().__init__(network, name)
        try:
            network.reset_classifier(0, global_pool="")  # type: ignore[operator]
        except (AssertionError, TypeError):  # a few networks cannot do without it
            raise _unfit(name, "cannot be had without its pooling") from None
        self._channels = self.feature_dim
        self.feature_dim = self._channels * scnn.feature_dim
        self.scnn = scnn.requires_grad_(False).eval()
        # x * ratio + shift turns the trunk's standardisation of an image into S-CNN's.
        own, other = ((torch.tensor(n.mean), torch.tensor(n.std)) for n in (self, scnn))
        same = (self.mean, self.std) == (scnn.mean, scnn.std)
        ratio, shift = own[1] / other[1], (own[0] - other[0]) / other[1]
        # A module: what runs in modules is run once for all heads when images are scored.
        self.convert = nn.Identity() if same else _Affine(_column(ratio), _column(shift))

    def learnable(self) -> dict[str, nn.Parameter]:
        """The trunk's parameters."""
        return {n: p for n, p in super().learnable().items() if not n.startswith("scnn.")}

    def train(self, mode: bool = True) -> Self:
        """Set the trunk's mode; S-CNN stays in evaluation mode, its statistics where they are."""
        super().train(mode)
        self.scnn.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """See `Backbone.forward`; the feature is float32 under autocast too."""
        content = self._trunk_map(images)
        with torch.no_grad():
            distortion = self.scnn.feature_map(self.convert(images))
        return bilinear_pool(content, distortion)

    def _trunk_map(self, images: Tensor) -> Tensor:
        maps: Tensor = self.network.forward_head(  # type: ignore[operator]
            self.network.forward_features(images),  # type: ignore[operator]
            pre_logits=True,
        )
        if maps.ndim != 4 or maps.shape[1] != self._channels:
            shape = tuple(maps.shape)
            raise _unfit(
                self.name, f"responds with shape {shape}, expected (B, {self._channels}, H, W)"
            )
        return maps


def _unfit(name: str, reason: str) -> CapabilityError:
    return CapabilityError(
        f"backbone `{NAME}`: the trunk `{name}` {reason}; choose a convolutional network as "
        "`trunk`, for example resnet18"
    )


def bilinear_pool(content: Tensor, distortion: Tensor) -> Tensor:
    """Mean over positions of the outer product of two responses.

    No signed square root follows, and no division by the length: the cosine head does that.

    Args:
        content: (B, C, H, W).
        distortion: (B, D, h, w), resized to H x W; bilinear with corners aligned, as in the
            authors' code.

    Returns:
        (B, C * D), the value of channels c and d at c * D + d; at least float32.
    """
    device = content.device.type
    # A sum over hundreds of positions: bf16 would leave it two or three digits.
    dtype = torch.promote_types(content.dtype, torch.float32)
    # The meta device, on which only shapes exist, knows no autocast.
    with nullcontext() if device == "meta" else torch.autocast(device, enabled=False):
        content, distortion = content.to(dtype), distortion.to(dtype)
        if distortion.shape[2:] != content.shape[2:]:
            distortion = F.interpolate(
                distortion, content.shape[2:], mode="bilinear", align_corners=True
            )
        content, distortion = content.flatten(2), distortion.flatten(2)
        return torch.bmm(content, distortion.transpose(1, 2)).flatten(1) / content.shape[2]


def build(config: TwoStreamConfig) -> Backbone:
    """Trunk and S-CNN with their weights.

    Raises:
        ConfigError: there is no timm model of the trunk's name.
        MissingWeightsError: the trunk's or S-CNN's weights cannot be had.
        CliqaError: a weights file does not fit.
    """
    if config.scnn is None:
        raise MissingWeightsError(
            f"backbone `{NAME}`: scnn: no weights given for the distortion stream; make them once "
            f"with `{COMMAND}` and name the file (`scnn: FILE`), or try the network out with a "
            f"random stream (`scnn: {RANDOM}`)"
        )
    scnn = SCNN()
    if config.scnn != RANDOM:  # before the trunk, which may be a download
        load_scnn(scnn, config.scnn, f"backbone `{NAME}`: scnn")
    trunk = _trunk(config)
    backbone = TwoStream(trunk, config.trunk, scnn)
    backbone.extra_data = (*_learned_from(config, trunk), *scnn.extra_data)
    return backbone


def _learned_from(config: TwoStreamConfig, trunk: nn.Module) -> tuple[str, ...]:
    shipped = config.trunk == SHIPPED and config.pretrained and config.weights is None
    return lite0.LEARNED_FROM if shipped else learned_from(config, trunk)


def _trunk(config: TwoStreamConfig) -> nn.Module:
    name = config.trunk
    if name == SHIPPED:
        if config.pretrained and config.weights is None:
            return lite0.network_with_weights()
        name = lite0.MODEL
    names = model_names()
    if name not in names:
        raise ConfigError(
            f"backbone `{NAME}`: trunk: timm has no model `{name}`."
            f"{did_you_mean(name, [*names, SHIPPED])} `cliqa list backbones 'resnet*'` prints some"
        )
    advice = (
        f"give a local file (`weights: FILE`), use the trunk whose weights are installed with "
        f"cliqa (`trunk: {SHIPPED}`), or start from random weights (`pretrained: false`)"
    )
    timm_config = TimmConfig(name=name, pretrained=config.pretrained, weights=config.weights)
    return trained_network(timm_config, advice)


class _Affine(nn.Module):
    """x * ratio + shift."""

    ratio: Tensor
    shift: Tensor

    def __init__(self, ratio: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("ratio", ratio, persistent=False)
        self.register_buffer("shift", shift, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return images * self.ratio + self.shift


def _column(values: Tensor) -> Tensor:
    return values.view(1, 3, 1, 1)
