"""The two-stream network: pooling, what is frozen, what is counted, what a mistake is answered."""

import copy
import socket

import numpy as np
import pytest
import torch
from cliqa_timm import lite0
from cliqa_timm.backbone import TimmBackbone, create
from cliqa_timm.config import TwoStreamConfig
from cliqa_timm.scnn import COMMAND, SCNN
from cliqa_timm.two_stream import TwoStream, bilinear_pool, build
from hypothesis import given, settings
from hypothesis import strategies as st

from cliqa import hub
from cliqa.errors import CapabilityError, CliqaError, ConfigError, MissingWeightsError
from cliqa.inference import FoldedScorer
from cliqa.model import (
    QualityModel,
    normalization_layers,
    normalization_tensors,
    save_artefact,
    to_input,
)

TINY = {"trunk": "test_resnet", "pretrained": False, "scnn": "random"}


def made(**config):
    torch.manual_seed(0)
    return build(TwoStreamConfig(**(TINY | config)))


@pytest.fixture(scope="module")
def backbone():
    return made().eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 3, 64, 80, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def scnn_file(tmp_path):
    torch.manual_seed(9)
    file = tmp_path / "s-cnn.safetensors"
    network = SCNN()
    save_artefact(file, network.state_dict(), {"job": "distortion-bn", "backbone": "s-cnn"})
    return file, network.state_dict()


def resized(maps, height, width):
    """Bilinear with corners aligned, one position at a time."""
    channels, h, w = maps.shape
    out = np.zeros((channels, height, width))
    for y in range(height):
        for x in range(width):
            sy = y * (h - 1) / (height - 1) if height > 1 else 0.0
            sx = x * (w - 1) / (width - 1) if width > 1 else 0.0
            y0, x0 = int(sy), int(sx)
            y1, x1 = min(y0 + 1, h - 1), min(x0 + 1, w - 1)
            top = maps[:, y0, x0] * (1 - (sx - x0)) + maps[:, y0, x1] * (sx - x0)
            low = maps[:, y1, x0] * (1 - (sx - x0)) + maps[:, y1, x1] * (sx - x0)
            out[:, y, x] = top * (1 - (sy - y0)) + low * (sy - y0)
    return out


def pooled(content, distortion):
    """The same in float64, one position of one image at a time."""
    rows = []
    for a, b in zip(content.double().numpy(), distortion.double().numpy(), strict=True):
        height, width = a.shape[1:]
        b = resized(b, height, width)
        total = np.zeros((len(a), len(b)))
        for y in range(height):
            for x in range(width):
                total += np.outer(a[:, y, x], b[:, y, x])
        rows.append(total.reshape(-1) / (height * width))
    return torch.from_numpy(np.stack(rows))


SIDES = st.integers(1, 6)


