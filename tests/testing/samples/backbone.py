"""Wrong backbones."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from cliqa_samples import fault

from cliqa.testing.material import TinyBackbone

fault("backbone", "is-a-backbone", "made a Linear")(lambda _: torch.nn.Linear(3, 3))


@fault("backbone", "declares-its-widths", "the last is 4")
class ThreeStages(TinyBackbone):
    stage_dims = {2: 6, 3: 12}  # noqa: RUF012

    def __init__(self, config):
        super().__init__()


@fault("backbone", "learnable-parameters-are-its-own", "`weights`")
class Renamed(ThreeStages):
    def learnable(self):
        return {"weights": self.conv1.weight}


@fault("backbone", "feature-width-is-real", "promises (3, 16)")
class TooNarrow(ThreeStages):
    feature_dim = 16


@fault("backbone", "stage-widths-are-real", "stage 4 is (3, 12)")
class WrongStage(ThreeStages):
    stage_dims = {3: 6, 4: 16}  # noqa: RUF012


class _Tiny(TinyBackbone):
    def __init__(self, config):
        super().__init__()


@fault("backbone", "parameter-counts-are-real", "`conv2.weight`")
class WritesBeside(_Tiny):
    def learnable(self):
        return {"conv1.weight": self.conv1.weight}

    def forward(self, images):
        features = super().forward(images)
        if self.training:
            features.register_hook(self._write)
        return features

    def _write(self, gradient):
        self.conv2.weight.data += 0.1


@fault("backbone", "gradients-reach-every-learnable-parameter", "`classifier.weight`")
class Classifier(_Tiny):
    def __init__(self, config):
        super().__init__(config)
        self.classifier = torch.nn.Linear(12, 2)


@fault("backbone", "frozen-parts-stand-still", "`norm1.running_mean`")
class MovingStream(_Tiny):
    def learnable(self):
        return {n: p for n, p in self.named_parameters() if not n.startswith("norm1")}


@fault("backbone", "images-do-not-depend-on-each-other", "depends on the images beside it")
class BatchCentred(_Tiny):
    def forward(self, images):
        features = super().forward(images)
        return features - features.mean(dim=0)


@fault("backbone", "copies-compute-the-same", "register_buffer")
class Unregistered(_Tiny):
    made = itertools.count(1)

    def __init__(self, config):
        super().__init__(config)
        self.scale = float(next(self.made))

    def forward(self, images):
        return self.scale * super().forward(images)


@fault("backbone", "parameter-sets-take-effect", "not what `forward` computes with")
class BehindItsBack(_Tiny):
    def __init__(self, config):
        super().__init__(config)
        self.weights = [self.conv1.weight]

    def forward(self, images):
        maps = torch.nn.functional.conv2d(images, self.weights[0], stride=2, padding=1)
        return torch.cat([maps.square().mean(dim=(2, 3))] * 2, dim=1)


@fault("backbone", "same-seed-same-network", "`conv1.weight`")
class Unseeded(_Tiny):
    def __init__(self, config):
        super().__init__(config)
        self.conv1.weight.data.mul_(float(np.random.default_rng().uniform(1, 2)))
