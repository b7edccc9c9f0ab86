"""Summaries of a sequence of tasks, from two matrices.

`S[t, k]` is the SRCC of the model after task t on test set k. `R[t, k]`, for k < t, is the SRCC
between the predictions of model t and of model k, both on test set k. Rows and columns follow
the order in which the tasks were learned, so both are (T, T). NaN, or None in a list, means "not
evaluated": a result that needs such an entry is NaN, because skipping it would flatter the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cliqa.metrics._shapes import square

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]


def mean_srcc(S: ArrayLike) -> float:
    """Mean SRCC of the last model over all test sets: mSRCC = mean over k of S[T, k].

    Args:
        S: (T, T); only the last row is read, so it exists for joint learning too.

    Returns:
        A value in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, Eq. 11.

    >>> mean_srcc([[0.9, None], [0.8, 0.7]])
    0.75
    """
    return float(square("S", S)[-1].mean())


def plasticity_index(S: ArrayLike) -> Array:
    """Accuracy on each task just after learning it: PI_t = S[t, t].

    Args:
        S: (T, T); only the diagonal is read.

    Returns:
        (T,), each in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, Eq. 12.

    >>> plasticity_index([[0.9, 0.1], [0.8, 0.7]]).tolist()
    [0.9, 0.7]
    """
    return square("S", S).diagonal().copy()


def mean_plasticity_index(S: ArrayLike) -> float:
    """Mean of the plasticity index over tasks: mPI = mean over t of S[t, t].

    Args:
        S: (T, T); only the diagonal is read.

    Returns:
        A value in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, Eq. 12.

    >>> mean_plasticity_index([[1.0, 0.1], [0.8, 0.5]])
    0.75
    """
    return float(plasticity_index(S).mean())


def stability_index(R: ArrayLike) -> Array:
    """How far each model agrees with all earlier ones: SI_t = mean over k < t of R[t, k].

    SI_1 is 1 by definition. The diagonal of R and what lies above it are never read.

    Args:
        R: (T, T), the SRCC between the predictions of model t and model k on test set k.

    Returns:
        (T,), each in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, Eq. 13 and 14.

    >>> stability_index([[None, None, None], [0.9, None, None], [0.5, 1.0, None]]).tolist()
    [1.0, 0.9, 0.75]
    """
    R = square("R", R)
    return np.array([1.0, *(R[t, :t].mean() for t in range(1, len(R)))])


def mean_stability_index(R: ArrayLike) -> float:
    """Mean of the stability index over tasks: mSI = mean over t of SI_t, with SI_1 = 1.

    Args:
        R: (T, T); only what lies below the diagonal is read.

    Returns:
        A value in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, Eq. 13.

    >>> mean_stability_index([[None, None], [0.5, None]])
    0.75
    """
    return float(stability_index(R).mean())


def plasticity_stability_index(S: ArrayLike, R: ArrayLike) -> Array:
    """Trade-off after each task: PSI_t = (PI_t + SI_t) / 2.

    Args:
        S: (T, T); only the diagonal is read.
        R: (T, T); only what lies below the diagonal is read.

    Returns:
        (T,), each in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, Eq. 15 and Fig. 4.

    >>> plasticity_stability_index([[0.5, 0.1], [0.8, 0.5]], [[1, 1], [0.0, 1]]).tolist()
    [0.75, 0.25]
    """
    plasticity, stability = plasticity_index(S), stability_index(R)
    if plasticity.shape != stability.shape:
        raise ValueError(
            f"S and R must cover the same tasks; got the shapes {np.shape(S)} and {np.shape(R)}"
        )
    return (plasticity + stability) / 2


def mean_plasticity_stability_index(S: ArrayLike, R: ArrayLike) -> float:
    """Mean trade-off over tasks: mPSI = mean over t of PSI_t = (mPI + mSI) / 2.

    Args:
        S: (T, T); only the diagonal is read.
        R: (T, T); only what lies below the diagonal is read.

    Returns:
        A value in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, Eq. 15.

    >>> mean_plasticity_stability_index([[0.5, 0.1], [0.8, 0.5]], [[1, 1], [0.0, 1]])
    0.5
    """
    return float(plasticity_stability_index(S, R).mean())


def plasticity_stability_by_length(S: ArrayLike, R: ArrayLike) -> Array:
    """The mPSI of every shorter sequence: mPSI_L = mean of PSI_1 .. PSI_L, for L = 1 .. T.

    Args:
        S: (T, T); only the diagonal is read.
        R: (T, T); only what lies below the diagonal is read.

    Returns:
        (T,), each in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, a column of Table VI.

    >>> plasticity_stability_by_length([[0.5, 0.1], [0.8, 0.5]], [[1, 1], [0.0, 1]]).tolist()
    [0.75, 0.5]
    """
    indices = plasticity_stability_index(S, R)
    return np.asarray(np.cumsum(indices) / np.arange(1, len(indices) + 1))


def task_length_robustness(S: ArrayLike, R: ArrayLike) -> float:
    """Mean over L of mPSI_L, the mPSI of the first L tasks.

    Args:
        S: (T, T); only the diagonal is read.
        R: (T, T); only what lies below the diagonal is read.

    Returns:
        A value in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, Sec. IV-D and the row "Mean" of Table VI.

    >>> task_length_robustness([[0.5, 0.1], [0.8, 0.5]], [[1, 1], [0.0, 1]])
    0.625
    """
    return float(plasticity_stability_by_length(S, R).mean())
