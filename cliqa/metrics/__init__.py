"""Metrics as pure functions on numpy arrays, and the contract of metric components.

Conventions: `S[t, k]` is the SRCC of the model after task t on test set k; `R[t, k]`, for k < t,
is the SRCC between the predictions of models t and k on test set k; NaN means "not evaluated".
Importing this package loads numpy only; scipy is loaded by the two functions that need it.
"""

from cliqa.metrics.continual import (
    mean_plasticity_index,
    mean_plasticity_stability_index,
    mean_srcc,
    mean_stability_index,
    plasticity_index,
    plasticity_stability_by_length,
    plasticity_stability_index,
    stability_index,
    task_length_robustness,
)
from cliqa.metrics.contract import MatrixMetric, MatrixRecord, Metric
from cliqa.metrics.correlation import (
    krcc,
    plcc,
    rmse,
    srcc,
    srcc_matrix,
    unit_ranks,
    why_undefined,
    why_unrankable,
)
from cliqa.metrics.lifelong import (
    average_accuracy,
    average_anytime_srcc,
    average_forgetting,
    backward_transfer,
    correlation_index,
    correlation_indices,
    forgetting_index,
    forgetting_indices,
    forward_transfer,
    intransigence,
    mean_correlation_index,
    mean_forgetting_index,
)
from cliqa.metrics.logistic import LogisticPLCC, plcc_logistic

__all__ = [
    "LogisticPLCC",
    "MatrixMetric",
    "MatrixRecord",
    "Metric",
    "average_accuracy",
    "average_anytime_srcc",
    "average_forgetting",
    "backward_transfer",
    "correlation_index",
    "correlation_indices",
    "forgetting_index",
    "forgetting_indices",
    "forward_transfer",
    "intransigence",
    "krcc",
    "mean_correlation_index",
    "mean_forgetting_index",
    "mean_plasticity_index",
    "mean_plasticity_stability_index",
    "mean_srcc",
    "mean_stability_index",
    "plasticity_index",
    "plasticity_stability_by_length",
    "plasticity_stability_index",
    "plcc",
    "plcc_logistic",
    "rmse",
    "srcc",
    "srcc_matrix",
    "stability_index",
    "task_length_robustness",
    "unit_ranks",
    "why_undefined",
    "why_unrankable",
]
