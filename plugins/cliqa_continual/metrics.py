"""One factory a metric: called with its settings, of which there are none, it gives the metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cliqa import metrics as m
from cliqa.metrics import MatrixMetric

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cliqa.metrics import MatrixRecord, Metric

    Array = NDArray[np.float64]
    Factory = Callable[[object], Metric]


def _factory(
    name: str,
    function: Callable[[MatrixRecord], float],
    bounds: tuple[float, float] = (-1.0, 1.0),
    *,
    higher_is_better: bool = True,
) -> Factory:
    def make(config: object = None) -> Metric:
        del config  # no metric here has settings
        return MatrixMetric(
            name=name, function=function, bounds=bounds, higher_is_better=higher_is_better
        )

    return make


def _last_model(agreement: Callable[[Array, Array], float]) -> Callable[[MatrixRecord], float]:
    """Mean over all test sets of the last model's agreement with the quality scores."""

    def mean(record: MatrixRecord) -> float:
        last, sets = len(record.S) - 1, range(len(record.tasks))
        if any((last, k) not in record.predictions for k in sets):
            return float("nan")
        found = [agreement(record.predictions[last, k], record.qualities[k]) for k in sets]
        return float(np.mean(found))

    return mean


def _after_logistic(predictions: Array, qualities: Array) -> float:
    return m.plcc_logistic(predictions, qualities).plcc


mean_srcc = _factory("mSRCC", lambda r: m.mean_srcc(r.S, r.stages))
mean_plasticity = _factory("mPI", lambda r: m.mean_plasticity_index(r.S, r.stages))
mean_stability = _factory("mSI", lambda r: m.mean_stability_index(r.R, r.stages))
mean_trade_off = _factory("mPSI", lambda r: m.mean_plasticity_stability_index(r.S, r.R, r.stages))
task_length_robustness = _factory(
    "task-length-robustness", lambda r: m.task_length_robustness(r.S, r.R, r.stages)
)
correlation = _factory("C", lambda r: m.correlation_index(r.S, r.stages), (0.0, 1.0))
mean_correlation = _factory("C-bar", lambda r: m.mean_correlation_index(r.S, r.stages), (0.0, 1.0))
forgetting = _factory("F", lambda r: m.forgetting_index(r.S, r.stages), higher_is_better=False)
mean_forgetting = _factory(
    "F-bar", lambda r: m.mean_forgetting_index(r.S, r.stages), higher_is_better=False
)
average_forgetting = _factory(
    "average-forgetting",
    lambda r: m.average_forgetting(r.S, r.stages),
    (-2.0, 2.0),
    higher_is_better=False,
)
backward_transfer = _factory(
    "backward-transfer", lambda r: m.backward_transfer(r.S, r.stages), (-2.0, 2.0)
)
anytime_srcc = _factory("anytime-SRCC", lambda r: m.average_anytime_srcc(r.S, r.stages))
mean_plcc = _factory("mPLCC", _last_model(m.plcc))
mean_plcc_logistic = _factory("mPLCC-logistic", _last_model(_after_logistic))
mean_krcc = _factory("mKRCC", _last_model(m.krcc))
