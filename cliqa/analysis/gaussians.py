"""How far apart the normalization statistics of two tasks are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cliqa.metrics import srcc

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

#: Batch normalization adds this to a variance before it divides; a dead channel has variance 0.
VARIANCE_FLOOR = 1e-5


def gaussian_kl(
    mean_p: ArrayLike, variance_p: ArrayLike, mean_q: ArrayLike, variance_q: ArrayLike
) -> float:
    """KL(p || q) in nats of two Gaussians with independent channels.

    Each channel gives (ln(v_q / v_p) + (v_p + (m_p - m_q)^2) / v_q - 1) / 2; the sum over
    channels is the divergence. Variances are raised to `VARIANCE_FLOOR`, as the layer itself does,
    so that a channel which is always zero gives no infinity.

    Args:
        mean_p: (C,) means of p.
        variance_p: (C,) variances of p, >= 0.
        mean_q: (C,) means of q.
        variance_q: (C,) variances of q, >= 0.

    Returns:
        A value >= 0; 0 for equal distributions.

    >>> gaussian_kl([0.0], [1.0], [1.0], [1.0])
    0.5
    """
    m_p, v_p, m_q, v_q = (
        np.asarray(values, dtype=np.float64) for values in (mean_p, variance_p, mean_q, variance_q)
    )
    if not m_p.shape == v_p.shape == m_q.shape == v_q.shape or m_p.ndim != 1:
        raise ValueError(
            "means and variances must be vectors of one length; got the shapes "
            f"{m_p.shape}, {v_p.shape}, {m_q.shape}, {v_q.shape}"
        )
    v_p, v_q = np.maximum(v_p, VARIANCE_FLOOR), np.maximum(v_q, VARIANCE_FLOOR)
    terms = np.log(v_q / v_p) + (v_p + (m_p - m_q) ** 2) / v_q - 1
    return float(max(0.0, terms.sum() / 2))


def pairwise_kl(means: ArrayLike, variances: ArrayLike) -> Array:
    """KL divergence of every pair of tasks, as Table VIII of the TSN-IQA paper.

    Args:
        means: (T, C), the running means of the last normalization layer of each task.
        variances: (T, C), the running variances.

    Returns:
        (T, T), entry [i, j] = KL(task i || task j); 0 on the diagonal.
    """
    m, v = np.asarray(means, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    rows = range(len(m))
    return np.array([[gaussian_kl(m[i], v[i], m[j], v[j]) for j in rows] for i in rows])


def rank_agreement(divergence: ArrayLike, accuracy: ArrayLike, *, diagonal: bool) -> float:
    """SRCC between the entries of two (T, T) matrices.

    The TSN-IQA paper reports -0.776 between its Tables VIII and IX. Its printed tables give
    -0.775 with the diagonal (each task's divergence 0 from itself, beside its own test set) and
    -0.644 without it: the diagonal carries a part of the agreement.

    Args:
        divergence: (T, T).
        accuracy: (T, T), in the same order of tasks.
        diagonal: whether the pairs of a task with itself take part.

    Returns:
        A value in [-1, 1], or NaN where it is undefined.
    """
    a, b = np.asarray(divergence, dtype=np.float64), np.asarray(accuracy, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 2 or a.shape[0] != a.shape[1]:
        raise ValueError(f"two square matrices of one size are needed; got {a.shape}, {b.shape}")
    chosen = np.ones(a.shape, dtype=bool) if diagonal else ~np.eye(len(a), dtype=bool)
    return float(srcc(a[chosen], b[chosen]))