@settings(max_examples=40)
@given(SIDES, SIDES, SIDES, SIDES, st.integers(0, 99))
def test_pooling_is_the_mean_outer_product_after_resizing(height, width, h, w, seed):
    generator = torch.Generator().manual_seed(seed)
    content = torch.randn(2, 5, height, width, generator=generator)
    distortion = torch.randn(2, 3, h, w, generator=generator)
    found = bilinear_pool(content, distortion)
    torch.testing.assert_close(found.double(), pooled(content, distortion), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_feature_is_the_pooled_response_of_trunk_and_scnn(backbone, images):
    seen = []
    hook = backbone.scnn.features.register_forward_hook(lambda *call: seen.append(call[2]))
    feature = backbone(images)
    hook.remove()
    content, distortion = backbone.network.forward_features(images), seen[0]
    assert content.shape[2:] != distortion.shape[2:]
    expected = pooled(content, distortion)
    torch.testing.assert_close(feature.double(), expected, rtol=1e-4, atol=1e-6)


def test_pooling_stays_float32_in_the_middle_of_bf16():
    generator = torch.Generator().manual_seed(0)
    content = torch.rand(1, 4, 40, 40, generator=generator).bfloat16()
    distortion = torch.rand(1, 3, 20, 20, generator=generator).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = bilinear_pool(content, distortion)
    assert found.dtype == torch.float32
    assert torch.equal(found, bilinear_pool(content.float(), distortion.float()))
    torch.testing.assert_close(found.double(), pooled(content, distortion), rtol=1e-5, atol=0)


def test_a_whole_forward_in_bf16_gives_a_float32_feature(backbone, images):
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert backbone(images).dtype == torch.float32


def test_resnet18_gives_65536_values_of_which_tsn_iqa_learns_as_many_as_ever():
    with torch.device("meta"):
        network = TwoStream(create("resnet18"), "resnet18", SCNN())
    learnable = network.learnable()
    own = [name for name in normalization_tensors(network) if name in learnable]
    assert network.feature_dim == 65_536
    assert sum(p.numel() for p in learnable.values()) == 11_176_512
    assert sum(p.numel() for p in network.parameters()) == 11_176_512 + 531_120
    assert sum(learnable[name].numel() for name in own) == 9_600
    assert network(torch.zeros(2, 3, 64, 96, device="meta")).shape == (2, 65_536)


def test_only_the_trunks_normalization_belongs_to_a_task(backbone):
    trunk = TimmBackbone(create("test_resnet"), "test_resnet")
    assert normalization_tensors(backbone) == normalization_tensors(trunk)
    assert list(backbone.learnable()) == list(trunk.learnable())
    frozen = {name for name in backbone.scnn.state_dict() if "running" in name}
    assert len(frozen) == 18
    assert not any(name.startswith("scnn") for name in normalization_layers(backbone))


def test_stages_and_standardisation_are_the_trunks(backbone, images):
    trunk = TimmBackbone(create("test_resnet"), "test_resnet").eval()
    trunk.network.load_state_dict(backbone.network.state_dict())
    assert backbone.stage_dims == trunk.stage_dims
    assert (backbone.mean, backbone.std) == (trunk.mean, trunk.std)
    with torch.no_grad():
        found = backbone.stage_features(images, [2, 4])
        expected = trunk.stage_features(images, [2, 4])
    assert list(found) == [2, 4]
    assert all(torch.equal(found[stage], expected[stage]) for stage in expected)


def test_scnn_gets_its_own_standardisation_whatever_the_trunks(monkeypatch):
    """The same pixels give the same distortion map beside a trunk that takes [-1, 1]."""
    pixels = [np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)]
    network = create("test_resnet")
    monkeypatch.setitem(network.default_cfg, "mean", (0.5, 0.4, 0.3))
    monkeypatch.setitem(network.default_cfg, "std", (0.5, 0.6, 0.7))
    backbone = TwoStream(network, "test_resnet", SCNN()).eval()
    seen = []
    backbone.scnn.features.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        backbone(to_input(pixels, backbone, torch.device("cpu")))
    expected = to_input(pixels, SCNN(), torch.device("cpu"))
    torch.testing.assert_close(seen[0], expected, rtol=1e-5, atol=1e-6)


def test_training_mode_and_a_backward_pass_leave_scnn_alone(images):
    backbone = made().train()
    before = copy.deepcopy(backbone.scnn.state_dict())
    trunk = backbone.network.state_dict()["layer4.0.bn1.running_mean"].clone()
    assert backbone.training
    assert backbone.network.layer4[0].bn1.training
    assert not any(module.training for module in backbone.scnn.modules())
    backbone(images).square().sum().backward()
    assert all(torch.equal(before[n], t) for n, t in backbone.scnn.state_dict().items())
    assert all(p.grad is None for p in backbone.scnn.parameters())
    assert all(p.grad is not None for p in backbone.learnable().values())
    assert not torch.equal(trunk, backbone.network.layer4[0].bn1.running_mean)


def test_weights_of_both_streams_are_those_asked_for(scnn_file, tmp_path):
    file, distortion = scnn_file
    torch.manual_seed(5)
    content = create("test_resnet").state_dict()
    torch.save(content, tmp_path / "trunk.pt")
    backbone = made(scnn=str(file), weights=str(tmp_path / "trunk.pt"), pretrained=True)
    assert all(torch.equal(content[n], t) for n, t in backbone.network.state_dict().items())
    assert all(torch.equal(distortion[n], t) for n, t in backbone.scnn.state_dict().items())


def test_the_shipped_trunk_has_its_shipped_weights():
    backbone = made(trunk="efficientnet-lite0", pretrained=True)
    shipped = lite0.build().network.state_dict()
    assert backbone.feature_dim == 1280 * 128
    assert all(torch.equal(shipped[n], t) for n, t in backbone.network.state_dict().items())
    random = made(trunk="efficientnet-lite0").network.state_dict()
    assert not torch.equal(random["conv_stem.weight"], shipped["conv_stem.weight"])


