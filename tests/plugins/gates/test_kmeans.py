"""K-means gating (TSN-IQA, III-C)."""

import math

import numpy as np
import pytest
import scipy.spatial.distance
from cliqa_gates import kmeans
from cliqa_gates.config import KMeansConfig
from cliqa_gates.kmeans import HardKMeansGate, KMeansGate, nearest_distances
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load as load_bytes
from safetensors.numpy import save as save_bytes
from sklearn.cluster import KMeans

from cliqa.evaluation import GateQuery

WIDTHS = {1: 3, 3: 4, 4: 6}


def features(count, seed, stages=(3, 4)):
    rng = np.random.default_rng(seed)
    return {s: rng.normal(size=(count, WIDTHS[s])).astype(np.float32) for s in stages}


def fitted(tasks, gate=KMeansGate, **settings):
    """A gate fitted to so many tasks of twelve images each."""
    made = gate(KMeansConfig(**({"k": 3, "n_init": 2} | settings)))
    for task in range(tasks):
        made.fit(f"task {task}", features(12, task, made.stages), seed=task)
    return made


def query(tasks, count=7, seed=99, stages=(3, 4)):
    return GateQuery(count=count, heads=tasks, features=features(count, seed, stages))


def weights_by_loop(state, query, tau, stages):
    """Equations 7 to 9 in float64: distance, softmax over tasks, mean over stages."""
    tasks = len(state) // len(stages)
    found = []
    for image in range(query.count):
        mean = [0.0] * tasks
        for stage in stages:
            feature = [float(v) for v in query.features[stage][image]]
            norm = math.sqrt(sum(v * v for v in feature))
            nearest = [
                min(
                    math.sqrt(
                        sum(
                            (a / norm - float(c)) ** 2 for a, c in zip(feature, centre, strict=True)
                        )
                    )
                    for centre in state[f"{task}/{stage}"]
                )
                for task in range(tasks)
            ]
            exponentials = [math.exp(-tau * d) for d in nearest]
            for task in range(tasks):
                mean[task] += exponentials[task] / sum(exponentials) / len(stages)
        found.append(mean)
    return np.array(found)


