"""The difference of a method to a baseline over paired runs, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_NAN = float("nan")


@dataclass(frozen=True)
class Difference:
    """A mean difference with its interval.

    Attributes:
        mean: method minus baseline, over the paired runs; NaN without a pair.
        low: lower end of the interval; NaN if there is none.
        high: upper end.
        p: two-sided p-value of the test that the interval inverts; NaN if there is none.
        runs: number of paired runs.
        procedure: `corrected t` or `bootstrap`; empty without an interval.
        reason: why there is no interval, or what it leaves out.
    """

    mean: float
    low: float = _NAN
    high: float = _NAN
    p: float = _NAN
    runs: int = 0
    procedure: str = ""
    reason: str = ""


def t_interval(
    mean: float, variance: float, degrees: float, level: float
) -> tuple[float, float, float]:
    """Lower and upper end and two-sided p-value of a mean whose estimate has that variance."""
    from scipy import stats

    error = float(np.sqrt(variance))
    reach = float(stats.t.ppf((1 + level) / 2, degrees)) * error
    return mean - reach, mean + reach, float(2 * stats.t.sf(abs(mean) / error, degrees))


def corrected_t(differences: ArrayLike, test_to_train: float, level: float = 0.95) -> Difference:
    """The corrected resampled t interval, for runs whose images were divided anew each time.

    Random divisions share images, so their differences are correlated and the plain paired t
    takes them for more than they are. The correction widens the variance of the mean from s²/n to
    (1/n + test/train) s², where test/train is the ratio of the sizes of the two parts.

    Args:
        differences: (n,) method minus baseline, one a division.
        test_to_train: test images per training image, greater than 0.
        level: of the interval, between 0 and 1.

    Source: Nadeau and Bengio, Inference for the Generalization Error, Machine Learning 52, 2003.

    >>> round(corrected_t([0.1, 0.2, 0.3], test_to_train=0.5).high, 3)
    0.593
    """
    d = np.asarray(differences, dtype=np.float64)
    n = len(d)
    if not test_to_train > 0:
        raise ValueError(f"test_to_train must be greater than 0, not {test_to_train}")
    if n and not np.isfinite(d).all():
        return Difference(_NAN, runs=n, reason="undefined in some of the paired runs")
    if n < 2:
        return Difference(float(d.mean()) if n else _NAN, runs=n, reason=_too_few(n))
    mean, variance = float(d.mean()), float(d.var(ddof=1)) * (1 / n + test_to_train)
    if not variance > (1e-12 * max(1.0, abs(mean))) ** 2:
        return Difference(mean, runs=n, reason="all paired runs differ by the same amount")
    low, high, p = t_interval(mean, variance, n - 1, level)
    return Difference(mean, low, high, p, n, "corrected t")


def _too_few(n: int) -> str:
    return "one paired run says nothing about others" if n else "no run has the baseline's seed"
