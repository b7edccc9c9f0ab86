"""Small networks of every kind that folding must get right or leave alone."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from cliqa.model import Backbone, QualityModel, normalization_tensors


class Net(Backbone):
    """A trunk of modules behind one another, then the mean over positions."""

    def __init__(self, *layers: nn.Module, dim: int = 8) -> None:
        super().__init__()
        self.feature_dim, self.stage_dims = dim, {4: dim}
        self.layers = nn.Sequential(*layers)

    def forward(self, images):
        found = self.layers(images)
        return found.mean(dim=(2, 3)) if found.ndim == 4 else found

    def stage_features(self, images, stages):
        return {4: self(images)}


class Standardized(nn.Conv2d):
    """Standardises its weight before it uses it, so that scaling the weight does nothing."""

    def forward(self, x):
        w = self.weight
        w = (w - w.mean((1, 2, 3), keepdim=True)) / w.std((1, 2, 3), keepdim=True)
        return self._conv_forward(x, w, self.bias)


class NormAct(nn.BatchNorm2d):
    """As timm's: an activation of its own."""

    def __init__(self, channels):
        super().__init__(channels)
        self.drop, self.act = nn.Identity(), nn.SiLU()

    def forward(self, x):
        return self.act(self.drop(super().forward(x)))


class Twice(nn.BatchNorm2d):
    """Does something else with its output."""

    def forward(self, x):
        return 2 * super().forward(x)


class Both(nn.Module):
    """The response of a convolution goes into its normalization and around it."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)

    def forward(self, x):
        x = self.conv(x)
        return x + self.norm(x)


class Reused(nn.Module):
    """One convolution, two normalizations."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)
        self.one, self.two = nn.BatchNorm2d(8), nn.BatchNorm2d(8)

    def forward(self, x):
        return self.two(self.conv(torch.relu(self.one(self.conv(x)))))


class Written(nn.Module):
    """Writes into the response of the shared layer in front of it."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        return self.norm(x.mul_(3).add_(1))


class TwoStreams(Backbone):
    """A trunk that learns and a stream that never does, with arithmetic between modules."""

    feature_dim = 32

    def __init__(self):
        super().__init__()
        self.stage_dims = {4: 32}
        self.trunk = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.stream = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.stream.requires_grad_(False)

    def learnable(self):
        return {n: p for n, p in self.named_parameters() if n.startswith("trunk")}

    def forward(self, images):
        one, two = self.trunk(images).flatten(2), self.stream(images).flatten(2)
        return torch.bmm(one, two.transpose(1, 2)).flatten(1) / one.shape[2]

    def stage_features(self, images, stages):
        return {4: self(images)}


def _stem():
    return [nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True)]


def _conv(**kwargs):
    return nn.Conv2d(8, 8, 3, padding=1, **kwargs)


#: Name -> what makes it, and how many pairs of its layers can be folded when normalization is a
#: head's own (the first convolution is shared then, and its pair is not).
NETWORKS = {
    "plain": (lambda: Net(*_stem(), _conv(), nn.BatchNorm2d(8), nn.ReLU()), 1),
    "no bias, grouped": (lambda: Net(*_stem(), _conv(bias=False, groups=8), nn.BatchNorm2d(8)), 1),
    "dilated": (lambda: Net(*_stem(), _conv(dilation=2), nn.BatchNorm2d(8)), 1),
    "no affine": (lambda: Net(*_stem(), _conv(), nn.BatchNorm2d(8, affine=False)), 1),
    "no statistics": (
        lambda: Net(*_stem(), _conv(), nn.BatchNorm2d(8, track_running_stats=False)),
        0,
    ),
    "norm with activation": (lambda: Net(*_stem(), _conv(), NormAct(8)), 1),
    "norm that doubles": (lambda: Net(*_stem(), _conv(), Twice(8)), 0),
    "norm before conv": (lambda: Net(*_stem(), nn.BatchNorm2d(8), nn.ReLU(), _conv()), 0),
    "standardized weight": (
        lambda: Net(*_stem(), Standardized(8, 8, 3), nn.BatchNorm2d(8)),
        0,
    ),
    "weight norm": (
        lambda: Net(*_stem(), nn.utils.parametrizations.weight_norm(_conv()), nn.BatchNorm2d(8)),
        0,
    ),
    "group norm": (lambda: Net(*_stem(), _conv(), nn.GroupNorm(2, 8)), 0),
    "layer norm": (lambda: Net(*_stem(), _conv(), nn.LayerNorm((16, 16))), 0),
    "linear": (
        lambda: Net(
            *_stem(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 8), nn.BatchNorm1d(8)
        ),
        1,
    ),
    "transposed": (
        lambda: Net(*_stem(), nn.ConvTranspose2d(8, 8, 2, stride=2), nn.BatchNorm2d(8)),
        0,
    ),
    "around the norm": (lambda: Net(*_stem(), Both()), 0),
    "one conv for two norms": (lambda: Net(*_stem(), Reused()), 0),
    "written into": (lambda: Net(nn.Conv2d(3, 8, 3, stride=2, padding=1), Written()), 0),
    "two streams": (TwoStreams, 1),
}


def varied_model(
    kind: str, heads: int, own: str = "normalization", seed: int = 0, new_head=None
) -> QualityModel:
    """A model whose heads and parameter sets all differ.

    Args:
        kind: a key of `NETWORKS`.
        heads: how many.
        own: `normalization`, `everything`, `nothing`, or `mixed`: every other head owns nothing.
        seed: of all values.
        new_head: as for `QualityModel`; default: a cosine.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        backbone = NETWORKS[kind][0]().eval()
        _vary(backbone.state_dict())
        model = QualityModel(backbone, new_head or Cosine)
        names = {
            "normalization": normalization_tensors(backbone),
            "everything": list(backbone.state_dict()),
        }
        for number in range(heads):
            head = model.add_head([str(number)])
            torch.nn.init.normal_(model.heads[head].weight)
            if own in names:
                model.keep_for(head, names[own])
            elif own == "mixed" and number % 2:
                model.keep_for(head, names["normalization"])
            _vary(model.parameter_sets[head])
    return model.to(memory_format=torch.channels_last).eval().requires_grad_(False)


class Cosine(nn.Linear):
    """The cosine of the feature and a direction."""

    def __init__(self, feature_dim):
        super().__init__(feature_dim, 1, bias=False)

    def forward(self, features):
        return F.linear(F.normalize(features, dim=1), F.normalize(self.weight, dim=1))


@torch.no_grad()
def _vary(tensors) -> None:
    for name, tensor in tensors.items():
        if tensor.is_floating_point():
            if "var" in name:
                tensor.mul_(torch.rand(tensor.shape) + 0.5)
            else:
                tensor.add_(torch.randn(tensor.shape) * 0.2)
