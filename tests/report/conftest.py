"""Bundles to report about."""

from __future__ import annotations

import pytest

from cliqa.report import find_runs, group_runs


@pytest.fixture
def make_run(tmp_path, write_bundle):
    """Write a bundle under the test's folder; returns its path."""
    return lambda name="run", **differences: write_bundle(tmp_path / "runs" / name, **differences)


@pytest.fixture(scope="session")
def three(tmp_path_factory, write_bundle):
    """Three seeds of one method with a second beside, and joint learning; only to be read."""
    root = tmp_path_factory.mktemp("three")
    for seed in range(3):
        write_bundle(root / f"s{seed}", seed=seed, evaluate_only=("tid",))
        beside = root / f"s{seed}" / "compare" / "sl"
        write_bundle(beside, method="sl", seed=seed, evaluate_only=("tid",))
    write_bundle(root / "jl", method="jl", joint=True, evaluate_only=("tid",))
    return root


@pytest.fixture
def groups_of():
    return lambda *folders: group_runs(find_runs(folders).runs)
