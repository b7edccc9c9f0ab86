"""Scoring new images through one gate."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from cliqa.errors import CapabilityError
from cliqa.evaluation import Gate, GatedModel, GatePlan, StageFeatures
from cliqa.inference import FoldedScorer
from cliqa.model import QualityModel, normalization_tensors


class ByBrightness(Gate):
    """Bright images belong to the last head, dark ones to the first."""

    one_head, stages = True, (4,)

    def weights(self, query):
        bright = query.features[4].mean(axis=1) > self.config
        return np.eye(query.heads, dtype=np.float32)[bright * (query.heads - 1)]


class Even(Gate):
    """Every head alike, without a look."""

    def weights(self, query):
        return np.full((query.count, query.heads), 1 / query.heads, dtype=np.float32)


class Told(Gate):
    """An oracle."""

    uses_task_id = True

    def weights(self, query):
        return None


@pytest.fixture
def model(tiny_model, disturb):
    model = tiny_model()
    for seed, task in enumerate("abc"):
        model.keep_for(model.add_head([task]), normalization_tensors(model.backbone))
        disturb(model.heads[seed].weight, seed)
        for tensor in model.parameter_sets[seed].values():
            disturb(tensor, seed)
    return model.eval().requires_grad_(False)


@pytest.fixture
def serve(model, cpu):
    def make(gate):
        features = StageFeatures(model.backbone, cpu, [gate])
        return GatedModel(FoldedScorer(model), GatePlan("mine", gate), features, cpu)

    return make


IMAGES = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(3))


def head_scores(model):
    with torch.no_grad():
        return model.head_scores(IMAGES, range(3)).numpy()


def middle(model):
    with torch.no_grad():
        return float(model.backbone.stage_features(IMAGES, (4,))[4].mean(1).median())


def test_a_hard_gate_scores_every_image_by_its_head(model, serve):
    served = serve(ByBrightness(middle(model)))
    chosen = served.weights(IMAGES).argmax(axis=1)
    assert set(chosen) == {0, 2}
    exact = head_scores(model)[range(6), chosen]
    np.testing.assert_allclose(served.score(IMAGES), exact, rtol=1e-4, atol=1e-5)


def test_a_hard_gate_costs_two_forwards_an_image_however_many_heads_there_are(
    model, serve, monkeypatch
):
    served = serve(ByBrightness(middle(model)))
    served.score(IMAGES)  # observes the network and checks its copies
    images, conv2d = [], torch.nn.functional.conv2d

    def counting(x, weight, *args):
        images.append((len(x), len(weight)))
        return conv2d(x, weight, *args)

    monkeypatch.setattr(torch.nn.functional, "conv2d", counting)
    served.score(IMAGES)
    for channels in (6, 12):  # of the tiny network's two convolutions
        assert sum(n for n, c in images if c == channels) == 2 * len(IMAGES)


def test_a_soft_gate_scores_by_all_heads(model, serve):
    found = serve(Even()).score(IMAGES)
    np.testing.assert_allclose(found, head_scores(model).mean(axis=1), rtol=1e-4, atol=1e-5)


def test_a_gate_that_must_be_told_the_task_cannot_serve(serve):
    with pytest.raises(CapabilityError, match="gate `mine` is told which task"):
        serve(Told())


def test_bf16_scores_are_the_same_whether_or_not_the_caller_wants_gradients(tiny_backbone, cpu):
    """Only where gradients are wanted is a depthwise convolution computed in float32."""
    network = tiny_backbone()
    network.conv2 = nn.Conv2d(6, 12, 3, stride=2, padding=1, groups=6)
    model = QualityModel(network, lambda width: nn.Linear(width, 1))
    model.keep_for(model.add_head(["a"]), normalization_tensors(network))
    model.eval().requires_grad_(False)
    compute, gate = replace(cpu, precision="bf16"), ByBrightness(0.0)
    features = StageFeatures(network, compute, [gate])
    served = GatedModel(FoldedScorer(model), GatePlan("mine", gate), features, compute)
    with torch.no_grad():
        expected = served.score(IMAGES)
    np.testing.assert_array_equal(served.score(IMAGES), expected)
