"""Checks of metrics."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cliqa.metrics import MatrixRecord, Metric, srcc
from cliqa.seeds import named_rng
from cliqa.testing.checks import Check, api, behaviour, fail, require, skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cliqa.testing.subject import Subject

_TASKS = ("one", "two", "three", "four")


def checks(kind: str) -> Iterator[Check]:  # noqa: ARG001 (it has one kind)
    """The checks, in the order in which they are made."""
    yield api(has_the_metrics_form)
    yield api(name_is_its_own)
    yield behaviour(gives_numbers_within_its_bounds)
    yield behaviour(is_undefined_instead_of_wrong)
    yield behaviour(agrees_with_scipy)
    yield behaviour(better_runs_are_not_worse)
    yield behaviour(record_is_left_alone)


def _made(subject: Subject) -> Metric:
    subject.blocked("has-the-metrics-form", lambda: has_the_metrics_form(subject))
    return subject.instance(Metric, "has-the-metrics-form", shared=True)


def _record(tasks: int, seed: int = 0) -> MatrixRecord:
    """A run of noisy predictions with ties, as a run gives it."""
    rng = named_rng(0, "record", tasks, seed)
    qualities = {k: np.round(rng.uniform(0, 10, 24), 0) for k in range(tasks)}
    predictions = {
        (t, k): np.round(qualities[k] + rng.normal(0, 3 + abs(t - k), 24), 0)
        for t in range(tasks)
        for k in range(tasks)
    }
    S, R = np.full((tasks, tasks), np.nan), np.full((tasks, tasks), np.nan)
    for (t, k), values in predictions.items():
        S[t, k] = srcc(values, qualities[k])
        if k < t:
            R[t, k] = srcc(values, predictions[k, k])
    return MatrixRecord(
        S=S, R=R, tasks=_TASKS[:tasks], gate="kmeans", predictions=predictions, qualities=qualities
    )


def has_the_metrics_form(subject: Subject) -> None:
    """It has `name`, `higher_is_better`, `bounds` and `compute`, as `cliqa.metrics.Metric` says."""
    made = subject.blocked("is-made", subject.made)
    missing = [n for n in ("name", "higher_is_better", "bounds", "compute") if not hasattr(made, n)]
    require(
        not missing,
        f"a {type(made).__name__} has no `{missing[0] if missing else ''}`; "
        "`cliqa.metrics.MatrixMetric(name=..., function=...)` makes a metric of a function",
    )
    bounds = made.bounds
    require(
        isinstance(bounds, tuple | list) and len(bounds) == 2 and bounds[0] < bounds[1],
        f"`bounds` is {bounds!r}; expected the lowest and the highest value, (low, high)",
    )


def name_is_its_own(subject: Subject) -> None:
    """Its `name`, the column of tables, is the component's name."""
    require(
        _made(subject).name == subject.registered.name,
        f"its `name` is `{_made(subject).name}` and it is announced as `{subject.registered.name}`",
    )


def gives_numbers_within_its_bounds(subject: Subject) -> None:
    """For runs of one to four tasks it gives floats within its bounds, or nan."""
    metric = _made(subject)
    low, high = metric.bounds
    for tasks in (1, 2, 4):
        for seed in range(3):
            value = metric.compute(_record(tasks, seed))
            require(
                type(value) is float or isinstance(value, np.floating),
                f"`compute` gave a {type(value).__name__}; expected a float",
            )
            require(
                math.isnan(value) or low - 1e-9 <= value <= high + 1e-9,
                f"a run of {tasks} task(s) gives {value:g}, outside its bounds {metric.bounds}",
            )


def is_undefined_instead_of_wrong(subject: Subject) -> None:
    """Where nothing was evaluated, or predictions are constant, it gives nan, not 0 or a crash."""
    metric, record = _made(subject), _record(3)
    nothing = replace(record, S=np.full((3, 3), np.nan), R=np.full((3, 3), np.nan), predictions={})
    flat = {key: np.zeros_like(values) for key, values in record.predictions.items()}
    constant = replace(nothing, predictions=flat)
    for what, given in (("nothing was evaluated", nothing), ("predictions are constant", constant)):
        try:
            value = metric.compute(given)
        except Exception as error:
            fail(f"where {what} `compute` raised {type(error).__name__}: {error}; return nan")
        require(
            math.isnan(value),
            f"where {what} `compute` gives {value:g}; a mean over nothing is nan, and 0 would "
            "count as a result",
        )


def _correlations() -> dict[str, Callable[[np.ndarray, np.ndarray], float]]:
    from scipy import stats

    return {
        "srcc": lambda a, b: float(stats.spearmanr(a, b).statistic),
        "plcc": lambda a, b: float(stats.pearsonr(a, b).statistic),
        "krcc": lambda a, b: float(stats.kendalltau(a, b).statistic),
        "rmse": lambda a, b: float(np.sqrt(np.mean((a - b) ** 2))),
    }


def agrees_with_scipy(subject: Subject) -> None:
    """A metric named after SRCC, PLCC, KRCC or RMSE equals scipy's for one task, ties included."""
    metric = _made(subject)
    named = re.fullmatch(
        r"(?:m|mean-|average-|anytime-)?(srcc|plcc|krcc|rmse)", metric.name.lower()
    )
    if named is None:
        skip("it is not named after one of these")
    for seed in range(3):
        record = _record(1, seed)
        expected = _correlations()[named[1]](record.predictions[0, 0], record.qualities[0])
        value = metric.compute(record)
        require(
            abs(value - expected) < 1e-6,
            f"predictions with ties give {value:.6f}, scipy's {named[1].upper()} {expected:.6f}; "
            "ranks of ties are averaged (scipy.stats.rankdata), and tau is tau-b",
        )


def better_runs_are_not_worse(subject: Subject) -> None:
    """Raising all SRCCs of the last model never makes the metric worse, as its direction says."""
    metric, record = _made(subject), _record(4)
    better = record.S.copy()
    better[-1] += 0.1 * (1 - better[-1])
    before, after = metric.compute(record), metric.compute(replace(record, S=better))
    if math.isnan(before) or math.isnan(after):
        skip("it is undefined for this record")
    change = after - before if metric.higher_is_better else before - after
    require(
        change >= -1e-9,
        f"a better last model changes it from {before:g} to {after:g}, and `higher_is_better` is "
        f"{metric.higher_is_better}; turn the sign of one of them",
    )


def record_is_left_alone(subject: Subject) -> None:
    """`compute` does not write into the record, which the next metric reads, too."""
    metric, record, kept = _made(subject), _record(3), _record(3)
    metric.compute(record)
    same = [np.array_equal(record.S, kept.S, equal_nan=True)]
    same.append(np.array_equal(record.R, kept.R, equal_nan=True))
    same += [np.array_equal(v, kept.predictions[key]) for key, v in record.predictions.items()]
    same += [np.array_equal(v, kept.qualities[key]) for key, v in record.qualities.items()]
    require(all(same), "`compute` writes into the record; work on a copy")
