"""Each procedure against scipy, a printed table, a loop written out, or a known answer."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cliqa.statistics import (
    content_draws,
    corrected_t,
    friedman,
    holm,
    image_weights,
    nemenyi_distance,
    resampled_difference,
    resampled_ranks,
    resampled_srcc,
    wilcoxon,
)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=12),
    st.integers(0, 999),
)
def test_the_srcc_of_a_resampled_set_is_that_of_the_repeated_images(pairs, seed):
    x, y = np.array(pairs, dtype=float).T
    weights = content_draws(np.random.default_rng(seed), len(x), 5)
    found = resampled_srcc(resampled_ranks(x, weights), resampled_ranks(y, weights), weights)
    for row, value in zip(weights.astype(int), found, strict=True):
        a, b = np.repeat(x, row), np.repeat(y, row)
        if np.ptp(a) == 0 or np.ptp(b) == 0:
            assert math.isnan(value)
        else:
            assert value == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-12)


def test_all_images_of_a_content_are_drawn_together():
    draws = content_draws(np.random.default_rng(0), 3, 50)
    weights = image_weights(draws, ["b", "a", "c", "a"])
    np.testing.assert_array_equal(weights, draws[:, [1, 0, 2, 0]])
    assert (draws.sum(axis=1) == 3).all()


def test_the_corrected_t_without_its_correction_is_scipys_paired_t():
    x, y = np.random.default_rng(1).normal(size=(2, 8))
    found = corrected_t(x - y, test_to_train=1e-15)
    expected = stats.ttest_rel(x, y)
    low, high = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.p == pytest.approx(expected.pvalue)


def test_the_corrected_t_is_the_formula_of_its_paper():
    d, ratio = [0.02, 0.05, -0.01, 0.03], 20 / 70
    n, mean = len(d), sum(d) / len(d)
    s2 = sum((x - mean) ** 2 for x in d) / (n - 1)
    t = mean / math.sqrt((1 / n + ratio) * s2)
    assert corrected_t(d, ratio).p == pytest.approx(2 * stats.t.sf(abs(t), n - 1))


@pytest.mark.parametrize(
    ("d", "reason"),
    [
        ([], "no run has the baseline's seed"),
        ([0.1], "one paired run"),
        ([0.1, np.nan], "undefined"),
        ([0.25, 0.25, 0.25], "same amount"),
    ],
)
def test_without_what_an_interval_needs_there_is_a_reason_and_none(d, reason):
    flat = np.tile(d, (10, 1)) if d else np.zeros((10, 0))
    rng = np.random.default_rng(0)
    for found in (corrected_t(d, 0.3), resampled_difference(d, flat, 0, rng)):
        assert reason in found.reason
        assert math.isnan(found.low)
        assert math.isnan(found.p)


def test_resampling_runs_alone_is_the_t_interval_in_the_limit_of_many_draws():
    d = np.random.default_rng(3).normal(0.1, 1, size=6)
    flat = np.tile(d, (40_000, 1))
    found = resampled_difference(d, flat, 0, np.random.default_rng(0))
    low, high = stats.ttest_1samp(d, 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((low, high), rel=0.02)


def test_resampling_images_alone_has_the_standard_error_of_the_mean():
    """Linear in the images, so that the answer is known: equal runs, a mean over 40 contents."""
    values = np.random.default_rng(4).normal(size=40)
    draws = content_draws(np.random.default_rng(5), 40, 40_000)
    replicates = np.tile((draws @ values / 40)[:, None], 2)
    found = resampled_difference([values.mean()] * 2, replicates, 40, np.random.default_rng(0))
    reach = stats.t.ppf(0.975, 39) * values.std() / math.sqrt(40)
    assert (found.high - found.low) / 2 == pytest.approx(reach, rel=0.02)
    alone = resampled_difference([values.mean()], replicates[:, :1], 40, np.random.default_rng(0))
    assert math.isnan(alone.low)


def test_wilcoxon_is_silent_below_six_blocks_and_scipys_from_there():
    d = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert wilcoxon(d[:5]) == (pytest.approx(math.nan, nan_ok=True), "too few blocks: 5, needs 6")
    assert wilcoxon(d)[0] == pytest.approx(2 / 2**6)
    assert wilcoxon([-0.1, *d[1:]])[0] == pytest.approx(
        stats.wilcoxon([-0.1, *d[1:]], method="exact").pvalue
    )


def test_wilcoxon_with_ties_counts_all_signs():
    d = np.array([1.0, 1.0, -1.0, 2.0, 2.0, 3.0, 0.0])
    ranks = stats.rankdata(np.abs(d[d != 0]))
    total = ranks[d[d != 0] > 0].sum()
    middle = ranks.sum() / 2
    all_sums = [
        sum(r for r, s in zip(ranks, signs, strict=True) if s)
        for signs in itertools.product((False, True), repeat=len(ranks))
    ]
    expected = np.mean([abs(s - middle) >= abs(total - middle) - 1e-9 for s in all_sums])
    assert wilcoxon(d)[0] == pytest.approx(expected, abs=1e-9)


def test_friedman_is_silent_below_ten_blocks_and_the_formula_with_ranks_from_there():
    x = np.random.default_rng(2).normal([0, 0.3, 0.6, 2], size=(12, 4))
    assert friedman(x[:9]).reason == "too few blocks: 9, needs 10"
    found = friedman(x)
    ranks = np.array([stats.rankdata(-row) for row in x]).mean(axis=0)
    chi = 12 * 12 / (4 * 5) * ((ranks**2).sum() - 4 * 25 / 4)
    assert found.ranks == pytest.approx(tuple(ranks))
    assert found.statistic == pytest.approx(chi)
    assert found.p == pytest.approx(stats.chi2.sf(chi, 3))
    assert friedman(x[:, :2]).reason == "needs 3 methods, there are 2"
    assert friedman(np.ones((10, 3))).reason


@pytest.mark.parametrize(
    ("methods", "q"),
    list(enumerate((1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164), start=2)),
)
def test_nemenyis_distance_has_the_critical_values_of_demsars_table_5(methods, q):
    expected = q * math.sqrt(methods * (methods + 1) / (6 * 14))
    # The table is printed with three decimals, and rounds some of them up.
    assert nemenyi_distance(methods, 14) == pytest.approx(expected, abs=1e-3)


def test_nemenyi_agrees_with_scikit_posthocs():
    posthocs = pytest.importorskip("scikit_posthocs", reason="an oracle, no dependency")
    x = np.random.default_rng(6).normal(size=(15, 5)) + np.arange(5) * 0.5
    found = friedman(x)
    p = np.asarray(posthocs.posthoc_nemenyi_friedman(x))
    for i, j in itertools.combinations(range(5), 2):
        assert (p[i, j] < 0.05) == (abs(found.ranks[i] - found.ranks[j]) > found.distance)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_the_sequential_procedure_rejects(p):
    order = sorted(range(len(p)), key=lambda i: p[i])
    rejected = set()
    for step, i in enumerate(order):
        if p[i] * (len(p) - step) > 0.05:
            break
        rejected.add(i)
    assert {i for i, value in enumerate(holm(p)) if value <= 0.05} == rejected


def test_holm_leaves_out_what_is_undefined():
    found = holm([0.02, math.nan, 0.03])
    assert found[0] == found[2] == pytest.approx(0.04)
    assert math.isnan(found[1])
