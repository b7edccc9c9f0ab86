"""PLCC after a 4-parameter logistic: it fits, it never fails, and it says what it did."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliqa.metrics import plcc, plcc_logistic, rmse


@pytest.fixture(autouse=True)
def _no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def logistic(x, low, high, centre, slope):
    return low + (high - low) / (1 + np.exp(-slope * (x - centre)))


@pytest.mark.parametrize("slope", [-5.0, -1.0, 0.3, 1.0, 4.0])
@pytest.mark.parametrize(("shift", "scale"), [(0, 1), (1e4, 1e-3), (-50, 100)])
def test_a_true_logistic_is_recovered_on_any_scale(slope, shift, scale):
    x = np.linspace(-3, 3, 200)
    y = logistic(x, 10, 90, 0.5, slope)
    result = plcc_logistic(x * scale + shift, y)
    assert result.plcc == pytest.approx(1.0, abs=1e-4)
    assert result.fit == "logistic"
    assert rmse(result.mapped, y) < 0.2


def test_it_beats_a_single_start_from_scipy_or_equals_it():
    from scipy.optimize import curve_fit

    rng = np.random.default_rng(1)
    x = rng.normal(size=300)
    y = logistic(x, 0, 1, 1.0, 3.0) + 0.1 * rng.normal(size=300)
    found, _ = curve_fit(logistic, x, y, p0=[0, 1, 1.0, 3.0])  # it even starts at the truth
    assert plcc_logistic(x, y).plcc >= plcc(logistic(x, *found), y) - 1e-6


@given(st.integers(0, 2**20), st.integers(2, 60), st.sampled_from(["normal", "ties", "cauchy"]))
def test_it_is_never_below_the_size_of_the_raw_plcc_and_never_fails(seed, size, kind):
    rng = np.random.default_rng(seed)
    y = rng.uniform(0, 100, size)
    x = {
        "normal": rng.normal(size=size),
        "ties": np.concatenate([[0, 1], rng.integers(0, 3, size - 2)]),
        "cauchy": rng.standard_cauchy(size),
    }[kind]
    result = plcc_logistic(x, y)
    assert abs(result.raw) - 1e-12 <= result.plcc <= 1.0
    assert result.raw == pytest.approx(plcc(x, y))
    assert result.fit == "logistic" or result.reason
    assert np.isfinite(result.mapped).all()


def test_fewer_samples_than_a_logistic_needs_give_a_line_and_say_so():
    result = plcc_logistic([1, 2, 3, 5], [4, 3, 2, 1])
    assert (result.fit, result.reason) == ("linear", "fewer than 5 samples")
    assert result.plcc == pytest.approx(-result.raw)
    assert result.raw < 0


def test_a_constant_prediction_gives_nan_and_the_reason():
    result = plcc_logistic([3.0] * 9, range(9))
    assert np.isnan(result.plcc)
    assert np.isnan(result.raw)
    assert (result.fit, result.reason) == ("none", "all 9 predictions are equal")


def test_huge_scores_do_not_overflow():
    x = np.linspace(-1, 1, 50)
    assert plcc_logistic(x, logistic(x, 0, 1, 0, 2) * 1e300).plcc == pytest.approx(1.0, abs=1e-4)


def brute_force(x, y):
    """Highest PLCC of any rising logistic on a fine grid; the levels do not change it."""
    standard = (x - x.mean()) / x.std()
    shares = (
        np.tanh(slope * (standard - centre) / 2)
        for centre in np.linspace(standard.min(), standard.max(), 40)
        for slope in np.geomspace(0.05, 20, 25)
    )
    return max(plcc(share, y) for share in shares if np.ptp(share) > 1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_it_comes_close_to_an_exhaustive_search_on_noisy_scores(seed):
    rng = np.random.default_rng(seed)
    y = rng.uniform(0, 100, 200)
    noisy = y + rng.normal(size=200) * rng.choice([5, 20, 80])
    x = [noisy, np.exp(noisy / 20)][seed % 2]
    assert plcc_logistic(x, y).plcc > brute_force(x, y) - 0.005
