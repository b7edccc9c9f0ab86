"""Linear correlation after a monotonic fit, as image quality studies report it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from cliqa.metrics._shapes import pair
from cliqa.metrics.correlation import plcc, srcc, unit_values, why_undefined

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

#: Largest slope of the standardised logistic: steeper is a step between two images, not a scale.
MAX_SLOPE: Final = 20.0
#: How many of the best curves of a coarse grid are refined.
_STARTS: Final = 3


@dataclass(frozen=True)
class LogisticPLCC:
    """PLCC after a fit, and which fit it was.

    Attributes:
        plcc: correlation of the mapped predictions with the quality scores; NaN if undefined.
        raw: PLCC without any fit.
        fit: `logistic`; `linear` where no logistic fit was better than a straight line; `none`
            where nothing is defined.
        reason: why `fit` is not `logistic`; empty otherwise.
        mapped: (n,) predictions mapped to the scale of the quality scores.
    """

    plcc: float
    raw: float
    fit: Literal["logistic", "linear", "none"]
    reason: str
    mapped: Array


def _curve(parameters: Array, x: Array) -> Array:
    top, bottom, centre, slope = parameters
    # tanh is the logistic without overflow: 1 / (1 + exp(-u)) = (1 + tanh(u / 2)) / 2.
    return np.asarray(bottom + (top - bottom) * (1 + np.tanh(slope * (x - centre) / 2)) / 2)


def _jacobian(parameters: Array, x: Array) -> Array:
    top, bottom, centre, slope = parameters
    share = (1 + np.tanh(slope * (x - centre) / 2)) / 2
    steep = (top - bottom) * share * (1 - share)
    return np.stack([share, 1 - share, -slope * steep, (x - centre) * steep], axis=1)


def _starts(x: Array, y: Array) -> list[Array]:
    """The best curves of a coarse grid over centre and slope, their two levels solved for."""
    grid = np.meshgrid(np.quantile(x, np.linspace(0.01, 0.99, 25)), np.geomspace(0.3, MAX_SLOPE, 7))
    centres, slopes = (axis.ravel() for axis in grid)
    shares = (1 + np.tanh(slopes[:, None] * (x - centres[:, None]) / 2)) / 2
    means = shares.mean(axis=1)
    spread = ((shares - means[:, None]) ** 2).sum(axis=1)
    usable = spread > 1e-12  # a centre beyond a gap gives a constant
    gain = np.where(usable, (shares @ y) / np.where(usable, spread, 1.0), 0.0)  # y has mean 0
    explained = np.where(gain > 0, gain**2 * spread, -np.inf)  # rising curves only
    best = [n for n in np.argsort(-explained)[:_STARTS] if explained[n] > 0]
    bottoms = -gain * means
    return [np.array([bottoms[n] + gain[n], bottoms[n], centres[n], slopes[n]]) for n in best]


def _fit(x: Array, y: Array) -> Array | None:
    """Best of several bounded least-squares fits of `y` by a rising logistic of `x`, if any."""
    from scipy.optimize import least_squares

    bounds = np.array([[-20.0, -20.0, x.min() - 1, 1e-3], [20.0, 20.0, x.max() + 1, MAX_SLOPE]])
    best, least = None, np.inf
    for start in _starts(x, y):
        try:
            found = least_squares(
                lambda p: _curve(p, x) - y,
                np.clip(start, *bounds),
                lambda p: _jacobian(p, x),
                bounds=bounds,
                max_nfev=100,
            )
        except np.linalg.LinAlgError:
            continue
        if found.cost < least:
            best, least = found.x, found.cost
    return None if best is None else _curve(best, x)


def _to_scale_of(y: Array, standardised: Array) -> Array:
    size = np.abs(y).max()  # taken out first, so that squaring huge scores cannot overflow
    return np.asarray((standardised * (y / size).std() + (y / size).mean()) * size)


def plcc_logistic(x: ArrayLike, y: ArrayLike) -> LogisticPLCC:
    """PLCC after mapping predictions by a monotonic 4-parameter logistic.

    q(x) = b2 + (b1 - b2) / (1 + exp(-s (x - b3))). Both axes are standardised first, the sign
    of s is that of the SRCC, its size is bounded, and the best of several starts is kept. If
    none is better than a straight line, the line is used, and `fit` says so.
    Either fit may fall, so that predictions in the wrong direction score as well as in the right
    one: `raw` keeps the sign.

    Args:
        x: (n,) predictions.
        y: (n,) quality scores.

    Returns:
        The correlation, in [-1, 1] or NaN, with what was fitted. higher_is_better: True.

    Source: VQEG, 2000 (the logistic); the guarded fit is cliqa's.

    >>> import numpy as np
    >>> x = np.linspace(-3, 3, 50)
    >>> result = plcc_logistic(x, 1 / (1 + np.exp(-2 * x)))
    >>> result.fit, round(result.plcc, 6), round(result.raw, 3)
    ('logistic', 1.0, 0.964)
    """
    x, y = pair(x, y)
    nothing = why_undefined(x, y, names=("predictions", "quality scores"))
    if nothing:
        return LogisticPLCC(float("nan"), float("nan"), "none", nothing, np.full(x.shape, np.nan))
    raw = plcc(x, y)
    standard_x, standard_y = (np.sqrt(len(x)) * unit_values(v) for v in (x, y))
    mapped = None
    if len(x) > 4:  # as many parameters as samples fit anything
        direction = -1.0 if srcc(x, y) < 0 else 1.0
        mapped = _fit(direction * standard_x, standard_y)
    if mapped is not None:
        value = plcc(mapped, y)
        if value > abs(raw):
            return LogisticPLCC(value, raw, "logistic", "", _to_scale_of(y, mapped))
    reason = "fewer than 5 samples" if len(x) < 5 else "no logistic fit beats a straight line"
    return LogisticPLCC(abs(raw), raw, "linear", reason, _to_scale_of(y, raw * standard_x))
