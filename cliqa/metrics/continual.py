"""Summaries of a sequence of tasks, from two matrices.

`S[t, k]` is the SRCC of the model after stage t on the test set of task k. `R[t, k]`, for tasks
learned before t, is the SRCC between the predictions of model t and of the model that had just
learned task k, both on test set k. Usually a stage learns one task: then rows and columns follow
the order of learning, and both matrices are (T, T). Where a stage learns several, `learned_at` says
for each column the stage, from 0; the matrices then are (T, K). NaN, or None in a list, means "not
evaluated": a result that needs such an entry is NaN, because skipping it would flatter the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cliqa.metrics._shapes import matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Stages = Sequence[int] | None


def mean_srcc(S: ArrayLike, learned_at: Stages = None) -> float:
    """Mean SRCC of the last model over all test sets: mSRCC = mean over k of S[T, k].

    Args:
        S: (T, K); only the last row is read, so it exists for joint learning too.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        A value in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, Eq. 11.

    >>> mean_srcc([[0.9, None], [0.8, 0.7]])
    0.75
    """
    return float(matrix("S", S, learned_at)[0][-1].mean())


def plasticity_index(S: ArrayLike, learned_at: Stages = None) -> Array:
    """Accuracy on each task just after learning it: PI_t = S[t, t].

    Where a stage learns several tasks, PI_t is the mean over them.

    Args:
        S: (T, K); only the entries of each stage's own tasks are read.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        (T,), each in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, Eq. 12.

    >>> plasticity_index([[0.9, 0.1], [0.8, 0.7]]).tolist()
    [0.9, 0.7]
    """
    S, stages = matrix("S", S, learned_at)
    return np.array([S[t, stages == t].mean() for t in range(len(S))])


def mean_plasticity_index(S: ArrayLike, learned_at: Stages = None) -> float:
    """Mean of the plasticity index over stages: mPI = mean over t of S[t, t].

    Args:
        S: as in `plasticity_index`.
        learned_at: likewise.

    Returns:
        A value in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, Eq. 12.

    >>> mean_plasticity_index([[1.0, 0.1], [0.8, 0.5]])
    0.75
    """
    return float(plasticity_index(S, learned_at).mean())


def stability_index(R: ArrayLike, learned_at: Stages = None) -> Array:
    """How far each model agrees with all earlier ones: SI_t = mean over old tasks k of R[t, k].

    SI_1 is 1 by definition. Entries of tasks that stage t learns, or a later one, are never read.

    Args:
        R: (T, K), the SRCC between the predictions of model t and those of the model that had just
            learned task k, on test set k.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        (T,), each in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, Eq. 13 and 14.

    >>> stability_index([[None, None, None], [0.9, None, None], [0.5, 1.0, None]]).tolist()
    [1.0, 0.9, 0.75]
    """
    R, stages = matrix("R", R, learned_at)
    return np.array([1.0, *(R[t, stages < t].mean() for t in range(1, len(R)))])


def mean_stability_index(R: ArrayLike, learned_at: Stages = None) -> float:
    """Mean of the stability index over stages: mSI = mean over t of SI_t, with SI_1 = 1.

    Args:
        R: as in `stability_index`.
        learned_at: likewise.

    Returns:
        A value in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, Eq. 13.

    >>> mean_stability_index([[None, None], [0.5, None]])
    0.75
    """
    return float(stability_index(R, learned_at).mean())


def plasticity_stability_index(S: ArrayLike, R: ArrayLike, learned_at: Stages = None) -> Array:
    """Trade-off after each stage: PSI_t = (PI_t + SI_t) / 2.

    Args:
        S: as in `plasticity_index`.
        R: as in `stability_index`.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        (T,), each in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, Eq. 15 and Fig. 4.

    >>> plasticity_stability_index([[0.5, 0.1], [0.8, 0.5]], [[1, 1], [0.0, 1]]).tolist()
    [0.75, 0.25]
    """
    plasticity, stability = plasticity_index(S, learned_at), stability_index(R, learned_at)
    if np.shape(S) != np.shape(R):
        raise ValueError(
            f"S and R must cover the same tasks; got the shapes {np.shape(S)} and {np.shape(R)}"
        )
    return (plasticity + stability) / 2


def mean_plasticity_stability_index(S: ArrayLike, R: ArrayLike, learned_at: Stages = None) -> float:
    """Mean trade-off over stages: mPSI = mean over t of PSI_t = (mPI + mSI) / 2.

    Args:
        S: as in `plasticity_index`.
        R: as in `stability_index`.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        A value in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, Eq. 15.

    >>> mean_plasticity_stability_index([[0.5, 0.1], [0.8, 0.5]], [[1, 1], [0.0, 1]])
    0.5
    """
    return float(plasticity_stability_index(S, R, learned_at).mean())


def plasticity_stability_by_length(S: ArrayLike, R: ArrayLike, learned_at: Stages = None) -> Array:
    """The mPSI of every shorter sequence: mPSI_L = mean of PSI_1 .. PSI_L, for L = 1 .. T.

    Args:
        S: as in `plasticity_index`.
        R: as in `stability_index`.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        (T,), each in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, a column of Table VI.

    >>> plasticity_stability_by_length([[0.5, 0.1], [0.8, 0.5]], [[1, 1], [0.0, 1]]).tolist()
    [0.75, 0.5]
    """
    indices = plasticity_stability_index(S, R, learned_at)
    return np.asarray(np.cumsum(indices) / np.arange(1, len(indices) + 1))


def task_length_robustness(S: ArrayLike, R: ArrayLike, learned_at: Stages = None) -> float:
    """Mean over L of mPSI_L, the mPSI of the first L tasks.

    Args:
        S: as in `plasticity_index`.
        R: as in `stability_index`.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        A value in [-1, 1]. higher_is_better: True.

    Source: Zhang et al., TSN-IQA, Sec. IV-D and the row "Mean" of Table VI.

    >>> task_length_robustness([[0.5, 0.1], [0.8, 0.5]], [[1, 1], [0.0, 1]])
    0.625
    """
    return float(plasticity_stability_by_length(S, R, learned_at).mean())
