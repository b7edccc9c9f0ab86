"""timm models as backbones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import timm
from timm.models.vgg import ConvMlp
from torch import Tensor, nn

from cliqa.errors import CapabilityError
from cliqa.hub import cached_only_if_unreachable
from cliqa.model import Backbone
from cliqa_timm.graph import padding_as_graph
from cliqa_timm.weights import hub_error, load_file, ways_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from cliqa_timm.config import TimmConfig, TwoStreamConfig

#: Tried in turn: vision transformers accept other image sizes only when told to.
_ANY_SIZE: tuple[dict[str, Any], ...] = (
    {"dynamic_img_size": True, "dynamic_img_pad": True},
    {"dynamic_img_size": True},
    {"strict_img_size": False},
    {},
)
STAGES = 4


def model_names() -> list[str]:
    """All timm model names, those with a pre-trained tag included."""
    names = timm.list_models()
    return sorted({*names, *timm.list_models(pretrained=True)})


def build(config: TimmConfig) -> Backbone:
    """Create the model; weights come from a local file, the Hub, or are random.

    Raises:
        MissingWeightsError: the weights cannot be had.
        CapabilityError: the model offers no intermediate features.
    """
    network = trained_network(config, ways_out(config.name))
    backbone = TimmBackbone(network, config.name)
    backbone.extra_data = learned_from(config, network)
    return backbone


def learned_from(config: TimmConfig | TwoStreamConfig, network: nn.Module) -> tuple[str, ...]:
    """What the weights were learned from: timm's name of them, or the file's; none if random."""
    if config.weights is not None:
        return (f"weights file {Path(config.weights).name}",)
    if not config.pretrained:
        return ()
    settings: Any = network.default_cfg
    tag = settings.get("tag")
    return (f"timm {settings['architecture']}{f'.{tag}' if tag else ''}",)


def trained_network(config: TimmConfig, advice: str) -> nn.Module:
    """A timm network without classifier, with the weights that the settings ask for.

    Args:
        config: the settings.
        advice: what a user can do when the weights cannot be downloaded.

    Raises:
        MissingWeightsError: the weights cannot be had.
        CliqaError: the weights file does not fit.
    """
    download = config.pretrained and config.weights is None
    if not download:
        network = create(config.name)
    else:
        try:
            with cached_only_if_unreachable():
                network = create(config.name, pretrained=True)
        except Exception as error:
            if translated := hub_error(config.name, error, advice):
                raise translated from None
            raise
    if config.weights is not None:
        load_file(network, config.weights, config.name)
    return network


def create(name: str, *, pretrained: bool = False) -> nn.Module:
    """A timm model without classifier that takes images of any size where it can."""
    for options in _ANY_SIZE:
        try:
            network: nn.Module = timm.create_model(
                name, pretrained=pretrained, num_classes=0, **options
            )
        except TypeError:
            if not options:
                raise
            continue
        # VGG keeps two wide layers of its classifier in front of the pooling; the papers pool
        # the last convolution's response itself.
        classifier = getattr(network, "pre_logits", None)
        if isinstance(classifier, ConvMlp):
            network.head_hidden_size = classifier.fc1.in_channels
            network.pre_logits = nn.Identity()
        return network
    raise AssertionError("the last entry of _ANY_SIZE is empty")


class TimmBackbone(Backbone):
    """A timm model: pooled feature in front of its classifier, and pooled stage responses.

    Stages are the last four feature levels of a convolutional or hierarchical network (ResNet's
    residual groups are stages 1 to 4), and the quarters of depth of a plain transformer.
    """

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__()
        self.network = network
        self.name = name
        settings: Any = network.default_cfg
        self.mean, self.std = tuple(settings["mean"]), tuple(settings["std"])
        self._levels = _stage_levels(network, name)
        channels = [level["num_chs"] for level in network.feature_info]  # type: ignore[union-attr]
        self.stage_dims: Mapping[int, int] = {s: channels[i] for s, i in self._levels.items()}
        self.feature_dim = int(network.head_hidden_size)  # type: ignore[arg-type]

    def as_graph(self) -> AbstractContextManager[None]:
        """See `Backbone.as_graph`; convolutions that pad by size, such as EfficientNet-Lite's."""
        return padding_as_graph()

    def forward(self, images: Tensor) -> Tensor:
        """See `Backbone.forward`."""
        features = self.network.forward_features(images)  # type: ignore[operator]
        pooled: Tensor = self.network.forward_head(features, pre_logits=True)  # type: ignore[operator]
        return pooled.flatten(1)

    def stage_features(self, images: Tensor, stages: Sequence[int]) -> dict[int, Tensor]:
        """See `Backbone.stage_features`; layers after the last wanted stage are not run."""
        levels = sorted({self._levels[stage] for stage in stages})
        maps = self.network.forward_intermediates(  # type: ignore[operator]
            images, indices=levels, intermediates_only=True, stop_early=True, output_fmt="NCHW"
        )
        by_level = dict(zip(levels, maps, strict=True))
        return {stage: by_level[self._levels[stage]].mean(dim=(2, 3)) for stage in stages}


def _stage_levels(network: nn.Module, name: str) -> dict[int, int]:
    """Stage number (the last is 4) -> index into `feature_info`."""
    info = getattr(network, "feature_info", None)
    if not info or not hasattr(network, "forward_intermediates"):
        raise CapabilityError(
            f"backbone `{name}`: this timm model offers no intermediate features; choose another, "
            "`cliqa list backbones 'resnet*'` prints some"
        )
    count = len(info)
    reductions = {level["reduction"] for level in info}
    if len(reductions) == 1 and count >= STAGES:  # a plain transformer: one resolution throughout
        return {stage: stage * count // STAGES - 1 for stage in range(1, STAGES + 1)}
    first = max(0, count - STAGES)
    return {STAGES - count + 1 + index: index for index in range(first, count)}
