"""Low-rank adapters: what they compute, what a task owns, what they refuse."""

import pytest
import torch
from cliqa_example.config import LoRAConfig
from cliqa_example.layers import LowRankLinear
from cliqa_example.strategy import LowRankAdaptation
from torch import nn

from cliqa.errors import CapabilityError
from cliqa.model import Backbone, QualityModel


class Small(Backbone):
    """A block with the layers of a transformer, and one that stays frozen by design."""

    feature_dim = 8
    stage_dims = {4: 8}  # noqa: RUF012

    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 4, 4)
        self.block = nn.ModuleDict(
            {
                "attn": nn.ModuleDict({"qkv": nn.Linear(width, width)}),
                "mlp": nn.ModuleDict({"fc1": nn.Linear(width, width, bias=False)}),
            }
        )
        self.fixed = nn.Linear(width, width)

    def learnable(self):
        return {n: p for n, p in self.named_parameters() if not n.startswith("fixed")}

    def forward(self, images):
        x = self.stem(images).mean((2, 3))
        return self.fixed(self.block["mlp"]["fc1"](self.block["attn"]["qkv"](x).relu()))

    def stage_features(self, images, stages):
        return {stage: self(images) for stage in stages}


def started(**settings):
    torch.manual_seed(0)
    strategy = LowRankAdaptation(LoRAConfig(**settings))
    model = QualityModel(Small(), lambda width: nn.Linear(width, 1, bias=False))
    images = torch.randn(3, 3, 16, 16)
    before = model.backbone(images)
    strategy.start(model)
    return strategy, model, images, before


def test_a_layer_adds_the_product_of_its_matrices_to_its_weight():
    torch.manual_seed(1)
    layer = LowRankLinear(nn.Linear(5, 7), rank=3, alpha=6.0)
    nn.init.normal_(layer.up)
    x = torch.randn(2, 4, 5)
    merged = layer.weight + 2.0 * layer.up @ layer.down
    torch.testing.assert_close(layer(x), x @ merged.T + layer.bias)


def test_nothing_is_changed_before_something_is_learned():
    _, model, images, before = started()
    torch.testing.assert_close(model.backbone(images), before, rtol=0, atol=0)


def test_names_that_the_network_had_stay_as_they_were():
    _, model, _, _ = started()
    assert set(Small().state_dict()) <= set(model.backbone.state_dict())


@pytest.mark.parametrize(
    ("layers", "adapted"),
    [
        ("all", ["block.attn.qkv", "block.mlp.fc1"]),
        ("attention", ["block.attn.qkv"]),
        ("mlp", ["block.mlp.fc1"]),
    ],
)
def test_a_task_owns_the_matrices_of_the_chosen_layers_and_trains_only_those(layers, adapted):
    strategy, model, _, _ = started(layers=layers)
    names = [f"{layer}.{part}" for layer in adapted for part in ("down", "up")]
    assert strategy.own(model.backbone) == names
    assert list(strategy.trainable(model.backbone)) == names


def test_a_network_without_linear_layers_is_refused_with_what_to_choose():
    with pytest.raises(CapabilityError, match=r"adapts linear layers, and this backbone has none"):
        LowRankAdaptation(LoRAConfig()).check(NoLinear(), None)


def test_a_network_without_attention_is_refused_naming_the_setting():
    with pytest.raises(CapabilityError, match=r"set `layers: all`"):
        LowRankAdaptation(LoRAConfig(layers="attention")).check(NoLinear(), None)


class NoLinear(Small):
    def __init__(self):
        super().__init__()
        self.block = nn.ModuleDict()
