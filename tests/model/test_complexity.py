"""Multiply-accumulates of one image."""

import pytest
import torch
from cliqa_pairwise.fidelity import CosineHead
from cliqa_timm.backbone import TimmBackbone, create
from cliqa_timm.scnn import SCNN
from cliqa_timm.two_stream import TwoStream
from torch import nn

from cliqa.model import QualityModel, count_macs, normalization_tensors


@pytest.fixture(scope="module")
def backbone():
    """Real architectures without memory for their weights."""

    def make(name):
        with torch.device("meta"):
            return TimmBackbone(create(name), name)

    return make


BY_HAND = {
    # output positions x output channels x what each is a sum over
    "convolution": (nn.Conv2d(3, 8, 5, padding=2), 10 * 14 * 8 * 3 * 25),
    "stride": (nn.Conv2d(3, 8, 3, stride=2, padding=1), 5 * 7 * 8 * 3 * 9),
    "no padding": (nn.Conv2d(3, 8, 3), 8 * 12 * 8 * 3 * 9),
    "dilation": (nn.Conv2d(3, 8, 3, dilation=2), 6 * 10 * 8 * 3 * 9),
    "depthwise": (nn.Conv2d(3, 6, 3, padding=1, groups=3), 10 * 14 * 6 * 9),
    "linear": (nn.Linear(14, 5), 3 * 10 * 14 * 5),
    "batch": (nn.BatchNorm2d(3), 3 * 10 * 14),
    "group": (nn.GroupNorm(3, 3), 3 * 10 * 14),
    "instance": (nn.InstanceNorm2d(3, affine=True), 3 * 10 * 14),
    "layer": (nn.LayerNorm(14), 3 * 10 * 14),
    "activation and pooling": (nn.Sequential(nn.ReLU(), nn.MaxPool2d(2), nn.Upsample(9)), 0),
    "several": (
        nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 2),
        ),
        5 * 7 * 4 * 27 + 5 * 7 * 4 + 4 * 2,
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_small_network_has_as_many_as_counted_by_hand(name):
    network, expected = BY_HAND[name]
    assert count_macs(network, 10, 14) == expected


def test_attention_is_two_matrix_products_beside_its_projections():
    """For n tokens of width d: 4 projections n d^2, scores and mixing n^2 d each."""

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv, self.out = nn.Linear(6, 18), nn.Linear(6, 6)

        def forward(self, images):
            tokens = images.flatten(2).transpose(1, 2).repeat(1, 1, 2)  # (1, 10 * 14, 6)
            heads = self.qkv(tokens).unflatten(2, (3, 2, 3)).permute(2, 0, 3, 1, 4)
            mixed = nn.functional.scaled_dot_product_attention(*heads)
            return self.out(mixed.transpose(1, 2).flatten(2))

    n, d = 140, 6
    assert count_macs(Attention(), 10, 14) == 4 * n * d * d + 2 * n * n * d


def test_resnet18_has_one_point_eight_two_billion_with_its_normalization(backbone):
    """The TSN-IQA paper prints 18.2 G, ten times as many."""
    resnet = backbone("resnet18")
    convolutions = 112**2 * 64 * 3 * 49 + 4 * 56**2 * 64 * 64 * 9
    side, width = 28, 128
    for _ in range(3):  # two blocks of two convolutions, of which the first halves, and a shortcut
        convolutions += side**2 * width**2 * 9 * 7 // 2 + side**2 * width * width // 2
        side, width = side // 2, width * 2
    normalized = 112**2 * 64 + 4 * 56**2 * 64 + 5 * (28**2 * 128 + 14**2 * 256 + 7**2 * 512)
    found = count_macs(resnet, 224, 224)
    assert found == convolutions + normalized
    assert (round(found / 1e9, 2), round(convolutions / 1e9, 2)) == (1.82, 1.81)


def test_a_vision_transformer_has_as_many_as_its_formula_says(backbone):
    """12 blocks on 197 tokens of width 192: projections and MLP 12 d^2, attention 2 n d."""
    n, d = 197, 192
    block = 12 * n * d * d + 2 * n * n * d
    whole = 196 * 768 * d + 12 * block + 25 * n * d
    assert count_macs(backbone("vit_tiny_patch16_224"), 224, 224) == whole


