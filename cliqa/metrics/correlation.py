"""Agreement of predictions with quality scores, for one set of images.

Every function takes two vectors of equal length. What cannot be computed is NaN, never 0 and
never a warning; `why_undefined` says why. Ties get their mean rank, as in scipy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cliqa.metrics._shapes import pair

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]


def why_undefined(x: ArrayLike, y: ArrayLike, names: tuple[str, str] = ("x", "y")) -> str | None:
    """Say why no correlation of `x` and `y` exists; None if one does.

    Args:
        x: (n,) values, usually predictions.
        y: (n,) values, usually quality scores.
        names: what to call the two in the reason.

    >>> why_undefined([1.0, 1.0, 1.0], [1, 2, 3], names=("predictions", "quality scores"))
    'all 3 predictions are equal'
    >>> why_undefined([1.0, 2.0], [4, 5])
    """
    x, y = pair(x, y)
    return why_unrankable(x, names[0]) or why_unrankable(y, names[1])


def why_unrankable(values: ArrayLike, name: str = "values") -> str | None:
    """Say why `values` have no correlation with anything; None if they can have one.

    >>> why_unrankable([0.5, float("nan")], "predictions")
    '1 of 2 predictions are not finite'
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) < 2:
        return f"a correlation needs at least 2 {name}, there are {len(values)}"
    bad = int(len(values) - np.isfinite(values).sum())
    if bad:
        return f"{bad} of {len(values)} {name} are not finite"
    if (values == values[0]).all():
        return f"all {len(values)} {name} are equal"
    return None


def unit_ranks(values: ArrayLike) -> Array:
    """Ranks of `values`, ties at their mean, centred and scaled to length 1.

    The dot product of two such vectors is their SRCC, so that ranking once serves any number of
    comparisons. All NaN where no rank order exists.

    >>> round(float(unit_ranks([1, 5, 9]) @ unit_ranks([2, 4, 3])), 12)
    0.5
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"expected a vector, one value an image; got the shape {values.shape}")
    if len(values) < 2 or not np.isfinite(values).all():
        return np.full(values.shape, np.nan)
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    ranks = (last - (count - 1) / 2)[group] - (len(values) + 1) / 2
    norm = np.sqrt(ranks @ ranks)
    return np.asarray(ranks / norm if norm else np.full(values.shape, np.nan))


def unit_values(values: Array) -> Array:
    """Finite, not all equal `values`, centred and scaled to length 1 without over- or underflow."""
    # Scaling by a power of two is exact, so that no two different values become equal.
    values = np.ldexp(values, -int(np.frexp(np.abs(values).max())[1]))
    shifted = values - values[0]  # exact for values that differ in their last digits only
    centred = shifted - shifted.mean()
    centred = centred / np.abs(centred).max()
    return np.asarray(centred / np.sqrt(centred @ centred))


def _cosine(a: Array, b: Array) -> float:
    return float(np.clip(a @ b, -1.0, 1.0)) if len(a) else float("nan")


def srcc(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's rank correlation: Pearson's correlation of the ranks, ties at their mean.

    Args:
        x: (n,) values, usually predictions.
        y: (n,) values, usually quality scores.

    Returns:
        A value in [-1, 1], or NaN (see `why_undefined`). higher_is_better: True.

    >>> round(srcc([1, 2, 3, 4], [10, 20, 40, 30]), 12)
    0.8
    >>> srcc([7, 7, 7], [1, 2, 3])
    nan
    """
    x, y = pair(x, y)
    return _cosine(unit_ranks(x), unit_ranks(y))


def srcc_matrix(X: ArrayLike, Y: ArrayLike | None = None) -> Array:
    """SRCC of every row of X with every row of Y, each row ranked once.

    Args:
        X: (p, n), one vector of predictions a row.
        Y: (q, n); default: X itself.

    Returns:
        (p, q), each in [-1, 1] or NaN. higher_is_better: True.

    >>> srcc_matrix([[1, 2, 3], [3, 2, 1]], [[5, 6, 7]]).round(12).tolist()
    [[1.0], [-1.0]]
    """
    X = np.asarray(X, dtype=np.float64)
    Y = X if Y is None else np.asarray(Y, dtype=np.float64)
    if X.ndim != 2 or Y.ndim != 2 or X.shape[1] != Y.shape[1]:
        raise ValueError(
            "expected two matrices with one column an image, (p, n) and (q, n); "
            f"got the shapes {X.shape} and {Y.shape}"
        )
    ranked = [np.stack([unit_ranks(row) for row in M]) for M in (X, Y)]
    found = np.clip(ranked[0] @ ranked[1].T, -1.0, 1.0)
    return found if X.shape[1] else np.full_like(found, np.nan)


def plcc(x: ArrayLike, y: ArrayLike) -> float:
    """Pearson's linear correlation of the values as they are.

    Args:
        x: (n,) values, usually predictions.
        y: (n,) values, usually quality scores.

    Returns:
        A value in [-1, 1], or NaN (see `why_undefined`). higher_is_better: True.

    >>> round(plcc([1, 2, 3], [2, 4, 6]), 12)
    1.0
    """
    x, y = pair(x, y)
    return float("nan") if why_undefined(x, y) else _cosine(unit_values(x), unit_values(y))


def krcc(x: ArrayLike, y: ArrayLike) -> float:
    """Kendall's rank correlation, tau-b, which corrects for ties.

    Args:
        x: (n,) values, usually predictions.
        y: (n,) values, usually quality scores.

    Returns:
        A value in [-1, 1], or NaN (see `why_undefined`). higher_is_better: True.

    >>> round(krcc([1, 2, 3, 4], [10, 20, 40, 30]), 12)
    0.666666666667
    """
    from scipy.stats import kendalltau

    x, y = pair(x, y)
    if why_undefined(x, y):
        return float("nan")
    return float(np.clip(kendalltau(x, y).statistic, -1.0, 1.0))


def rmse(x: ArrayLike, y: ArrayLike) -> float:
    """Root of the mean squared difference, in the unit of the scores.

    Args:
        x: (n,) predictions on the scale of `y`; n >= 1.
        y: (n,) quality scores.

    Returns:
        A value >= 0, or NaN without samples or with non-finite ones. higher_is_better: False.

    >>> round(rmse([0, 0], [1, 7]), 12)
    5.0
    """
    x, y = pair(x, y)
    if not len(x) or not (np.isfinite(x).all() and np.isfinite(y).all()):
        return float("nan")
    difference = x / 2 - y / 2  # halved first, so that huge values of opposite sign stay finite
    scale = float(np.abs(difference).max())
    if not scale:
        return 0.0
    return 2 * scale * float(np.sqrt(np.mean((difference / scale) ** 2)))
