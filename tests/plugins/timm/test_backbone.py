"""timm models as backbones."""

import pytest
import timm
import torch
from cliqa_baselines.strategies import FineTuning
from cliqa_timm.backbone import TimmBackbone, build, create, model_names
from cliqa_timm.config import TimmConfig
from cliqa_tsn.strategy import TaskSpecificNormalization

from cliqa.errors import CapabilityError
from cliqa.model import normalization_tensors

TINY = [
    "test_resnet",
    "test_byobnet",
    "test_convnext",
    "test_efficientnet",
    "test_efficientnet_gn",
    "test_efficientnet_ln",
    "test_nfnet",
    "test_mambaout",
    "test_vit",
    "test_vit4",
]


@pytest.fixture(scope="module")
def tiny():
    made = {}

    def get(name):
        if name not in made:
            torch.manual_seed(0)
            made[name] = build(TimmConfig(name=name, pretrained=False)).eval()
        return made[name]

    return get


@pytest.mark.parametrize("name", TINY)
@torch.no_grad()
def test_features_and_stages_of_images_of_any_size_are_as_wide_as_declared(tiny, name):
    backbone = tiny(name)
    for height, width in ((64, 64), (80, 112)):
        images = torch.randn(2, 3, height, width)
        assert backbone(images).shape == (2, backbone.feature_dim)
        found = backbone.stage_features(images, list(backbone.stage_dims))
        assert {s: f.shape for s, f in found.items()} == {
            s: (2, channels) for s, channels in backbone.stage_dims.items()
        }
        assert list(backbone.stage_dims) == [1, 2, 3, 4]


@pytest.mark.parametrize("name", TINY)
@torch.no_grad()
def test_the_feature_is_what_timms_classifier_classifies(name):
    """The same weights with a classifier on top: logits are its product with our feature."""
    torch.manual_seed(0)
    whole = timm.create_model(name, num_classes=7, **_any_size(name)).eval()
    backbone = TimmBackbone(create(name), name).eval()
    backbone.network.load_state_dict(whole.state_dict(), strict=False)
    images = torch.randn(2, 3, 64, 64)
    by_hand = whole.get_classifier()(backbone(images))
    torch.testing.assert_close(by_hand, whole(images))


def _any_size(name):
    return {"dynamic_img_size": True, "dynamic_img_pad": True} if "vit" in name else {}


@torch.no_grad()
def test_stages_of_a_resnet_are_the_means_of_its_four_residual_groups(tiny):
    backbone = tiny("test_resnet")
    images = torch.randn(2, 3, 64, 80)
    seen = {}
    hooks = [
        getattr(backbone.network, f"layer{stage}").register_forward_hook(
            lambda _, __, output, stage=stage: seen.__setitem__(stage, output)
        )
        for stage in (1, 2, 3, 4)
    ]
    found = backbone.stage_features(images, [4, 2, 1, 3])
    assert list(found) == [4, 2, 1, 3]
    for hook in hooks:
        hook.remove()
    for stage, maps in seen.items():
        exact = maps.double().flatten(2).sum(2) / (maps.shape[2] * maps.shape[3])
        torch.testing.assert_close(found[stage].double(), exact, rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_layers_after_the_last_wanted_stage_are_not_run(tiny):
    network = tiny("test_resnet").network
    hook = network.layer4.register_forward_hook(lambda *_: pytest.fail("stage 4 was run"))
    tiny("test_resnet").stage_features(torch.randn(1, 3, 64, 64), [1, 3])
    hook.remove()


def test_stages_of_a_plain_transformer_are_the_quarters_of_its_depth():
    """A ViT of twelve blocks: after blocks 3, 6, 9 and 12."""
    with torch.device("meta"):
        backbone = TimmBackbone(create("vit_tiny_patch16_224"), "vit_tiny_patch16_224")
    assert backbone._levels == {1: 2, 2: 5, 3: 8, 4: 11}


@pytest.mark.parametrize("name", ["resnet18", "tf_efficientnet_lite0", "test_vit"])
def test_images_are_standardised_as_timm_says(name):
    with torch.device("meta"):
        backbone = TimmBackbone(create(name), name)
    settings = timm.get_pretrained_cfg(name)
    assert (backbone.mean, backbone.std) == (settings.mean, settings.std)


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "width", "affine"),
    [
        ("resnet18", 512, 9_600),
        ("resnet50", 2_048, 53_120),
        ("vgg16_bn", 512, 8_448),
        ("vgg16", 512, 0),
    ],
)
def test_the_papers_networks_have_the_papers_widths_and_normalization(name, width, affine):
    with torch.device("meta"):
        backbone = build(TimmConfig(name=name, pretrained=False)).eval()
    images = torch.zeros(2, 3, 64, 96, device="meta")
    assert backbone(images).shape == (2, width) == (2, backbone.feature_dim)
    stages = backbone.stage_features(images, [1, 2, 3, 4])
    assert {s: f.shape[1] for s, f in stages.items()} == backbone.stage_dims
    learnable = backbone.learnable()
    own = [name for name in normalization_tensors(backbone) if name in learnable]
    assert sum(learnable[name].numel() for name in own) == affine


def test_vgg_without_normalization_is_refused_by_tsn_iqa_alone():
    with torch.device("meta"):
        backbone = build(TimmConfig(name="vgg16", pretrained=False))
    with pytest.raises(CapabilityError, match=r"`tsn-iqa` trains normalization .*none"):
        TaskSpecificNormalization().check(backbone, None)
    FineTuning().check(backbone, None)


@torch.no_grad()
def test_vgg_pools_its_last_convolution_as_the_papers_do():
    """timm's own feature is that of two wide layers of 4,096 behind it."""
    with torch.device("meta"):
        backbone = TimmBackbone(create("vgg16_bn"), "vgg16_bn").eval()
    images = torch.zeros(2, 3, 64, 64, device="meta")
    assert backbone(images).shape == (2, 512)
    assert not any("pre_logits" in name for name in backbone.state_dict())


def test_random_weights_follow_the_seed():
    made = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        made.append(build(TimmConfig(name="test_resnet", pretrained=False)))
    same, different = (
        [torch.equal(*pair) for pair in zip(made[0].parameters(), other.parameters(), strict=True)]
        for other in made[1:]
    )
    assert all(same)
    assert not all(different)


def test_a_model_without_intermediate_features_is_refused_by_name(monkeypatch):
    network = create("test_resnet")
    monkeypatch.setattr(network, "feature_info", [])
    with pytest.raises(CapabilityError, match=r"`odd`: .* no intermediate features.*cliqa list"):
        TimmBackbone(network, "odd")


def test_names_are_timms_with_and_without_pretrained_tags():
    names = model_names()
    assert {"resnet18", "resnet18.a1_in1k", "vgg16_bn"} <= set(names)
    assert names == sorted(set(names))
