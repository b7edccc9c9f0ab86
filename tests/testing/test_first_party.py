"""Everything that comes with cliqa passes the checks that are made of anyone's plugin."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from cliqa.registry import Registry
from cliqa.testing import CheckResult, check_plugin, parametrize_plugin

REGISTRY = Registry.discover(third_party=False)
PLUGINS = sorted(plugin.name for plugin in REGISTRY.plugins)
#: The sets of the papers are not on this machine; small ones of the same form are built below.
NOT_HERE = {"iqa"}


@pytest.fixture(autouse=True)
def never_waiting(no_waiting):
    """No test here is about a machine that dies."""


def failures(results: list[CheckResult]) -> list[str]:
    return [f"{r.component}/{r.check}: {r.message}" for r in results if r.status == "failed"]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_plugin_of_ours_passes_every_check(plugin):
    results = check_plugin(plugin, registry=REGISTRY)
    assert failures(results) == []
    reached = {r.component for r in results if r.level == "behaviour" and r.status == "passed"}
    components = {r.component for r in results if not r.component.startswith("plugin:")}
    without = {"dataset:rated-images"} if plugin == "tables" else set()
    if plugin not in NOT_HERE:
        assert components - reached == without


@pytest.mark.parametrize("strategy", ["lwf", "mas", "ewc", "si"])
def test_methods_pass_with_a_single_head_as_well(strategy):
    name = f"strategy:{strategy}"
    settings = {name: {"heads": "single"}}
    assert failures(check_plugin(name, settings=settings, registry=REGISTRY)) == []


def test_ewc_with_an_anchor_for_each_task_passes_as_well():
    settings = {"strategy:ewc": {"online": False}}
    assert failures(check_plugin("strategy:ewc", settings=settings, registry=REGISTRY)) == []


@pytest.mark.parametrize(("name", "made"), [("live", "live"), ("koniq-10k", "koniq")])
def test_sets_in_folders_pass_once_they_are_there(name, made, support, tmp_path):
    fixtures = support("iqa_fixtures")
    disk = fixtures.Disk(tmp_path)
    count = len(getattr(fixtures, made)(disk))
    disk.write()
    component = f"dataset:{name}"
    settings = {component: {"root": str(tmp_path), "expect": count}}
    results = check_plugin(component, settings=settings, registry=REGISTRY)
    assert failures(results) == []
    skipped = {r.check for r in results if r.status == "skipped"}
    assert skipped <= {"splits-part-no-reference"}  # too few contents


def test_a_method_that_adapts_linear_layers_is_really_tried(monkeypatch):
    """The plugin that the documentation shows: low-rank adapters."""
    source = Path(__file__).parents[2] / "docs" / "examples" / "cliqa-example" / "src"
    monkeypatch.syspath_prepend(str(source))
    results = check_plugin(importlib.import_module("cliqa_example"))
    assert failures(results) == []
    behaviour = [r for r in results if r.component == "strategy:lora" and r.level == "behaviour"]
    skipped = {r.check for r in behaviour if r.status == "skipped"}
    assert len(behaviour) > 10
    assert {name.partition("-")[0] for name in skipped} == {"penalty"}  # it has none


@pytest.mark.parametrize("name", ["mlflow", "tensorboard", "wandb"])
def test_a_tracker_passes_every_check_where_its_package_is_installed(name):
    results = check_plugin(f"tracker:{name}", registry=REGISTRY)
    assert failures(results) == []
    skipped = {r.check: r.message for r in results if r.status == "skipped"}
    if "is-made" in skipped:
        assert f'pip install "cliqa-bench[{name}]"' in skipped["is-made"]
        pytest.skip(skipped["is-made"])
    assert skipped == {}


@parametrize_plugin("gates")
def test_the_front_for_pytest_makes_a_test_of_every_check(check):
    check()