@settings(max_examples=30)
@given(
    tasks=st.integers(1, 4),
    seed=st.integers(0, 999),
    tau=st.sampled_from([0.0, 1.0, 32.0, 200.0]),
    stages=st.sampled_from([(4,), (3, 4), (1, 3, 4)]),
)
def test_weights_equal_a_float64_loop_over_equations_7_to_9(tasks, seed, tau, stages):
    gate = fitted(tasks, tau=tau, stages=stages)
    asked = query(tasks, seed=seed, stages=stages)
    found = gate.weights(asked)
    assert found.dtype == np.float32
    exact = weights_by_loop(gate.state(), asked, tau, stages)
    np.testing.assert_allclose(found, exact, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


@given(tau=st.floats(0, 1e6))
def test_a_single_task_has_weight_one(tau):
    np.testing.assert_array_equal(fitted(1, tau=tau).weights(query(1)), np.ones((7, 1)))


def test_with_tau_zero_all_weights_are_equal():
    np.testing.assert_allclose(fitted(4, tau=0.0).weights(query(4)), 0.25)


def test_no_sharpness_overflows():
    found = fitted(3, tau=1e6).weights(query(3))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


@pytest.mark.parametrize("size", [1e-3, 1e3])
def test_only_the_direction_of_a_feature_counts(size):
    gate, asked = fitted(3), query(3)
    scaled = {s: f * np.float32(size) for s, f in asked.features.items()}
    found = gate.weights(GateQuery(count=7, heads=3, features=scaled))
    np.testing.assert_allclose(found, gate.weights(asked), atol=1e-4)


def test_a_feature_of_zeros_gets_weights_all_the_same():
    asked = GateQuery(count=1, heads=2, features={s: np.zeros((1, WIDTHS[s])) for s in (3, 4)})
    np.testing.assert_allclose(fitted(2).weights(asked).sum(), 1, atol=1e-6)


@settings(max_examples=30)
@given(tasks=st.integers(1, 4), seed=st.integers(0, 999))
def test_hard_gating_is_one_hot_on_the_largest_soft_weight(tasks, seed):
    asked = query(tasks, seed=seed)
    hard = fitted(tasks, HardKMeansGate).weights(asked)
    soft = fitted(tasks).weights(asked)
    assert hard.dtype == np.float32
    for row, softer in zip(hard, soft, strict=True):
        assert sorted(row) == [0] * (tasks - 1) + [1]
        assert row[softer.argmax()] == 1


def test_images_of_a_task_are_given_to_that_task():
    """Two tasks whose features point in opposite directions."""
    gate = KMeansGate(KMeansConfig(k=2, stages=(4,)))
    up = np.abs(features(12, 0)[4])
    gate.fit("up", {4: up}, seed=0)
    gate.fit("down", {4: -up}, seed=0)
    both = {4: np.concatenate([up, -up])}
    found = gate.weights(GateQuery(count=24, heads=2, features=both))
    assert (found[:12, 0] > 0.99).all()
    assert (found[12:, 1] > 0.99).all()


def test_centroids_are_those_of_k_means_on_unit_vectors_and_are_stored_as_they_are():
    """Centroids of unit vectors are shorter than one: they are not normalised again."""
    gate = fitted(1, k=4, n_init=5, stages=(4,))
    points = features(12, 0, (4,))[4]
    points = points / np.linalg.norm(points, axis=1, keepdims=True)
    found = gate.state()["0/4"]
    by_hand = KMeans(4, n_init=5, max_iter=1000, random_state=0).fit(points).cluster_centers_
    np.testing.assert_allclose(found, by_hand, atol=1e-6)
    assert np.linalg.norm(found, axis=1).min() < 0.95
    # Each is the mean of the points that are nearest to it.
    nearest = scipy.spatial.distance.cdist(points, found).argmin(axis=1)
    for number, centre in enumerate(found):
        np.testing.assert_allclose(centre, points[nearest == number].mean(axis=0), atol=1e-6)


def test_the_defaults_are_the_papers():
    config = KMeansConfig()
    assert (config.k, config.tau, config.stages) == (128, 32, (3, 4))
    assert (config.n_init, config.max_iter) == (20, 1000)


@pytest.mark.parametrize("k", [12, 13, 128])
def test_with_no_more_images_than_centroids_every_image_is_one_and_a_note_says_so(k):
    gate = fitted(1, k=k, stages=(4,))
    unit = features(12, 0, (4,))[4]
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    np.testing.assert_allclose(gate.state()["0/4"], unit, atol=1e-6)
    found = gate.weights(GateQuery(count=12, heads=1, features=features(12, 0, (4,))))
    assert (found == 1).all()
    notes = [
        f"task task 0, stage 4: K = {k} centroids asked for, 12 used, because there are 12 "
        "different training images"
    ]
    assert gate.notes == (notes if k > 12 else [])


def test_equal_images_count_once():
    gate = KMeansGate(KMeansConfig(k=5, stages=(4,)))
    points = features(3, 0)[4]
    gate.fit("live", {4: np.repeat(points, 4, axis=0)}, seed=0)
    assert gate.state()["0/4"].shape == (3, 6)
    assert "3 used, because there are 3 different" in gate.notes[0]


def test_fitting_is_a_function_of_features_and_seed():
    """The gate keeps clusterings it has made; even without them the result is the same."""
    found = []
    for _ in range(2):
        kmeans._cluster.cache_clear()
        found.append(fitted(2).state())
    assert all(np.array_equal(found[0][name], found[1][name]) for name in found[0])


def test_soft_and_hard_gates_of_a_run_share_one_clustering():
    kmeans._cluster.cache_clear()
    fitted(2)
    fitted(2, HardKMeansGate)
    assert kmeans._cluster.cache_info().misses == 2 * 2  # tasks x stages


def test_a_later_task_changes_nothing_of_an_earlier_one():
    one, two = fitted(1).state(), fitted(2).state()
    assert all(np.array_equal(two[name], values) for name, values in one.items())


def test_state_comes_back_from_bytes_with_the_same_weights():
    gate = fitted(3)
    again = KMeansGate(gate.config)
    again.load_state(load_bytes(save_bytes(gate.state())))
    np.testing.assert_array_equal(again.weights(query(3)), gate.weights(query(3)))
    assert again.state().keys() == gate.state().keys()
    again.fit("task 3", features(12, 3), seed=3)  # and learning goes on
    np.testing.assert_array_equal(again.weights(query(4)), fitted(4).weights(query(4)))


@given(
    points=st.integers(1, 20),
    centres=st.integers(1, 10),
    seed=st.integers(0, 999),
    near=st.booleans(),
)
def test_distances_equal_scipys(points, centres, seed, near):
    """Also between points that nearly coincide, where the short formula loses digits."""
    rng = np.random.default_rng(seed)
    b = rng.normal(size=(centres, 5)).astype(np.float32)
    a = rng.normal(size=(points, 5)).astype(np.float32)
    if near:
        a = (b[rng.integers(centres, size=points)] + 1e-4 * a).astype(np.float32)
    exact = scipy.spatial.distance.cdist(a.astype(float), b.astype(float))
    np.testing.assert_allclose(kmeans.distances(a, b), exact, atol=1e-7)


@pytest.mark.parametrize(
    "settings", [{"k": 0}, {"tau": -1}, {"stages": ()}, {"stages": (4, 4)}, {"n_init": 0}]
)
def test_settings_without_meaning_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        KMeansConfig(**settings)


def test_stages_are_looked_at_in_ascending_order():
    assert KMeansGate(KMeansConfig(stages=(4, 2, 3))).stages == (2, 3, 4)


@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    count=st.integers(0, 12),
    at_once=st.sampled_from([1, 20, 10**6]),
    seed=st.integers(0, 99),
)
def test_one_product_gives_the_nearest_centre_of_every_task(sizes, count, at_once, seed):
    """A loop over images, tasks and centres, in float64."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, 7)).astype(np.float32)
    groups = [rng.normal(size=(size, 7)).astype(np.float32) for size in sizes]
    exact = [
        [min(np.linalg.norm(x.astype(float) - c.astype(float)) for c in group) for group in groups]
        for x in points
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kmeans, "_AT_ONCE", at_once)
        found = nearest_distances(points, groups)
    assert found.shape == (count, len(groups))
    np.testing.assert_allclose(found, np.reshape(exact, found.shape), rtol=1e-9, atol=1e-9)
