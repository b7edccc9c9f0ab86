"""LIQA's indices, and the measures that continual learning in general uses.

`S[t, k]` is the SRCC of the model after stage t on test set k, and `learned_at` the stage from 0
that learned each task; see `cliqa.metrics.continual`. By default stage k learns task k.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cliqa.metrics._shapes import matrix, vector
from cliqa.metrics.continual import mean_srcc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Stages = Sequence[int] | None


def _drop_from_peak(S: Array, stages: NDArray[np.int64], t: int) -> float:
    """Mean over tasks j learned before t of (best earlier value on j - the value of model t)."""
    old = stages < t
    earlier = S[:t, old]
    # A model that has not learned task j yet need not have been tested on it. Where it was, the
    # published formula counts it: the maximum runs over all earlier models.
    optional = np.arange(t)[:, None] < stages[old]
    peak = np.where(optional & np.isnan(earlier), -np.inf, earlier).max(axis=0)
    return float((peak - S[t, old]).mean())


def correlation_indices(S: ArrayLike, learned_at: Stages = None) -> Array:
    """LIQA's C_t after every task: the mean over seen j <= t of abs(S[t, j]).

    Args:
        S: (T, K); only the diagonal and what lies below it are read.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        (T,), each in [0, 1]. higher_is_better: True.

    Source: Liu et al., LIQA; methods are compared by it after each task.

    >>> correlation_indices([[0.5, None], [-0.25, 0.75]]).tolist()
    [0.5, 0.5]
    """
    S, stages = matrix("S", S, learned_at)
    return np.array([np.abs(S[t, stages <= t]).mean() for t in range(len(S))])


def correlation_index(S: ArrayLike, learned_at: Stages = None) -> float:
    """LIQA's C_T after the last task: the mean over all tasks j of abs(S[T, j]).

    Args:
        S: (T, K); only the last row is read.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        A value in [0, 1]. higher_is_better: True.

    Source: Liu et al., LIQA. `correlation_indices` gives it after every task.

    >>> correlation_index([[0.5, None], [-0.25, 0.75]])
    0.5
    """
    return float(np.abs(matrix("S", S, learned_at)[0][-1]).mean())


def mean_correlation_index(S: ArrayLike, learned_at: Stages = None) -> float:
    """LIQA's C-bar: the mean of C_t over all tasks, the first included.

    Args:
        S: (T, K); only the diagonal and what lies below it are read.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        A value in [0, 1]. higher_is_better: True.

    Source: Liu et al., LIQA.

    >>> mean_correlation_index([[1.0, None], [0.25, 0.75]])
    0.75
    """
    return float(correlation_indices(S, learned_at).mean())


def forgetting_indices(S: ArrayLike, learned_at: Stages = None) -> Array:
    """LIQA's F_t after every task; the first is 0 by definition.

    F_t is the mean over old tasks j < t of (max over s < t of abs(S[s, j]) - abs(S[t, j])). The
    maximum runs over all earlier models, as published; a model s < j, which had not learned task
    j yet, may be left unevaluated and is then no candidate.

    Args:
        S: (T, K); the diagonal and what lies below it must be evaluated.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        (T,), each in [-1, 1]; negative where old tasks got better. higher_is_better: False.

    Source: Liu et al., LIQA.

    >>> forgetting_indices([[0.75, None], [-0.25, 0.9]]).tolist()
    [0.0, 0.5]
    """
    S, stages = matrix("S", S, learned_at)
    S = np.abs(S)
    return np.array([0.0, *(_drop_from_peak(S, stages, t) for t in range(1, len(S)))])


def forgetting_index(S: ArrayLike, learned_at: Stages = None) -> float:
    """LIQA's F_T after the last task; 0 for a single task.

    Args:
        S: (T, K); the diagonal and what lies below it must be evaluated.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        A value in [-1, 1]. higher_is_better: False.

    Source: Liu et al., LIQA. `forgetting_indices` gives it after every task and the formula.

    >>> forgetting_index([[0.75, None], [-0.25, 0.9]])
    0.5
    """
    return float(forgetting_indices(S, learned_at)[-1])


def mean_forgetting_index(S: ArrayLike, learned_at: Stages = None) -> float:
    """LIQA's F-bar: the mean of F_t over all tasks, the 0 of the first included.

    Args:
        S: (T, K); the diagonal and what lies below it must be evaluated.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        A value in [-1, 1]. higher_is_better: False.

    Source: Liu et al., LIQA.

    >>> mean_forgetting_index([[0.75, None], [-0.25, 0.9]])
    0.25
    """
    return float(forgetting_indices(S, learned_at).mean())


def average_accuracy(S: ArrayLike, learned_at: Stages = None) -> float:
    """Accuracy of the last model averaged over tasks; another field's name for mSRCC.

    Args:
        S: (T, K); only the last row is read.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        A value in [-1, 1]. higher_is_better: True.

    Source: Lopez-Paz and Ranzato, GEM, 2017 (ACC).

    >>> average_accuracy([[0.9, None], [0.8, 0.7]])
    0.75
    """
    return mean_srcc(S, learned_at)


def average_anytime_srcc(S: ArrayLike, learned_at: Stages = None) -> float:
    """Accuracy on what was seen so far, averaged over the sequence.

    The mean over t of (mean over k <= t of S[t, k]).

    Args:
        S: (T, K); only the diagonal and what lies below it are read.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        A value in [-1, 1]. higher_is_better: True.

    Source: Caccia et al., 2020 (average anytime accuracy).

    >>> average_anytime_srcc([[1.0, None], [0.25, 0.75]])
    0.75
    """
    S, stages = matrix("S", S, learned_at)
    return float(np.mean([S[t, stages <= t].mean() for t in range(len(S))]))


def backward_transfer(S: ArrayLike, learned_at: Stages = None) -> float:
    """What later learning did to old tasks: mean over k < T of (S[T, k] - S[k, k]).

    Args:
        S: (T, K); the last row and the diagonal are read.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        A value in [-2, 2]; NaN for a single task. higher_is_better: True.

    Source: Lopez-Paz and Ranzato, GEM, 2017 (BWT).

    >>> backward_transfer([[0.75, None], [0.5, 0.9]])
    -0.25
    """
    S, stages = matrix("S", S, learned_at)
    old = np.flatnonzero(stages < len(S) - 1)
    return float((S[-1, old] - S[stages[old], old]).mean()) if len(old) else float("nan")


def forward_transfer(S: ArrayLike, baseline: ArrayLike, learned_at: Stages = None) -> float:
    """What earlier learning gives a task before it is learned.

    The mean over k > 1 of (S[k-1, k] - baseline[k]).

    Args:
        S: (T, K); what lies just above the diagonal is read.
        baseline: (K,), the SRCC of the model before any task on each test set; its first entry
            is not read.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        A value in [-2, 2]; NaN for a single task. higher_is_better: True.

    Source: Lopez-Paz and Ranzato, GEM, 2017 (FWT).

    >>> forward_transfer([[0.75, 0.5], [0.5, 0.9]], baseline=[None, 0.25])
    0.25
    """
    S, stages = matrix("S", S, learned_at)
    baseline = vector("baseline", baseline, len(stages))
    later = np.flatnonzero(stages > 0)
    if not len(later):
        return float("nan")
    return float((S[stages[later] - 1, later] - baseline[later]).mean())


def average_forgetting(S: ArrayLike, learned_at: Stages = None) -> float:
    """Drop of each old task from its best earlier value, after the last task.

    The mean over k < T of (max over t < T of S[t, k] - S[T, k]): LIQA's F_T without absolute
    values. Models t < k may be left unevaluated and are then no candidates.

    Args:
        S: (T, K); the diagonal and what lies below it must be evaluated.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        A value in [-2, 2]; NaN for a single task. higher_is_better: False.

    Source: Chaudhry et al., 2018 (forgetting measure).

    >>> average_forgetting([[0.75, None], [-0.25, 0.9]])
    1.0
    """
    S, stages = matrix("S", S, learned_at)
    return _drop_from_peak(S, stages, len(S) - 1) if len(S) > 1 else float("nan")


def intransigence(S: ArrayLike, joint: ArrayLike, learned_at: Stages = None) -> float:
    """What learning in sequence costs a task at once: mean over k of (joint[k] - S[k, k]).

    Args:
        S: (T, K); only the diagonal is read.
        joint: (K,), the SRCC of joint learning on each test set.
        learned_at: K stages from 0; default: stage k learns task k.

    Returns:
        A value in [-2, 2]. higher_is_better: False.

    Source: Chaudhry et al., 2018; here the reference model has learned all tasks jointly.

    >>> intransigence([[0.75, None], [0.5, 0.5]], joint=[1.0, 0.75])
    0.25
    """
    S, stages = matrix("S", S, learned_at)
    just_learned = S[stages, np.arange(len(stages))]
    return float((vector("joint", joint, len(stages)) - just_learned).mean())
