"""Rank tests over blocks, such as test sets, each with the least number of blocks it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

#: With five blocks the smallest two-sided p-value is 2 / 2**5 = 0.0625: never below 0.05.
WILCOXON_BLOCKS: Final = 6
#: From here the chi-square approximation of Friedman's statistic is usable.
FRIEDMAN_BLOCKS: Final = 10
_NAN = float("nan")


@dataclass(frozen=True)
class MeanRanks:
    """Friedman's test and Nemenyi's distance.

    Attributes:
        ranks: mean rank of each method over the blocks, 1 the best; empty without a test.
        statistic: Friedman's chi-square, corrected for ties; NaN without a test.
        p: its p-value; NaN without a test.
        distance: mean ranks further apart than this differ, by Nemenyi's test; NaN without one.
        reason: why there is no test.
    """

    ranks: tuple[float, ...] = ()
    statistic: float = _NAN
    p: float = _NAN
    distance: float = _NAN
    reason: str = ""


def wilcoxon(differences: ArrayLike) -> tuple[float, str]:
    """Two-sided p-value of Wilcoxon's signed-rank test, or NaN with the reason.

    Exact where there are no ties and no zeros; those are treated by permuting all signs up to 13
    blocks and by the normal approximation beyond.

    Args:
        differences: (blocks,) method minus baseline; the blocks must not share images.

    >>> wilcoxon([0.1, 0.2, 0.3])
    (nan, 'too few blocks: 3, needs 6')
    """
    from scipy import stats

    d = np.asarray(differences, dtype=np.float64)
    if len(d) < WILCOXON_BLOCKS:
        return _NAN, _too_few(len(d), WILCOXON_BLOCKS)
    if not np.isfinite(d).all():
        return _NAN, "undefined in some blocks"
    if not d.any():
        return _NAN, "no block differs"
    tied = len(np.unique(np.abs(d))) < len(d) or not d.all()
    if not tied:
        method: object = "exact" if len(d) <= 50 else "approx"
    else:
        method = stats.PermutationMethod() if len(d) <= 13 else "approx"
    return float(stats.wilcoxon(d, method=method).pvalue), ""


def friedman(values: ArrayLike, level: float = 0.95) -> MeanRanks:
    """Friedman's test of several methods on the same blocks, with Nemenyi's distance.

    Args:
        values: (blocks, methods), higher is better; at least three methods.
        level: of Nemenyi's test.

    Source: Demšar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7, 2006.
    """
    from scipy import stats

    x = np.asarray(values, dtype=np.float64)
    blocks, methods = x.shape
    if blocks < FRIEDMAN_BLOCKS:
        return MeanRanks(reason=_too_few(blocks, FRIEDMAN_BLOCKS))
    if methods < 3:
        return MeanRanks(reason=f"needs 3 methods, there are {methods}")
    if not np.isfinite(x).all():
        return MeanRanks(reason="undefined in some blocks")
    ranks = stats.rankdata(-x, axis=1)
    if (ranks == ranks[0, 0]).all():
        return MeanRanks(reason="no block tells the methods apart")
    found = stats.friedmanchisquare(*x.T)
    mean = tuple(float(r) for r in ranks.mean(axis=0))
    distance = nemenyi_distance(methods, blocks, level)
    return MeanRanks(mean, float(found.statistic), float(found.pvalue), distance)


def nemenyi_distance(methods: int, blocks: int, level: float = 0.95) -> float:
    """How far apart two mean ranks must be to differ, by Nemenyi's test.

    >>> round(nemenyi_distance(4, 14), 2)
    1.25
    """
    from scipy import stats

    q = float(stats.studentized_range.ppf(level, methods, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(methods * (methods + 1) / (6 * blocks)))


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, for comparisons of several methods with one control; NaN stays.

    Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    known = sorted((value, n) for n, value in enumerate(p) if value == value)
    adjusted, highest = [_NAN] * len(p), 0.0
    for place, (value, n) in enumerate(known):
        highest = max(highest, min(1.0, value * (len(known) - place)))
        adjusted[n] = highest
    return adjusted


def _too_few(there: int, needed: int) -> str:
    return f"too few blocks: {there}, needs {needed}"
