"""S-CNN, the network that tells distortions apart: a backbone, and the second stream of another."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from torch import nn

from cliqa.errors import CliqaError, MissingWeightsError
from cliqa.model import Backbone, check_fits, load_artefact
from cliqa_timm.weights import read_state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from cliqa_timm.config import SCNNConfig

#: What makes the file that both backbones ask for.
COMMAND: Final = "cliqa pretrain distortion-bn --backbone s-cnn --set train=all"

#: Channels and stride of each convolution.
_LAYERS: Final = (
    (48, 1),
    (48, 2),
    (64, 1),
    (64, 2),
    (64, 1),
    (64, 2),
    (128, 1),
    (128, 1),
    (128, 2),
)
#: Stage -> number of convolutions up to its end: a stage ends where the resolution is halved.
_STAGES: Final = {1: 2, 2: 4, 3: 6, 4: 9}


class SCNN(Backbone):
    """Nine 3 x 3 convolutions, each with batch normalization and ReLU; 1/16 of the resolution.

    Layers, names and initialisation are those of the authors' `SCNN.features`; the feature is the
    mean of the last response over positions. It is always fed with ImageNet's standardisation, so
    a file of its weights has nothing to remember about its input.

    Source: Zhang, Ma, Yan, Deng and Wang, DB-CNN, IEEE TCSVT 2020; the authors' code.
    """

    feature_dim = 128
    stage_dims: Mapping[int, int] = MappingProxyType({1: 48, 2: 64, 3: 64, 4: 128})

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for channels, stride in _LAYERS:
            convolution = nn.Conv2d(before, channels, 3, stride, padding=1)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            layers += [convolution, nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
            before = channels
        self.features = nn.Sequential(*layers)

    def feature_map(self, images: Tensor) -> Tensor:
        """The last response: (B, 3, H, W) -> (B, 128, H/16, W/16), sides rounded up."""
        maps: Tensor = self.features(images)
        return maps

    def forward(self, images: Tensor) -> Tensor:
        """See `Backbone.forward`."""
        return self.feature_map(images).mean(dim=(2, 3))

    def stage_features(self, images: Tensor, stages: Sequence[int]) -> dict[int, Tensor]:
        """See `Backbone.stage_features`; layers after the last wanted stage are not run."""
        found, maps, done = {}, images, 0
        for stage in sorted(set(stages)):
            end = 3 * _STAGES[stage]
            maps = self.features[done:end](maps)
            found[stage], done = maps.mean(dim=(2, 3)), end
        return {stage: found[stage] for stage in stages}


def build(config: SCNNConfig) -> Backbone:
    """The network with the weights of a file, or random ones.

    Raises:
        MissingWeightsError: there is no such file.
        CliqaError: the file does not hold the whole network.
    """
    network = SCNN()
    if config.weights is not None:
        load_scnn(network, config.weights, "backbone `s-cnn`: weights")
    return network


def load_scnn(network: SCNN, file: str, setting: str) -> None:
    """Fill the network from an artefact, or from a state dict in the authors' form.

    Args:
        network: is changed.
        file: `.safetensors`: an artefact of `cliqa pretrain`; otherwise a state dict such as the
            authors' `scnn.pkl`, of which the classifier is ignored. No code in it is ever run.
        setting: which setting named the file, for messages.

    Raises:
        MissingWeightsError: there is no such file.
        CliqaError: the file does not hold the whole network.
    """
    path = Path(file)
    if not path.is_file():
        raise MissingWeightsError(f"{setting}: no file {path}; `{COMMAND}` makes one")
    if path.suffix == ".safetensors":
        tensors, _ = load_artefact(path)
    else:
        tensors = _convolutional(read_state(path))
    check_fits(tensors, network, path)
    # The counters of batch normalization may be missing: nothing depends on them.
    needed = [name for name in network.state_dict() if not name.endswith("num_batches_tracked")]
    missing = [name for name in needed if name not in tensors]
    if missing:
        raise CliqaError(
            f"{setting}: {path} holds {len(needed) - len(missing)} of the S-CNN's {len(needed)} "
            f"tensors, the first missing is `{missing[0]}`; expected the whole network, which "
            f"`{COMMAND}` makes"
        )
    network.load_state_dict(tensors, strict=False)
    network.extra_data = (f"weights file {path.name}",)


def _convolutional(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the authors' state dict has of this network, or all of a dict of something else."""
    plain = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return {name: t for name, t in plain.items() if name.startswith("features.")} or plain
