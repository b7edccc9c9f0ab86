"""The plugin's components: each loads, meets the contract and equals its function."""

import importlib
import subprocess
import sys

import cliqa_continual
import numpy as np
import pytest

from cliqa import metrics as m
from cliqa.metrics import MatrixRecord, Metric

COMPONENTS = {c.name: c for c in cliqa_continual.cliqa_metrics()}


def make(name) -> Metric:
    module, attribute = COMPONENTS[name].factory.split(":")
    return getattr(importlib.import_module(module), attribute)(None)


@pytest.fixture
def record() -> MatrixRecord:
    rng = np.random.default_rng(0)
    qualities = {k: rng.uniform(0, 1, 40) for k in range(3)}
    predictions = {
        (t, k): qualities[k] + 0.2 * rng.normal(size=40) for t in range(3) for k in range(3)
    }
    S = [[m.srcc(predictions[t, k], qualities[k]) for k in range(3)] for t in range(3)]
    R = [[m.srcc(predictions[t, k], predictions[k, k]) for k in range(3)] for t in range(3)]
    return MatrixRecord(
        S=np.array(S),
        R=np.array(R),
        tasks=("a", "b", "c"),
        gate="kg",
        predictions=predictions,
        qualities=qualities,
    )


EXPECTED = {
    "mSRCC": lambda r: m.mean_srcc(r.S),
    "mPI": lambda r: m.mean_plasticity_index(r.S),
    "mSI": lambda r: m.mean_stability_index(r.R),
    "mPSI": lambda r: m.mean_plasticity_stability_index(r.S, r.R),
    "task-length-robustness": lambda r: m.task_length_robustness(r.S, r.R),
    "C": lambda r: m.correlation_index(r.S),
    "C-bar": lambda r: m.mean_correlation_index(r.S),
    "F": lambda r: m.forgetting_index(r.S),
    "F-bar": lambda r: m.mean_forgetting_index(r.S),
    "average-forgetting": lambda r: m.average_forgetting(r.S),
    "backward-transfer": lambda r: m.backward_transfer(r.S),
    "anytime-SRCC": lambda r: m.average_anytime_srcc(r.S),
    "mPLCC": lambda r: np.mean([m.plcc(r.predictions[2, k], r.qualities[k]) for k in range(3)]),
    "mPLCC-logistic": lambda r: np.mean(
        [m.plcc_logistic(r.predictions[2, k], r.qualities[k]).plcc for k in range(3)]
    ),
    "mKRCC": lambda r: np.mean([m.krcc(r.predictions[2, k], r.qualities[k]) for k in range(3)]),
}


def test_every_component_is_compared_with_its_function_below():
    assert set(EXPECTED) == set(COMPONENTS)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_metric_equals_its_function_and_lies_in_its_bounds(name, record):
    metric = make(name)
    assert isinstance(metric, Metric)
    assert metric.name == name
    value = metric.compute(record)
    assert value == pytest.approx(float(EXPECTED[name](record)), abs=1e-12)
    assert metric.bounds[0] <= value <= metric.bounds[1]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_run_in_which_nothing_was_evaluated_gives_nan_without_an_exception(name):
    nothing = np.full((3, 3), np.nan)
    record = MatrixRecord(S=nothing, R=nothing, tasks=("a", "b", "c"))
    assert np.isnan(make(name).compute(record))


@pytest.mark.parametrize("name", EXPECTED)
def test_the_direction_is_the_one_that_the_functions_docstring_states(name):
    lower_is_better = {"F", "F-bar", "average-forgetting"}
    assert make(name).higher_is_better == (name not in lower_is_better)


def test_every_component_has_a_summary_that_fits_a_listing():
    assert all(0 < len(c.summary) <= 60 for c in COMPONENTS.values())


def test_listing_the_metrics_loads_neither_numpy_nor_torch():
    code = (
        "import sys, cliqa_continual; cliqa_continual.cliqa_metrics(); "
        "print([m for m in ('numpy', 'torch', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
