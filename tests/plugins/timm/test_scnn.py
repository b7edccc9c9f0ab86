"""S-CNN and where its weights come from."""

import pytest
import torch
from cliqa_timm.config import SCNNConfig
from cliqa_timm.scnn import COMMAND, SCNN, build
from torch import nn

from cliqa.errors import CliqaError, MissingWeightsError
from cliqa.model import normalization_tensors, save_artefact

ABOUT = {"job": "distortion-bn", "backbone": "s-cnn"}


def scnn(seed=0):
    """Random weights and statistics, all away from their neutral start."""
    torch.manual_seed(seed)
    network = SCNN().eval()
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point() and tensor.ndim == 1:
            tensor.uniform_(0.5, 1.5)
        elif "num_batches" in name:
            tensor.fill_(7)
    return network


def loaded(file):
    return build(SCNNConfig(weights=str(file))).state_dict()


def equal(tensors, others):
    return tensors.keys() == others.keys() and all(
        torch.equal(t, others[n]) for n, t in tensors.items()
    )


def test_layers_are_the_published_ones():
    layers = [module for module in SCNN().modules() if not list(module.children())]
    convolutions, norms, activations = layers[::3], layers[1::3], layers[2::3]
    assert {type(module) for module in convolutions} == {nn.Conv2d}
    assert {type(module) for module in norms} == {nn.BatchNorm2d}
    assert {type(module) for module in activations} == {nn.ReLU}
    assert [c.out_channels for c in convolutions] == [48, 48, 64, 64, 64, 64, 128, 128, 128]
    assert [c.stride[0] for c in convolutions] == [1, 2, 1, 2, 1, 2, 1, 1, 2]
    assert {(c.kernel_size, c.padding) for c in convolutions} == {((3, 3), (1, 1))}
    assert sum(p.numel() for p in SCNN().parameters()) == 531_120


@torch.no_grad()
@pytest.mark.parametrize(("height", "width"), [(64, 96), (50, 33), (1, 1)])
def test_responses_have_a_sixteenth_of_the_resolution_rounded_up(height, width):
    maps = scnn().feature_map(torch.zeros(2, 3, height, width))
    assert maps.shape == (2, 128, -(-height // 16), -(-width // 16))


@torch.no_grad()
def test_feature_and_stages_are_the_means_of_the_responses_where_the_resolution_is_halved():
    network = scnn()
    images = torch.randn(2, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    found = network.stage_features(images, [4, 1, 3, 2])
    assert list(found) == [4, 1, 3, 2]
    maps, halved, height = images.double(), [], 48
    for layer in network.double().features:
        maps = layer(maps).clone()  # ReLU works in place
        if isinstance(layer, nn.ReLU) and maps.shape[2] < height:
            halved.append(maps)
            height = maps.shape[2]
    assert len(halved) == 4
    for stage, response in enumerate(halved, start=1):
        exact = response.flatten(2).sum(2) / response.shape[2:].numel()
        assert found[stage].shape == (2, network.stage_dims[stage])
        torch.testing.assert_close(found[stage].double(), exact, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(network.float()(images), found[4])


@torch.no_grad()
def test_layers_after_the_last_wanted_stage_are_not_run():
    network = scnn()
    network.features[12].register_forward_hook(lambda *_: pytest.fail("stage 3 was run"))
    network.stage_features(torch.zeros(1, 3, 32, 32), [2, 1])


def test_without_a_file_weights_are_random_and_follow_the_seed():
    made = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        made.append(build(SCNNConfig()).state_dict())
    assert equal(made[0], made[1])
    assert not equal(made[0], made[2])


def test_an_artefact_is_loaded_with_its_statistics(tmp_path):
    trained = scnn().state_dict()
    save_artefact(tmp_path / "s.safetensors", trained, ABOUT)
    assert equal(loaded(tmp_path / "s.safetensors"), trained)


def test_an_artefact_need_not_hold_the_counters(tmp_path):
    trained = {n: t for n, t in scnn().state_dict().items() if "num_batches" not in n}
    save_artefact(tmp_path / "s.safetensors", trained, ABOUT)
    found = loaded(tmp_path / "s.safetensors")
    assert equal({name: found[name] for name in trained}, trained)


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("name", ["scnn.pkl", "scnn.pt"])
def test_the_authors_form_is_loaded_and_its_classifier_ignored(tmp_path, prefix, name):
    trained = scnn().state_dict()
    classifier = {
        "projection.0.weight": torch.ones(256, 128, 1, 1),
        "classifier.bias": torch.ones(39),
    }
    whole = {f"{prefix}{key}": tensor for key, tensor in (trained | classifier).items()}
    torch.save(whole, tmp_path / name)
    assert equal(loaded(tmp_path / name), trained)


def test_a_missing_file_is_answered_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(
        MissingWeightsError, match=rf"`s-cnn`: weights: no file .*none.*`{COMMAND}`"
    ):
        loaded(tmp_path / "none.safetensors")


def test_normalization_alone_is_not_enough(tmp_path):
    """The S-CNN has no pre-trained convolutions that the rest could come from."""
    network = scnn()
    state = network.state_dict()
    norms = {name: state[name] for name in normalization_tensors(network)}
    save_artefact(tmp_path / "s.safetensors", norms, ABOUT)
    with pytest.raises(
        CliqaError, match=rf"holds 36 of the S-CNN's 54 tensors.*`features.0.weight`.*`{COMMAND}`"
    ):
        loaded(tmp_path / "s.safetensors")


@pytest.mark.parametrize("change", ["another name", "another shape"])
def test_an_artefact_of_another_network_is_refused(tmp_path, change):
    state = scnn().state_dict()
    if change == "another name":
        state["network.conv1.weight"] = torch.ones(3)
    else:
        state["features.0.weight"] = torch.ones(3)
    save_artefact(tmp_path / "s.safetensors", state, ABOUT)
    with pytest.raises(CliqaError, match=r"s.safetensors does not fit: 1 of its .* tensors"):
        loaded(tmp_path / "s.safetensors")


def test_a_state_dict_of_another_network_is_refused(tmp_path):
    torch.save(nn.Linear(3, 4).state_dict(), tmp_path / "other.pt")
    with pytest.raises(CliqaError, match=r"other.pt does not fit: 2 of its 2 .*first `bias`"):
        loaded(tmp_path / "other.pt")


@pytest.mark.parametrize("name", ["s.safetensors", "s.pkl"])
def test_a_file_that_is_no_weights_file_is_refused_in_one_line(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x93#" * 99)
    with pytest.raises(CliqaError, match=rf"{name} is (not the output of|refused)") as caught:
        loaded(tmp_path / name)
    assert "\n" not in str(caught.value)
