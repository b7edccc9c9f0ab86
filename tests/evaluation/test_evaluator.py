"""Predictions of every head and gate."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cliqa.errors import PluginError
from cliqa.evaluation import Evaluator, Gate, GatePlan, StageFeatures
from cliqa.evaluation.evaluator import MainHead, OnlyHead, weighted
from cliqa.model import normalization_tensors, to_input
from cliqa.seeds import named_seed


class Recording(Gate):
    """Remembers what it was told."""

    def __init__(self, stages=()):
        super().__init__()
        self.stages, self.fits, self.queries = stages, [], []

    def fit(self, task, features, seed):
        self.fits.append((task, features, seed))

    def weights(self, query):
        self.queries.append(query)
        return np.full((query.count, query.heads), 1 / query.heads, dtype=np.float32)


class Told(Recording):
    """An oracle: uses its own heads, or says that it cannot."""

    uses_task_id = True

    def weights(self, query):
        super().weights(query)
        if not query.oracle_heads:
            return None
        return np.eye(query.heads, dtype=np.float32)[[query.oracle_heads[-1]] * query.count]


@pytest.fixture(scope="module")
def tasks(make_task):
    return [make_task(name, 15, seed=i) for i, name in enumerate(("one", "two", "three"))]


@pytest.fixture
def model(tiny_model):
    return tiny_model()


@pytest.fixture
def grow(model, disturb):
    """Add a head that owns its normalization, as TSN-IQA would, or nothing."""

    def add(tasks, *, isolated=True):
        head = model.add_head(tasks)
        disturb(model.heads[head].weight, seed=head)
        if isolated:
            model.keep_for(head, normalization_tensors(model.backbone))
            for tensor in model.parameter_sets[head].values():
                disturb(tensor, seed=head)

    return add


@pytest.fixture
def evaluator(model, cpu):
    def make(*gates, seed=0, main_head=False):
        plans = [GatePlan(f"gate {i}", gate) for i, gate in enumerate(gates)]
        features = StageFeatures(model.backbone, cpu, gates)
        return Evaluator(cpu, plans, features, seed, main_head=main_head)

    return make


@torch.no_grad()
def scores_alone(model, task):
    """The reference: each test image alone, each head alone."""
    rows = []
    for row in task.split.test:
        image = to_input([task.images.read(row)], model.backbone, torch.device("cpu"))
        rows.append([model.head_scores(image, [h]).item() for h in range(len(model.heads))])
    return np.array(rows)


def test_every_head_scores_every_test_image(model, grow, evaluator, tasks):
    grow(["one"])
    grow(["two"], isolated=False)
    found = evaluator(Recording()).evaluate(model, 2, tasks)
    assert [p.task for p in found] == ["one", "two", "three"]
    for predictions, task in zip(found, tasks, strict=True):
        assert predictions.step == 2
        assert predictions.sample_ids == tuple(task.sample_ids[r] for r in task.split.test)
        exact = scores_alone(model, task)
        np.testing.assert_allclose(predictions.head_scores, exact, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(predictions.scores["gate 0"], exact.mean(1), rtol=1e-4)
        assert predictions.weights["gate 0"].shape == exact.shape


def test_heads_that_no_later_task_touches_are_run_once(model, grow, evaluator, tasks):
    made = evaluator(Recording())
    images = sum(len(task.split.test) for task in tasks)
    first = None
    for step, task in enumerate(tasks, start=1):
        grow([task.name])
        found = made.evaluate(model, step, tasks)
        assert made.forwards == step * images
        first = found[0].head_scores[:, 0] if first is None else first
        np.testing.assert_array_equal(found[0].head_scores[:, 0], first)
    made.evaluate(model, 4, tasks)
    assert made.forwards == 3 * images


def test_heads_are_run_again_exactly_if_something_they_depend_on_has_changed(
    model, grow, evaluator, tasks, disturb
):
    made, images = evaluator(Recording()), sum(len(task.split.test) for task in tasks)
    grow(["one"])
    grow(["two"])
    grow(["three"], isolated=False)
    before = made.evaluate(model, 1, tasks)
    changes = {
        "nothing": ([], 0),
        "a head": ([model.heads[1].weight], 1),
        "a task's own tensor": ([model.parameter_sets[0]["layer1.running_mean"]], 1),
        "normalization of the shared network": ([model.backbone.layer2.weight], 1),
        "a shared convolution": ([model.backbone.conv1.weight], 3),
        "the shared network and the old head": (
            [model.backbone.layer1.bias, model.heads[0].bias],
            2,
        ),
    }
    for tensors, heads in changes.values():
        for tensor in tensors:
            disturb(tensor)
        runs = made.forwards
        after = made.evaluate(model, 2, tasks)
        assert made.forwards - runs == heads * images
        exact = scores_alone(model, tasks[0])
        np.testing.assert_allclose(after[0].head_scores, exact, rtol=1e-4, atol=1e-5)
        changed = (after[0].head_scores != before[0].head_scores).any(axis=0)
        assert changed.sum() == heads
        before = after


def test_a_model_in_training_mode_is_evaluated_in_evaluation_mode(model, grow, evaluator, tasks):
    grow(["one"])
    model.train()
    found = evaluator(OnlyHead()).evaluate(model, 1, tasks[:1])[0].head_scores
    np.testing.assert_allclose(found, scores_alone(model.eval(), tasks[0]), rtol=1e-4, atol=1e-5)


def test_gates_are_fitted_to_the_training_images_of_the_new_heads_tasks(
    model, grow, evaluator, tasks
):
    looking, blind = Recording(stages=(4,)), Recording()
    made = evaluator(looking, blind, seed=7)
    made.fit_gates(tasks[:1])
    made.fit_gates(tasks[1:])
    assert [task for task, _, _ in looking.fits] == ["one", "two+three"]
    assert [seed for _, _, seed in looking.fits] == [
        named_seed(7, "gate", "one"),
        named_seed(7, "gate", "two+three"),
    ]
    parts = [made._features.of(task, "train", looking)[4] for task in tasks]
    np.testing.assert_array_equal(looking.fits[0][1][4], parts[0])
    np.testing.assert_array_equal(looking.fits[1][1][4], np.concatenate(parts[1:]))
    assert [features for _, features, _ in blind.fits] == [{}, {}]


def test_the_main_head_has_a_row_of_its_own_and_no_gate_is_asked_about_it(
    model, grow, evaluator, tasks
):
    uniform, told = Recording(), Told()
    made = evaluator(MainHead(), uniform, told, main_head=True)
    grow(["one", "two", "three"], isolated=False)
    first = made.evaluate(model, 1, tasks[:1])[0]
    assert list(first.scores) == ["gate 0"]  # there is no other head yet
    grow(["one"])
    grow(["two"])
    for place, found in enumerate(made.evaluate(model, 2, tasks)):
        np.testing.assert_array_equal(found.scores["gate 0"], found.head_scores[:, 0])
        np.testing.assert_allclose(
            found.scores["gate 1"], found.head_scores[:, 1:].mean(axis=1), rtol=1e-6
        )
        if place < 2:
            np.testing.assert_array_equal(found.scores["gate 2"], found.head_scores[:, 1 + place])
        else:
            assert "gate 2" not in found.scores
    assert [query.heads for query in uniform.queries] == [2, 2, 2]
    assert [query.oracle_heads for query in told.queries] == [(0,), (1,), ()]


def test_gates_are_fitted_to_each_new_head_but_not_to_the_main_one(model, grow, evaluator, tasks):
    gate = Recording(stages=(4,))
    made = evaluator(gate, main_head=True)
    grow(["one", "two"], isolated=False)
    grow(["one"])
    grow(["two"])
    made.fit_new_heads(model, 0, tasks[:2])
    assert [task for task, _, _ in gate.fits] == ["one", "two"]
    made.fit_new_heads(model, 3, tasks[2:])
    assert len(gate.fits) == 2
    grow(["three"])
    made.fit_new_heads(model, 3, tasks[2:])
    assert [task for task, _, _ in gate.fits] == ["one", "two", "three"]


def test_a_gate_is_given_the_features_of_its_stages_and_no_task(model, grow, evaluator, tasks):
    gate = Recording(stages=(3,))
    made = evaluator(gate)
    grow(["one"])
    grow(["two"])
    made.evaluate(model, 1, tasks)
    for query, task in zip(gate.queries, tasks, strict=True):
        assert set(vars(query)) == {"count", "heads", "features", "oracle_heads"}
        assert (query.count, query.heads) == (len(task.split.test), 2)
        assert query.oracle_heads == ()
        assert list(query.features) == [3]
        np.testing.assert_array_equal(query.features[3], made._features.of(task, "test", gate)[3])


def test_an_oracle_is_told_the_heads_of_the_images_own_dataset_only(model, grow, evaluator, tasks):
    oracle, other = Told(), Recording()
    grow(["one"])
    grow(["two"])
    grow(["one"])
    found = evaluator(oracle, other).evaluate(model, 3, tasks)
    assert [query.oracle_heads for query in oracle.queries] == [(0, 2), (1,), ()]
    assert {query.oracle_heads for query in other.queries} == {()}
    np.testing.assert_array_equal(found[1].scores["gate 0"], found[1].head_scores[:, 1])


def test_images_that_a_gate_cannot_gate_have_no_row_of_that_gate(model, grow, evaluator, tasks):
    grow(["one"])
    seen, unseen = evaluator(Told(), Recording()).evaluate(model, 1, tasks[:2])
    assert set(seen.scores) == set(seen.weights) == {"gate 0", "gate 1"}
    assert set(unseen.scores) == set(unseen.weights) == {"gate 1"}


class Wrong(Gate):
    """Gives the weights it was made with."""

    def weights(self, query):
        return np.asarray(self.config, dtype=np.float32)


@pytest.mark.parametrize(
    ("given_weights", "fault"),
    [
        ([[1.0, 0.0]] * 2, r"shape \(2, 2\), expected \(3, 2\): images x heads"),
        ([1.0, 0.0, 0.0], r"shape \(3,\), expected \(3, 2\)"),
        ([[0.5, 0.5], [1.0, 0.0], [0.6, 0.6]], "sum to 1.2 for an image"),
        ([[np.nan, 1.0]] * 3, "sum to nan for an image"),
    ],
)
def test_a_gate_that_gives_anything_but_weights_is_refused_by_its_label(
    model, grow, evaluator, tasks, given_weights, fault
):
    grow(["one"])
    grow(["two"])
    with pytest.raises(PluginError, match=f"gate `gate 0` gave weights (of|that) {fault}"):
        evaluator(Wrong(given_weights)).evaluate(model, 1, tasks[:1])


def test_a_model_of_one_head_needs_no_gate(model, grow, evaluator, tasks):
    grow(["one", "two"])
    found = evaluator(OnlyHead()).evaluate(model, 2, tasks)[0]
    np.testing.assert_array_equal(found.scores["gate 0"], found.head_scores[:, 0])
    np.testing.assert_array_equal(found.weights["gate 0"], np.ones((len(found.sample_ids), 1)))


@given(images=st.integers(1, 9), heads=st.integers(1, 6), seed=st.integers(0, 999))
def test_a_score_is_the_weighted_sum_of_the_heads_scores(images, heads, seed):
    """Equation 10, as a loop."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(images, heads)).astype(np.float32)
    weights = rng.dirichlet(np.ones(heads), size=images).astype(np.float32)
    exact = [
        sum(float(w) * float(q) for w, q in zip(*pair, strict=True))
        for pair in zip(weights, scores, strict=True)
    ]
    found = weighted(scores, weights)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-7)


