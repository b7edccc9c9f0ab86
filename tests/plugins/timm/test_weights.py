"""Weights from local files and from the Hub, and what is said when they cannot be had."""

import socket
import urllib.error

import pytest
import timm
import torch
from cliqa_timm.backbone import build
from cliqa_timm.config import TimmConfig
from safetensors.torch import save_file

from cliqa import hub
from cliqa.errors import CliqaError, MissingWeightsError

WAYS_OUT = (
    r"give a local file \(`backbone.weights: FILE`\), use .*efficientnet-lite0.*, or start from "
    r"random weights \(`backbone: \{name: NAME, pretrained: false\}`\)$"
)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No way to anywhere, and nothing downloaded before."""

    tried = []

    def refuse(*args, **kwargs):
        tried.append(args)
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(hub, "getproxies", dict)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tried


def test_without_a_network_missing_weights_are_one_sentence_with_the_ways_out(offline):
    with pytest.raises(
        MissingWeightsError,
        match=r"^backbone `test_resnet`: .* not on this machine and the Hub cannot be reached "
        rf"\(LocalEntryNotFoundError\); {WAYS_OUT.replace('NAME', 'test_resnet')}",
    ) as caught:
        build(TimmConfig(name="test_resnet"))
    assert len(offline) == 1  # its client would try again for most of a minute
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_hub_client_is_left_as_it_was(offline):
    from huggingface_hub import constants

    with hub.cached_only_if_unreachable():
        assert constants.HF_HUB_OFFLINE
    assert not constants.HF_HUB_OFFLINE


def test_with_a_way_to_the_hub_or_a_proxy_its_client_is_left_alone(offline, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(hub, "getproxies", lambda: {"https": "http://proxy:3128"})
    with hub.cached_only_if_unreachable():
        assert not constants.HF_HUB_OFFLINE
    monkeypatch.setattr(hub, "getproxies", dict)
    monkeypatch.setattr(socket, "create_connection", lambda *_: socket.socket())
    with hub.cached_only_if_unreachable():
        assert not constants.HF_HUB_OFFLINE


def test_weights_that_lie_outside_the_hub_fail_alike(offline, monkeypatch):
    def no_download(*args, **kwargs):
        raise urllib.error.URLError("Network is unreachable")

    monkeypatch.setattr(timm.models._builder, "load_pretrained", no_download)
    with pytest.raises(MissingWeightsError, match=r"\(URLError\); give a local file"):
        build(TimmConfig(name="test_resnet"))


def test_a_model_that_has_no_weights_anywhere_says_so(offline):
    with pytest.raises(MissingWeightsError, match="`test_vit4` has no pre-trained weights in timm"):
        build(TimmConfig(name="test_vit4"))


def test_an_error_that_is_not_about_weights_keeps_its_own_name(offline, monkeypatch):
    def fail(*args, **kwargs):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(timm.models._builder, "load_pretrained", fail)
    with pytest.raises(ZeroDivisionError, match="a defect"):
        build(TimmConfig(name="test_resnet"))


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(3)
    return timm.create_model("test_resnet", num_classes=10).state_dict()


def load(file, name="test_resnet"):
    return build(TimmConfig(name=name, weights=str(file))).network.state_dict()


@pytest.mark.parametrize("form", ["safetensors", "pth", "pt", "checkpoint.pth"])
def test_a_state_dict_is_loaded_and_its_classifier_ignored(tmp_path, trained, form, offline):
    """`pretrained` may be left at its default: a file is looked for, not a download."""
    file = tmp_path / f"w.{form}"
    if form == "safetensors":
        save_file(trained, file)
    else:
        torch.save({"state_dict": trained, "epoch": 3} if "check" in form else trained, file)
    loaded = load(file)
    assert all(torch.equal(tensor, trained[name]) for name, tensor in loaded.items())
    assert set(trained) - set(loaded) == {"fc.weight", "fc.bias"}


@pytest.mark.parametrize("name", ["test_convnext", "test_vit", "test_efficientnet", "test_vit4"])
def test_every_familys_classifier_is_ignored(tmp_path, name):
    whole = timm.create_model(name, num_classes=5).state_dict()
    torch.save(whole, tmp_path / "w.pth")
    loaded = load(tmp_path / "w.pth", name)
    assert all(torch.equal(tensor, whole[key]) for key, tensor in loaded.items())


def test_a_missing_file_is_named_with_the_forms_expected(tmp_path):
    with pytest.raises(MissingWeightsError, match=r"no weights file .*none.pth; expected a .safe"):
        load(tmp_path / "none.pth")


def test_a_smaller_models_file_is_refused_with_the_first_tensor_it_lacks(tmp_path, trained):
    kept = {key: t for key, t in trained.items() if not key.startswith("layer4")}
    save_file(kept, tmp_path / "w.safetensors")
    with pytest.raises(CliqaError, match=r"w.safetensors does not fit: \d+ .* missing.*`layer4"):
        load(tmp_path / "w.safetensors")


def test_a_larger_models_file_is_refused_with_the_first_tensor_too_many(tmp_path, trained):
    """ResNet-34's holds all of ResNet-18's, in the same shapes, and more."""
    more = trained | {"layer1.9.conv1.weight": torch.ones(1)}
    save_file(more, tmp_path / "w.safetensors")
    with pytest.raises(CliqaError, match=r"1 too many, first `layer1.9.conv1.weight`"):
        load(tmp_path / "w.safetensors")


def test_tensors_of_another_shape_are_refused(tmp_path, trained):
    save_file(trained | {"conv1.0.weight": torch.ones(1)}, tmp_path / "w.safetensors")
    with pytest.raises(CliqaError, match=r"1 of another shape, 0 too many, first `conv1.0.weight`"):
        load(tmp_path / "w.safetensors")


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
@pytest.mark.parametrize("damage", ["half", "empty", "noise"])
def test_a_corrupt_file_is_refused_by_name_in_one_line(tmp_path, trained, name, damage):
    file = tmp_path / name
    save_file(trained, file) if name.endswith("safetensors") else torch.save(trained, file)
    whole = file.read_bytes()
    file.write_bytes(
        {"half": whole[: len(whole) // 2], "empty": b"", "noise": b"\x93#" * 99}[damage]
    )
    with pytest.raises(
        CliqaError, match=rf"{name} is (not a readable weights file: \w|refused: )"
    ) as e:
        load(file)
    assert "\n" not in str(e.value)


class Trap:
    """What its unpickling would do is leave a file behind."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return (open, (str(self.file), "w"))


@pytest.mark.parametrize("place", ["state", "value", "whole"])
def test_code_in_a_file_is_never_run(tmp_path, trained, place):
    trap, file = Trap(tmp_path / "sprung"), tmp_path / "w.pth"
    torch.save({"state": {"state_dict": trap}, "value": {"a": trap}, "whole": trap}[place], file)
    with pytest.raises(CliqaError, match=r"w.pth is refused: .*Python objects"):
        load(file)
    assert not trap.file.exists()
    torch.load(file, weights_only=False)
    assert trap.file.exists()  # so the trap does work


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, torch.ones(2), {"state_dict": 3}])
def test_a_file_without_a_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(CliqaError, match=r"w.pth holds no state dict; expected"):
        load(tmp_path / "w.pth")
