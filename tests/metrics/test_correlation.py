"""Correlations against scipy, and what happens where none exists."""

import warnings

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from cliqa.metrics import krcc, plcc, rmse, srcc, srcc_matrix, unit_ranks, why_undefined

tied = st.lists(st.integers(-3, 3), min_size=3, max_size=40)
real = st.lists(st.floats(-1e6, 1e6, width=32), min_size=3, max_size=40)


@pytest.fixture(autouse=True)
def _no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(srcc, scipy.stats.spearmanr), (krcc, scipy.stats.kendalltau), (plcc, scipy.stats.pearsonr)],
)
@given(x=tied | real, seed=st.integers(0, 2**20))
def test_each_correlation_equals_scipys_with_ties(ours, theirs, x, seed):
    y = np.random.default_rng(seed).integers(0, 6, len(x))
    assume(len(set(x)) > 1 and len(set(y)) > 1)
    assume(np.ptp(x) > 1e-3)  # scipy warns of, and loses digits on, nearly constant input
    assert ours(x, y) == pytest.approx(theirs(x, y).statistic, abs=1e-9)


@given(real)
def test_srcc_is_unchanged_by_any_increasing_map_and_turns_sign_with_its_argument(x):
    y = np.arange(len(x))
    assume(len(set(x)) > 1)
    ranks = scipy.stats.rankdata(x)
    assert srcc(x, y) == pytest.approx(srcc(ranks**3, y), abs=1e-12)
    assert srcc(-np.array(x), y) == pytest.approx(-srcc(x, y), abs=1e-12)


@pytest.mark.parametrize("function", [srcc, plcc, krcc])
@pytest.mark.parametrize(
    ("x", "reason"),
    [
        ([2.0, 2.0, 2.0], "all 3 predictions are equal"),
        ([1.0, np.nan, 2.0], "1 of 3 predictions are not finite"),
        ([1.0, np.inf, 2.0], "1 of 3 predictions are not finite"),
    ],
)
def test_an_undefined_correlation_is_nan_without_a_warning_and_with_a_reason(function, x, reason):
    y = [1.0, 2.0, 3.0]
    assert np.isnan(function(x, y))
    assert np.isnan(function(y, x))
    assert why_undefined(x, y, names=("predictions", "scores")) == reason


@pytest.mark.parametrize("function", [srcc, plcc, krcc, rmse])
def test_no_sample_gives_nan(function):
    assert np.isnan(function([], []))
    assert np.isnan(srcc_matrix(np.zeros((2, 0)))).all()


@pytest.mark.parametrize("function", [srcc, plcc, krcc])
def test_one_sample_gives_nan_and_two_give_a_sign(function):
    assert np.isnan(function([1.0], [2.0]))
    assert "at least 2" in why_undefined([1.0], [2.0])
    assert function([1.0, 2.0], [5.0, 3.0]) == pytest.approx(-1.0)


@pytest.mark.parametrize("size", [5e-324, 1e-200, 1e200, 1.7e308])
def test_plcc_neither_overflows_nor_underflows(size):
    x = np.array([0.0, 1.0, 0.5]) * size
    assert plcc(x, [0, 2, 1]) == pytest.approx(scipy.stats.pearsonr(x / size, [0, 2, 1]).statistic)


def test_plcc_keeps_what_differs_in_the_last_digit():
    assert plcc([1.0, 1.0, np.nextafter(1.0, 2)], [0, 0, 1]) == pytest.approx(1.0)


def test_a_correlation_never_leaves_minus_one_to_one():
    x = np.linspace(0, 1, 1001) ** 3
    assert max(srcc(x, x), plcc(x, x), krcc(x, x)) <= 1.0
    assert min(srcc(x, -x), plcc(x, -x), krcc(x, -x)) >= -1.0


def test_the_matrix_form_equals_the_pairwise_one_and_keeps_nan_in_its_row():
    rng = np.random.default_rng(0)
    X, Y = rng.integers(0, 5, (3, 30)), rng.normal(size=(2, 30))
    X[1] = 4
    expected = [[srcc(x, y) for y in Y] for x in X]
    np.testing.assert_allclose(srcc_matrix(X, Y), expected, atol=1e-12)
    assert np.isnan(srcc_matrix(X)[1]).all()
    assert srcc_matrix(X)[0, 0] == pytest.approx(1.0)


def test_rmse_is_the_root_of_the_mean_squared_difference():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 50))
    assert rmse(x, y) == pytest.approx(np.sqrt(np.mean((x - y) ** 2)))
    assert rmse(x, x) == 0.0
    assert np.isnan(rmse([1.0, np.nan], [1.0, 2.0]))


@pytest.mark.parametrize("function", [srcc, plcc, krcc, rmse, why_undefined])
def test_vectors_of_different_length_are_refused_with_both_shapes(function):
    with pytest.raises(ValueError, match=r"same length.*\(2,\) and \(3,\)"):
        function([1, 2], [1, 2, 3])


def test_matrices_with_different_numbers_of_images_are_refused():
    with pytest.raises(ValueError, match=r"\(1, 2\) and \(1, 3\)"):
        srcc_matrix([[1, 2]], [[1, 2, 3]])
    with pytest.raises(ValueError, match="expected a vector"):
        unit_ranks([[1, 2]])
