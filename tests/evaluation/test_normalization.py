"""What a gate's setting `normalization` may name, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cliqa.errors import CliqaError, MissingWeightsError, UnknownComponentError
from cliqa.evaluation import find_normalization
from cliqa.model import digest_of, normalization_tensors, rest_digest, save_artefact
from cliqa.registry import Registry


@pytest.fixture(scope="module")
def registry():
    return Registry.discover(third_party=False)


@pytest.fixture
def artefact(tiny_backbone, tmp_path, monkeypatch):
    """Write an artefact for a tiny backbone into the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(name="a.safetensors", backbone=None, **about):
        backbone = backbone or tiny_backbone()
        state = backbone.state_dict()
        tensors = {name: state[name] + 1 for name in normalization_tensors(backbone)}
        record = {"job": "j", "backbone": "tiny", "rest_sha256": rest_digest(backbone, tensors)}
        save_artefact(Path(name), tensors, record | about)
        return tensors

    return write


def test_a_path_is_relative_to_the_current_folder(artefact, tiny_backbone, registry):
    tensors = artefact("deep/a.safetensors")
    found = find_normalization("deep/a.safetensors", registry, tiny_backbone())
    assert all(torch.equal(found.tensors[name], t) for name, t in tensors.items())
    assert found.record() == {
        "source": "a.safetensors",
        "sha256": digest_of("deep/a.safetensors"),
        "made": found.about,
    }


def test_a_misspelt_name_is_answered_with_the_nearest(tiny_backbone, registry):
    with pytest.raises(UnknownComponentError, match="Did you mean `distortion-bn-eff"):
        find_normalization("distortion-bn-efficientnet-lite", registry, tiny_backbone())


def test_a_missing_file_is_named(tiny_backbone, registry):
    with pytest.raises(MissingWeightsError, match=r"no file gone\.safetensors"):
        find_normalization("gone.safetensors", registry, tiny_backbone())


def test_shipped_weights_of_another_backbone_are_refused(tiny_backbone, registry):
    with pytest.raises(CliqaError, match="does not fit"):
        find_normalization("distortion-bn-efficientnet-lite0", registry, tiny_backbone())


def test_other_weights_of_the_same_backbone_are_refused(artefact, tiny_backbone, registry):
    artefact(backbone=tiny_backbone(seed=1))
    with pytest.raises(CliqaError, match="other weights of this backbone"):
        find_normalization("a.safetensors", registry, tiny_backbone(seed=0))
    find_normalization("a.safetensors", registry, tiny_backbone(seed=1))
