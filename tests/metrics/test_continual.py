"""Continual metrics against plain loops, and what happens where an entry is missing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliqa import metrics as m

NAN = float("nan")
OF_S = [
    m.mean_srcc,
    m.mean_plasticity_index,
    m.correlation_index,
    m.mean_correlation_index,
    m.forgetting_index,
    m.mean_forgetting_index,
    m.average_accuracy,
    m.average_anytime_srcc,
    m.backward_transfer,
    m.average_forgetting,
]
OF_S_AND_R = [m.mean_plasticity_stability_index, m.task_length_robustness]


@st.composite
def srccs(draw, matrices=2):
    size = draw(st.integers(2, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**30)))
    return [rng.uniform(-1, 1, (size, size)) for _ in range(matrices)]


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def loop_si(R, t):
    return 1.0 if t == 0 else mean(R[t][k] for k in range(t))


def loop_psi(S, R, t):
    return (S[t][t] + loop_si(R, t)) / 2


def loop_f(S, t):
    if t == 0:
        return 0.0
    return mean(max(abs(S[s][j]) for s in range(t)) - abs(S[t][j]) for j in range(t))


@given(srccs())
def test_every_metric_equals_its_formula_in_a_loop(pair):
    S, R = pair
    T = len(S)
    tasks, old = range(T), range(T - 1)
    c = [mean(abs(S[t][j]) for j in range(t + 1)) for t in tasks]
    f = [loop_f(S, t) for t in tasks]
    psi = [loop_psi(S, R, t) for t in tasks]
    by_length = [mean(psi[:length]) for length in range(1, T + 1)]
    expected = {
        m.mean_srcc: mean(S[-1]),
        m.mean_plasticity_index: mean(S[t][t] for t in tasks),
        m.correlation_index: c[-1],
        m.mean_correlation_index: mean(c),
        m.forgetting_index: f[-1],
        m.mean_forgetting_index: mean(f),
        m.average_accuracy: mean(S[-1]),
        m.average_anytime_srcc: mean(mean(S[t][: t + 1]) for t in tasks),
        m.backward_transfer: mean(S[-1][k] - S[k][k] for k in old),
        m.average_forgetting: mean(max(S[t][k] for t in old) - S[-1][k] for k in old),
    }
    for function, value in expected.items():
        assert function(S) == pytest.approx(value, abs=1e-12), function.__name__
    assert m.mean_stability_index(R) == pytest.approx(mean(loop_si(R, t) for t in tasks))
    assert m.mean_plasticity_stability_index(S, R) == pytest.approx(mean(psi), abs=1e-12)
    assert m.task_length_robustness(S, R) == pytest.approx(mean(by_length), abs=1e-12)
    assert m.plasticity_stability_index(S, R) == pytest.approx(psi, abs=1e-12)
    assert m.plasticity_stability_by_length(S, R) == pytest.approx(by_length, abs=1e-12)
    assert m.correlation_indices(S) == pytest.approx(c, abs=1e-12)
    assert m.forgetting_indices(S) == pytest.approx(f, abs=1e-12)
    forward = mean(S[k - 1][k] - R[0][k] for k in range(1, T))
    assert m.forward_transfer(S, R[0]) == pytest.approx(forward, abs=1e-12)
    joint = mean(R[0][k] - S[k][k] for k in tasks)
    assert m.intransigence(S, R[0]) == pytest.approx(joint, abs=1e-12)


@given(srccs())
def test_what_no_formula_reads_changes_nothing(pair):
    S, R = pair
    lower = np.where(np.tril(np.ones_like(R), k=-1), R, np.nan)
    assert m.mean_stability_index(lower) == m.mean_stability_index(R)
    future = np.where(np.triu(np.ones_like(S), k=1), np.nan, S)
    for function in (m.mean_srcc, m.mean_plasticity_index, m.mean_correlation_index):
        assert function(future) == function(S)


def test_forgetting_does_not_need_models_that_had_not_learned_the_task_but_counts_them():
    assert m.forgetting_index([[0.5, NAN, NAN], [0.5, 0.6, NAN], [0.5, 0.5, 0.9]]) == (
        pytest.approx(0.05)
    )
    assert m.forgetting_index([[0.5, 0.8, NAN], [0.5, 0.6, NAN], [0.5, 0.5, 0.9]]) == (
        pytest.approx(0.15)
    )


def test_forgetting_compares_sizes_in_liqa_and_values_elsewhere():
    S = [[0.5, NAN], [-0.5, 0.9]]
    assert m.forgetting_index(S) == 0.0
    assert m.average_forgetting(S) == 1.0


@pytest.mark.parametrize("function", OF_S)
def test_a_needed_entry_that_is_missing_gives_nan(function):
    S = np.full((3, 3), 0.5)
    S[2, 1] = np.nan
    expected_nan = function is not m.mean_plasticity_index
    assert np.isnan(function(S)) == expected_nan


def test_a_missing_stability_entry_gives_nan_for_all_that_use_it():
    S, R = np.full((2, 3, 3), 0.5)
    R[2, 0] = np.nan
    assert np.isnan(m.mean_stability_index(R))
    for function in OF_S_AND_R:
        assert np.isnan(function(S, R))


def test_joint_learning_has_an_msrcc_and_nothing_that_needs_earlier_models():
    S = np.full((3, 3), np.nan)
    S[2] = [0.9, 0.8, 0.7]
    assert m.mean_srcc(S) == pytest.approx(0.8)
    assert m.correlation_index(S) == pytest.approx(0.8)
    needs_more = set(OF_S) - {m.mean_srcc, m.average_accuracy, m.correlation_index}
    assert all(np.isnan(function(S)) for function in needs_more)


def test_a_single_task_forgets_nothing_in_liqa_and_has_no_transfer():
    S = [[0.7]]
    assert m.forgetting_index(S) == m.mean_forgetting_index(S) == 0.0
    assert m.mean_stability_index([[NAN]]) == 1.0
    for value in (m.backward_transfer(S), m.average_forgetting(S), m.forward_transfer(S, [0.1])):
        assert np.isnan(value)


@pytest.mark.parametrize("function", OF_S)
def test_a_summary_is_a_python_float_and_leaves_its_argument_alone(function):
    S = np.random.default_rng(0).uniform(-1, 1, (4, 4))
    before = S.copy()
    assert type(function(S)) is float
    assert type(function(S.astype(np.float32))) is float
    assert function(S.tolist()) == function(S)
    np.testing.assert_array_equal(S, before)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0, 0), (2, 2, 2)])
def test_a_matrix_of_another_shape_is_refused_and_its_shape_named(shape):
    for function in (*OF_S, m.mean_stability_index, m.plasticity_index):
        with pytest.raises(ValueError, match="must have") as error:
            function(np.zeros(shape))
        assert str(shape) in str(error.value)


def test_matrices_of_different_sequences_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 2\) and \(3, 3\)"):
        m.mean_plasticity_stability_index(np.zeros((2, 2)), np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"baseline must have the shape \(2,\)"):
        m.forward_transfer(np.zeros((2, 2)), [0.1])
    with pytest.raises(ValueError, match=r"joint must have the shape \(2,\)"):
        m.intransigence(np.zeros((2, 2)), np.zeros((2, 2)))
