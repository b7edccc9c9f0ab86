"""Resampling images by their content, and runs, for methods that scored the same test images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cliqa.statistics.differences import Difference, t_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]


def content_draws(rng: np.random.Generator, contents: int, draws: int) -> Array:
    """How often each content is drawn, (draws, contents): as many as there are, with return."""
    return rng.multinomial(contents, np.full(contents, 1 / contents), size=draws).astype(float)


def image_weights(draws: Array, content_of: Sequence[str]) -> Array:
    """How often each image is drawn, (draws, images): all images of a content come together.

    Args:
        draws: (draws, contents), a column a distinct content in sorted order.
        content_of: the content of each image.
    """
    _, place = np.unique(np.asarray(content_of), return_inverse=True)
    return np.asarray(draws[:, place])


def resampled_ranks(values: ArrayLike, weights: Array) -> Array:
    """`cliqa.metrics.unit_ranks` of each resampled set, without making any of the sets.

    Args:
        values: (n,), finite.
        weights: (draws, n), how often each image is in the set.

    Returns:
        (draws, n); the weighted dot product of two rows is the SRCC of that set, see
        `resampled_srcc`. NaN in a set whose values are all equal.
    """
    values = np.asarray(values, dtype=np.float64)
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    counts = np.add.reduceat(weights[:, order], first, axis=1)  # images of each distinct value
    last = np.cumsum(counts, axis=1)
    ranks = last - (counts - 1) / 2 - (last[:, -1:] + 1) / 2  # centred mean rank
    norm = np.sqrt((counts * ranks**2).sum(axis=1, keepdims=True))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((ranks / np.where(norm > 0, norm, np.nan))[:, group])


def resampled_srcc(x: Array, y: Array, weights: Array) -> Array:
    """(draws,) SRCC of each resampled set, from two results of `resampled_ranks`."""
    return np.clip(np.einsum("bn,bn,bn->b", weights, x, y), -1.0, 1.0)


def resampled_difference(
    differences: ArrayLike,
    replicates: Array,
    contents: int,
    rng: np.random.Generator,
    level: float = 0.95,
) -> Difference:
    """Interval of the mean difference of runs that scored the same images.

    The variance is that of a bootstrap that draws contents, the same for all runs and both
    methods, and runs. Drawing n runs from n makes their part too small by the factor (n - 1) / n,
    which is put back, and few runs do not know their own spread, so the quantile is that of a
    t distribution whose degrees of freedom weigh n - 1 and contents - 1 by their part of the
    variance (Welch and Satterthwaite). The plain percentile interval of the same draws is too
    narrow for few runs that differ much. One run has no interval: it does not show how much runs
    differ.

    Args:
        differences: (n,) method minus baseline on all images, one a run.
        replicates: (draws, n) the same on each resampled set of images; a constant column where
            images are not resampled.
        contents: how many contents were drawn from, at least 2; 0: images are not resampled.
        rng: draws the runs.
        level: of the interval.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 12 on small
    samples; Welch, Biometrika 34, 1947.
    """
    d = np.asarray(differences, dtype=np.float64)
    n, draws = len(d), len(replicates)
    if not n or not np.isfinite(d).all() or not np.isfinite(replicates).all():
        reason = "undefined in some of the paired runs" if n else "no run has the baseline's seed"
        return Difference(float("nan"), runs=n, reason=reason)
    mean = float(d.mean())
    if n < 2:
        return Difference(mean, runs=n, reason="one paired run says nothing about others")
    chosen = rng.integers(n, size=(draws, n))
    drawn = np.take_along_axis(replicates, chosen, axis=1).mean(axis=1)
    spread = float(d.var(ddof=1))
    variance = float(drawn.var(ddof=1)) + spread / n**2
    if not variance > (1e-12 * max(1.0, abs(mean))) ** 2:
        return Difference(mean, runs=n, reason="all paired runs differ by the same amount")
    of_runs = min(spread / n, variance)
    of_images = variance - of_runs
    parts = [(of_runs, n - 1), (of_images if contents else 0.0, contents - 1)]
    degrees = variance**2 / sum(part**2 / free for part, free in parts if free > 0 and part > 0)
    low, high, p = t_interval(mean, variance, degrees, level)
    return Difference(mean, low, high, p, n, "bootstrap")
