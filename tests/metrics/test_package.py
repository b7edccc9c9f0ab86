"""The package as a whole: its examples run, it is light, and each metric documents itself."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import cliqa.metrics

MODULES = [f"cliqa.metrics.{m.name}" for m in pkgutil.iter_modules(cliqa.metrics.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_every_example_in_a_docstring_gives_what_it_shows(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_importing_the_metrics_loads_neither_scipy_nor_torch():
    code = (
        "import sys, cliqa.metrics; "
        "print([m for m in ('scipy', 'torch', 'pyarrow', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_metric_says_which_direction_is_better_and_shows_an_example():
    helpers = {"MatrixMetric", "MatrixRecord", "Metric", "LogisticPLCC"}
    helpers |= {"unit_ranks", "why_undefined", "why_unrankable"}
    for name in set(cliqa.metrics.__all__) - helpers:
        text = getattr(cliqa.metrics, name).__doc__
        assert "higher_is_better: " in text, name
        assert ">>>" in text, name