@pytest.mark.parametrize(
    ("name", "printed", "classifier"),
    [
        ("resnet18", 1.82, 512),
        ("resnet50", 4.11, 2048),
        ("convnext_tiny", 4.47, 768),
        ("vit_tiny_patch16_224", 1.26, 192),
    ],
)
def test_networks_have_as_many_as_timm_prints_up_to_its_account_of_normalization(
    backbone, name, printed, classifier
):
    """`infer_gmacs` of timm's benchmark at 224 x 224, which has the classifier's 1000 logits."""
    giga = (count_macs(backbone(name), 224, 224) + 1000 * classifier) / 1e9
    assert giga == pytest.approx(printed, rel=0.005)


def test_both_streams_and_their_product_are_counted(backbone):
    with torch.device("meta"):
        both = TwoStream(create("resnet18"), "resnet18", SCNN())
        alone = SCNN()
    streams = count_macs(backbone("resnet18"), 224, 224) + count_macs(alone, 224, 224)
    assert count_macs(both, 224, 224) == streams + 7 * 7 * 512 * 128


def test_a_part_of_a_network_is_counted_by_itself(tiny_backbone):
    network = tiny_backbone()
    first = 16 * 20 * (6 * 3 * 9 + 6)
    second = 8 * 10 * (12 * 6 * 9 + 12)

    def stage(number):
        return count_macs(network, 32, 40, forward=lambda x: network.stage_features(x, (number,)))

    assert count_macs(network, 32, 40) == stage(4) == first + second


def test_stages_that_are_not_wanted_are_not_counted(backbone):
    resnet = backbone("resnet18")
    early = count_macs(resnet, 224, 224, forward=lambda x: resnet.stage_features(x, (1, 2)))
    late = count_macs(resnet, 224, 224, forward=lambda x: resnet.stage_features(x, (3, 4)))
    assert early < late == count_macs(resnet, 224, 224)


def test_heads_with_normalization_of_their_own_cost_a_forward_each():
    model = QualityModel(TimmBackbone(create("test_resnet"), "test_resnet"), CosineHead)
    heads = [model.add_head([task]) for task in "abc"]
    once = count_macs(model, 64, 64, forward=lambda x: model.head_scores(x, heads))
    for head in heads:
        model.keep_for(head, normalization_tensors(model.backbone))
    apart = count_macs(model, 64, 64, forward=lambda x: model.head_scores(x, heads))
    network = count_macs(model.backbone, 64, 64)
    assert (once, apart) == (network + 3 * 96, 3 * network + 3 * 96)


def test_counting_computes_nothing(backbone):
    """A picture of a terapixel; real tensors of this size exist nowhere."""
    small = count_macs(SCNN(), 1024, 1024)
    assert count_macs(SCNN(), 1024 * 1024, 1024 * 1024) == 1024 * 1024 * small


def test_the_network_is_left_as_it_was(tiny_backbone):
    network = tiny_backbone(dropout=0.5)
    network.train()
    network.layer2.eval()
    network.conv1.requires_grad_(False)
    modes = {name: module.training for name, module in network.named_modules()}
    tensors = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    random = torch.get_rng_state()
    count_macs(network, 32, 32)
    assert {name: module.training for name, module in network.named_modules()} == modes
    assert all(torch.equal(tensors[name], t) for name, t in network.state_dict().items())
    assert {n for n, p in network.named_parameters() if not p.requires_grad} == {
        "conv1.weight",
        "conv1.bias",
    }
    assert all(p.grad is None for p in network.parameters())
    assert torch.equal(torch.get_rng_state(), random)


def test_the_network_gets_its_mode_back_when_its_forward_fails(tiny_backbone):
    network = tiny_backbone().train()
    with pytest.raises(ZeroDivisionError):
        count_macs(network, 32, 32, forward=lambda _: 1 // 0)
    assert network.training
    assert network.layer1.training
