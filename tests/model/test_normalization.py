"""Finding normalization layers, whoever wrote them."""

import pytest
import timm
import torch
from torch import nn

from cliqa.model import normalization_layers, normalization_tensors

KINDS = {
    "test_resnet": "BatchNorm2d",
    "test_byobnet": "BatchNormAct2d",
    "test_convnext": "LayerNorm2d",
    "test_vit": "LayerNorm",
    "test_vit4": "RmsNorm",
    "test_efficientnet_gn": "GroupNormAct",
    "test_efficientnet_ln": "LayerNormAct2d",
}


def names_by_class(network):
    """The same by the layers' class names and their own tensors."""
    return {
        f"{name}.{tensor}"
        for name, module in network.named_modules()
        if type(module)
        .__name__.removesuffix("Act")
        .removesuffix("Act2d")
        .endswith(("Norm", "Norm2d"))
        for tensor in module._parameters.keys() | module._buffers.keys()
        if tensor != "num_batches_tracked"
    }


@pytest.mark.parametrize("name", KINDS)
def test_every_normalization_tensor_of_a_timm_model_is_found_and_nothing_else(name):
    network = timm.create_model(name, num_classes=0)
    found = normalization_tensors(network)
    assert len(found) == len(set(found))
    assert set(found) == names_by_class(network)
    assert KINDS[name] in {type(m).__name__ for m in normalization_layers(network).values()}


def test_names_are_those_of_the_state_dict(tiny_backbone):
    network = tiny_backbone()
    state = network.state_dict()
    assert sorted(normalization_tensors(network)) == sorted(
        name for name in state if name.startswith("layer") and "num_batches" not in name
    )


@pytest.mark.parametrize(
    ("layer", "tensors"),
    [
        (nn.BatchNorm1d(4), ["weight", "bias", "running_mean", "running_var"]),
        (nn.BatchNorm2d(4, affine=False), ["running_mean", "running_var"]),
        (nn.BatchNorm2d(4, track_running_stats=False), ["weight", "bias"]),
        (nn.SyncBatchNorm(4), ["weight", "bias", "running_mean", "running_var"]),
        (nn.LayerNorm(4), ["weight", "bias"]),
        (nn.LayerNorm(4, bias=False), ["weight"]),
        (nn.GroupNorm(2, 4), ["weight", "bias"]),
        (nn.InstanceNorm2d(4, affine=True), ["weight", "bias"]),
        (nn.RMSNorm(4), ["weight"]),
    ],
)
def test_a_layers_own_tensors_are_its_affine_and_its_running_ones(layer, tensors):
    assert normalization_tensors(layer) == tensors
    assert normalization_tensors(nn.Sequential(layer)) == [f"0.{t}" for t in tensors]


@pytest.mark.parametrize(
    "layer",
    [
        nn.InstanceNorm2d(4),
        nn.LayerNorm(4, elementwise_affine=False),
        nn.BatchNorm2d(4, affine=False, track_running_stats=False),
        nn.Conv2d(3, 4, 1),
        nn.Identity(),
    ],
)
def test_a_layer_without_tensors_or_of_another_kind_is_passed_over(layer):
    assert normalization_layers(nn.Sequential(layer)) == {}
    assert normalization_tensors(nn.Sequential(layer)) == []


def test_scores_of_a_batch_norm_network_do_not_depend_on_the_counter_that_is_left_out():
    """With a fixed momentum `num_batches_tracked` is read by nothing."""
    layer = nn.BatchNorm2d(4)
    images = torch.randn(3, 4, 5, 5)
    found = []
    for count in (0, 1000):
        fresh = nn.BatchNorm2d(4)
        fresh.load_state_dict(layer.state_dict())
        fresh.num_batches_tracked.fill_(count)
        fresh.train()(images)
        found.append(fresh.eval()(images))
    assert torch.equal(*found)


def test_layers_of_a_part_that_is_frozen_by_design_belong_to_no_task(tiny_backbone):
    backbone = tiny_backbone()
    whole = set(normalization_layers(backbone))
    backbone.learnable = lambda: {
        n: p for n, p in backbone.named_parameters() if not n.startswith("layer1")
    }
    assert whole == {"layer1", "layer2"}
    assert set(normalization_layers(backbone)) == {"layer2"}
