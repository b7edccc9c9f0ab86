"""The Mahalanobis gate is linear discriminant analysis, learned task by task."""

import numpy as np
import pytest
from cliqa_example.config import MahalanobisConfig
from cliqa_example.gate import MahalanobisGate
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from cliqa.evaluation import GateQuery

STAGE = 4


def sets(count=3, images=20, channels=6):
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(channels, channels))
    return [
        (rng.normal(size=(images, channels)) @ mixing + 2 * task).astype(np.float32)
        for task in range(count)
    ]


def fitted(tasks, **settings):
    gate = MahalanobisGate(MahalanobisConfig(**settings))
    for number, features in enumerate(tasks):
        gate.fit(f"task {number}", {STAGE: features}, 0)
    return gate


def query(points, heads):
    return GateQuery(count=len(points), heads=heads, features={STAGE: points})


@pytest.mark.parametrize("shrinkage", [0.05, 0.5, 1.0])
def test_weights_are_the_posterior_of_scikit_learns_discriminant_analysis(shrinkage):
    tasks = sets()
    lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage, priors=[1 / 3] * 3).fit(
        np.concatenate(tasks).astype(np.float64), np.repeat([0, 1, 2], 20)
    )
    points = np.random.default_rng(1).normal(1, 3, size=(50, 6)).astype(np.float32)
    weights = fitted(tasks, shrinkage=shrinkage).weights(query(points, 3))
    np.testing.assert_allclose(weights, lda.predict_proba(points), atol=1e-5)


def test_a_higher_temperature_gives_softer_weights():
    points = sets()[0]
    sharp, soft = (fitted(sets(), temperature=t).weights(query(points, 3)) for t in (1.0, 100.0))
    assert soft.max(axis=1).mean() < sharp.max(axis=1).mean()


def test_one_task_gets_all_weight():
    weights = fitted(sets(1)).weights(query(sets()[2], 1))
    np.testing.assert_array_equal(weights, np.ones((20, 1), np.float32))


def test_images_that_are_all_alike_and_fewer_than_channels_do_not_fail():
    same = [np.ones((4, 6), np.float32), np.zeros((4, 6), np.float32)]
    weights = fitted(same).weights(query(same[0], 2))
    np.testing.assert_allclose(weights, [[1, 0]] * 4, atol=1e-6)


def test_a_gate_comes_back_from_its_state_and_learns_on():
    tasks = sets()
    gate = MahalanobisGate(MahalanobisConfig())
    gate.load_state(fitted(tasks[:2]).state())
    gate.fit("task 2", {STAGE: tasks[2]}, 0)
    points = query(tasks[0], 3)
    np.testing.assert_array_equal(gate.weights(points), fitted(tasks).weights(points))