def test_every_test_image_is_read_once_for_all_heads_and_once_for_all_gates(
    model, grow, evaluator, tasks, monkeypatch
):
    read = []
    for task in tasks:
        original = task.images.read
        monkeypatch.setattr(
            task.images, "read", lambda row, *a, f=original: read.append(row) or f(row, *a)
        )
    made = evaluator(Recording(stages=(3,)), Recording(stages=(3, 4)), Recording())
    images = sum(len(task.split.test) for task in tasks)
    grow(["one"])
    grow(["two"])
    made.evaluate(model, 2, tasks)
    assert len(read) == 2 * images
    grow(["three"])
    made.evaluate(model, 3, tasks)  # the new head alone
    assert len(read) == 3 * images
    made.evaluate(model, 4, tasks)
    assert len(read) == 3 * images


@pytest.mark.parametrize("scorer", ["reference", "batched"])
def test_the_scorer_changes_no_prediction_beyond_rounding(
    model, grow, evaluator, tasks, cpu, scorer
):
    grow(["one"])
    grow(["two"])
    features = StageFeatures(model.backbone, cpu, [])
    made = Evaluator(cpu, [], features, 0, scorer=scorer)
    found = made.evaluate(model, 1, tasks)[0].head_scores
    np.testing.assert_allclose(found, scores_alone(model, tasks[0]), rtol=1e-4, atol=1e-5)
    assert made.record() == {"precision": "float32", "scorer": scorer}
