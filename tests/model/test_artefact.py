"""Weights that a job prepared once, as files."""

import pytest
import torch
from safetensors.torch import save_file

from cliqa.errors import CliqaError, MissingWeightsError
from cliqa.model import check_fits, load_artefact, save_artefact

ABOUT = {"job": "distortion-bn", "backbone": "tiny", "epochs": 3}


def test_an_artefact_reads_back_as_written_with_its_recipe(tmp_path):
    tensors = {"layer1.weight": torch.rand(6), "layer1.count": torch.tensor(3)}
    save_artefact(tmp_path / "deep" / "a.safetensors", tensors, ABOUT)
    found, about = load_artefact(tmp_path / "deep" / "a.safetensors")
    assert about == ABOUT
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_equal_artefacts_are_equal_files(tmp_path):
    for name in "ab":
        save_artefact(tmp_path / f"{name}.safetensors", {"w": torch.ones(3)}, ABOUT)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingWeightsError, match=r"no file .*gone\.safetensors; expected"):
        load_artefact(tmp_path / "gone.safetensors")


@pytest.mark.parametrize("content", ["foreign", b"", b"not safetensors at all"])
def test_any_other_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "other.safetensors"
    if content == "foreign":
        save_file({"w": torch.ones(2)}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(CliqaError, match=r"other\.safetensors is not the output of"):
        load_artefact(path)


@pytest.mark.parametrize(
    "tensors", [{"layer1.weight": torch.ones(5)}, {"nowhere": torch.ones(6)}, {}]
)
def test_tensors_of_another_backbone_are_refused(tiny_backbone, tensors):
    with pytest.raises(CliqaError, match="does not fit"):
        check_fits(tensors, tiny_backbone(), "x.safetensors")


def test_tensors_of_the_backbone_fit(tiny_backbone):
    backbone = tiny_backbone()
    check_fits({"layer1.weight": backbone.layer1.weight}, backbone, "x.safetensors")
