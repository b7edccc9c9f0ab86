"""The head whose scores are comparable across tasks."""

import numpy as np
import torch
from cliqa_pairwise.config import FidelityConfig
from cliqa_pairwise.fidelity import CosineHead, Fidelity
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cosine

seeds = st.integers(0, 2**20)


def drawn(seed, scale=1.0):
    """A head with a weight of any length, and features of any length."""
    generator = torch.Generator().manual_seed(seed)
    head = CosineHead(7)
    with torch.no_grad():
        head.linear.weight.copy_(scale * torch.randn(1, 7, generator=generator))
    return head, 10 * torch.randn(5, 7, generator=generator)


@torch.no_grad()
@given(seed=seeds, scale=st.sampled_from([0.01, 1, 100]))
def test_at_evaluation_a_score_is_the_cosine_of_feature_and_weight(seed, scale):
    head, features = drawn(seed, scale)
    scores = head.eval()(features)
    assert scores.shape == (5, 1)
    assert scores.abs().max() <= 1 + 1e-6
    weight = head.linear.weight[0].double().numpy()
    exact = [1 - cosine(feature, weight) for feature in features.double().numpy()]
    np.testing.assert_allclose(scores[:, 0], exact, atol=1e-6)


@torch.no_grad()
@given(seed=seeds)
def test_in_training_the_weights_length_scales_the_score(seed):
    """It sets the slope of the predicted probabilities; the feature is normalised all the same."""
    head, features = drawn(seed, scale=3.0)
    length = head.linear.weight.norm()
    torch.testing.assert_close(head.train()(features), length * head.eval()(features))
    torch.testing.assert_close(head.train()(features), head.train()(0.01 * features))


def test_the_length_of_the_weight_is_learned():
    head, features = drawn(0)
    head.train()(features).sum().backward()
    along = (head.linear.weight.grad * head.linear.weight).sum()
    assert along.abs() > 1e-3


def test_a_feature_of_zeros_scores_zero_with_a_finite_gradient():
    head, _ = drawn(0)
    features = torch.zeros(2, 7, requires_grad=True)
    scores = head.train()(features)
    scores.sum().backward()
    assert scores.tolist() == [[0.0], [0.0]]
    assert torch.isfinite(features.grad).all()


def test_the_objective_makes_heads_of_the_backbones_width():
    head = Fidelity(FidelityConfig()).new_head(512)
    assert [(n, p.shape) for n, p in head.named_parameters()] == [("linear.weight", (1, 512))]
