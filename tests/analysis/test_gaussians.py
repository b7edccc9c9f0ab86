"""Divergence of normalization statistics, against scipy and the paper's own tables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from cliqa.analysis import gaussian_kl, pairwise_kl, rank_agreement

means = st.floats(-2, 2)
variances = st.floats(0.2, 4)


@given(means, variances, means, variances)
def test_one_channel_gives_the_integral_of_p_log_p_over_q(m_p, v_p, m_q, v_q):
    p, q = stats.norm(m_p, v_p**0.5), stats.norm(m_q, v_q**0.5)
    reach = 12 * v_p**0.5
    value, _ = integrate.quad(
        lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), m_p - reach, m_p + reach, limit=200
    )
    assert gaussian_kl([m_p], [v_p], [m_q], [v_q]) == pytest.approx(value, abs=1e-6)


def test_many_channels_give_the_mean_log_ratio_of_samples():
    rng = np.random.default_rng(0)
    m_p, m_q = rng.normal(size=(2, 5))
    v_p, v_q = rng.uniform(0.5, 2, size=(2, 5))
    p, q = (
        stats.multivariate_normal(m_p, np.diag(v_p)),
        stats.multivariate_normal(m_q, np.diag(v_q)),
    )
    drawn = p.rvs(200_000, random_state=rng)
    ratios = p.logpdf(drawn) - q.logpdf(drawn)
    error = 5 * ratios.std() / len(ratios) ** 0.5
    assert gaussian_kl(m_p, v_p, m_q, v_q) == pytest.approx(ratios.mean(), abs=error)


@given(st.lists(st.tuples(means, variances), min_size=2, max_size=5))
def test_the_matrix_is_zero_on_its_diagonal_and_nowhere_negative(tasks):
    m, v = np.array(tasks).T
    matrix = pairwise_kl(m[:, None], v[:, None])
    assert (matrix >= 0).all()
    assert matrix.diagonal() == pytest.approx(0)
    assert matrix[0, 1] == gaussian_kl(m[:1], v[:1], m[1:2], v[1:2])


def test_a_channel_without_variance_gives_a_finite_divergence():
    assert np.isfinite(gaussian_kl([0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]))


def test_vectors_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="one length"):
        gaussian_kl([0.0], [1.0], [0.0, 1.0], [1.0, 1.0])


def test_rank_agreement_is_scipys_spearman_correlation_of_the_chosen_entries():
    a, b = np.random.default_rng(1).normal(size=(2, 5, 5))
    off = ~np.eye(5, dtype=bool)
    expected = stats.spearmanr(a.ravel(), b.ravel()).statistic
    assert rank_agreement(a, b, diagonal=True) == pytest.approx(expected)
    expected = stats.spearmanr(a[off], b[off]).statistic
    assert rank_agreement(a, b, diagonal=False) == pytest.approx(expected)