@torch.no_grad()
@pytest.mark.parametrize(
    "trunk", ["test_convnext", "test_efficientnet_gn", "mobilenetv3_small_050"]
)
def test_every_family_of_convolutional_trunks_works(trunk, images):
    backbone = made(trunk=trunk).eval()
    feature = backbone(images)
    assert feature.shape == (2, backbone.feature_dim)
    assert feature.isfinite().all()
    assert backbone.feature_dim % 128 == 0


@torch.no_grad()
@pytest.mark.parametrize("trunk", ["test_vit", "test_mambaout"])
def test_a_trunk_that_is_not_convolutional_is_refused_with_its_response(trunk, images):
    with pytest.raises(
        CapabilityError, match=rf"`{trunk}` responds with shape .*, expected .*resnet18"
    ):
        made(trunk=trunk)(images)


def test_a_trunk_that_always_pools_is_refused():
    with pytest.raises(CapabilityError, match=r"`inception_next_atto` cannot be had without"):
        made(trunk="inception_next_atto")


def test_an_unknown_trunk_is_answered_with_the_nearest_name():
    with pytest.raises(ConfigError, match=r"trunk: timm has no model `resnt18`.*`resnet18`"):
        made(trunk="resnt18")


def test_a_distortion_stream_that_is_not_given_is_never_random_by_itself():
    with pytest.raises(
        MissingWeightsError, match=rf"scnn: no weights given.*`{COMMAND}`.*`scnn: random`"
    ):
        made(scnn=None)


def test_a_missing_file_of_the_distortion_stream_is_answered_with_the_command(tmp_path):
    with pytest.raises(
        MissingWeightsError, match=rf"`two-stream`: scnn: no file .*none.*`{COMMAND}` makes one"
    ):
        made(scnn=str(tmp_path / "none.safetensors"), pretrained=True)  # nothing is downloaded


def test_a_file_of_another_network_as_distortion_stream_is_refused(tmp_path):
    file = tmp_path / "bn.safetensors"
    save_artefact(file, {"network.bn1.weight": torch.ones(4)}, {"job": "j", "backbone": "b"})
    with pytest.raises(CliqaError, match=r"bn.safetensors does not fit: 1 of its 1 tensors"):
        made(scnn=str(file))


def test_trunk_weights_that_cannot_be_downloaded_are_answered_with_this_backbones_settings(
    monkeypatch, tmp_path
):
    def refuse(*args, **kwargs):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(hub, "getproxies", dict)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with pytest.raises(MissingWeightsError) as caught:
        made(pretrained=True)
    for way_out in ("`weights: FILE`", "`trunk: efficientnet-lite0`", "`pretrained: false`"):
        assert way_out in str(caught.value)


def test_random_weights_of_both_streams_follow_the_seed():
    states = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        states.append(build(TwoStreamConfig(**TINY)).state_dict())
    for name in ("network.conv1.0.weight", "scnn.features.0.weight"):
        assert torch.equal(states[0][name], states[1][name])
        assert not torch.equal(states[0][name], states[2][name])


@pytest.mark.parametrize("mean", [(0.485, 0.456, 0.406), (0.5, 0.5, 0.5)])
def test_the_frozen_stream_runs_once_a_batch_for_all_heads(images, mean):
    """Also where the trunk's input has to be converted for it first."""
    trunk = create("test_resnet")
    trunk.default_cfg = {**trunk.default_cfg, "mean": mean}
    backbone = TwoStream(trunk, "test_resnet", SCNN()).eval().requires_grad_(False)
    model = QualityModel(backbone, lambda dim: torch.nn.Linear(dim, 1))
    for task in "abc":
        model.keep_for(model.add_head([task]), normalization_tensors(backbone))
    model.requires_grad_(False)
    scorer = FoldedScorer(model)
    expected = model.head_scores(images, range(3))
    torch.testing.assert_close(scorer.scores(images, range(3)), expected, rtol=1e-4, atol=1e-5)
    assert "scnn.features" in scorer.record()["shared_parts"]
    calls, conv2d = [], torch.nn.functional.conv2d
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            torch.nn.functional,
            "conv2d",
            lambda x, w, *a, **k: calls.append(tuple(w.shape)) or conv2d(x, w, *a, **k),
        )
        scorer.scores(images, range(3))
    assert calls.count((48, 3, 3, 3)) == 1  # S-CNN's first layer
