"""Benchmarks are not run with the tests, but they must not rot: they import, and the least runs."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_every_benchmark_imports(name, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    importlib.import_module(f"benchmarks.{name}")


def test_plain_pytest_collects_no_benchmark():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["pytest"]["ini_options"]["testpaths"] == ["tests"]


def test_the_scaling_script_writes_its_table_plot_and_figures(tmp_path):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.scaling_inference", "--quick", "--rounds", "1"),
            *("--backbone", "test_resnet", "--device", "cpu", "--out", str(tmp_path)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "scaling.json").read_text())
    assert found["processor"]
    assert {p["axis"] for p in found["points"]} == {"heads", "images", "size", "batch"}
    two = {p["scorer"]: p for p in found["points"] if (p["axis"], p["at"]) == ("heads", 2)}
    # The shared stem.
    assert two["folded, float32"]["gmacs"] < two["reference, float32"]["gmacs"]
    assert "| heads | 2 | folded, float32 |" in (tmp_path / "scaling.md").read_text()
    assert (tmp_path / "scaling.svg").read_text().startswith("<svg")


def test_the_published_shape_gives_our_scores(monkeypatch):
    """The smallest case of what the benchmark compares."""
    monkeypatch.syspath_prepend(str(ROOT))
    cases = importlib.import_module("benchmarks.inference_cases")
    import numpy as np
    import torch

    from cliqa.model import Compute

    model, plan = cases.make_model("test_resnet", 2), cases.kmeans()
    task = cases.make_task("bid-like", 2, 64)
    made = cases.evaluator_for(model, Compute(device=torch.device("cpu")), plan)
    plan.gate.fit("a", made._features.of(task, "train", plan.gate), 0)
    plan.gate.fit("b", made._features.of(task, "train", plan.gate), 0)
    found = made.evaluate(model, 2, [task])[0].head_scores
    expected = cases.OfficialShape(model, plan.gate).evaluate([task], 2)[0]
    np.testing.assert_allclose(found, expected, atol=2e-4)
