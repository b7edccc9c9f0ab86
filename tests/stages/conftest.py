"""Tiny runs of three stages that share a store."""

from __future__ import annotations

import json

import pytest


@pytest.fixture(autouse=True)
def never_waiting(no_waiting):
    """No test here is about a machine that dies."""


@pytest.fixture
def small(tiny_config, resolve, support):
    """Make the run of a method; `order` names its tasks by their first letters."""
    tasks = {task["as"][0]: task for task in tiny_config["stream"]["tasks"]}

    def make(strategy="tsn-iqa", order="lb", *overrides, **changes):
        support("runs").of_method(tiny_config, strategy)
        tiny_config["stream"]["tasks"] = [tasks[letter] for letter in order]
        tiny_config.update(changes)
        return resolve(tiny_config, *overrides)

    return make


@pytest.fixture
def store(tmp_path):
    from cliqa.stages import StageStore

    return StageStore(tmp_path / "store")


@pytest.fixture
def go(killing, built, tmp_path):
    """Run; returns the observer."""

    def run(config, name, **options):
        return killing.go(config, tmp_path / name, datasets=built, **options)

    return run


@pytest.fixture
def reused(tmp_path):
    """Whether each stage of a finished run was taken from a store."""

    def read(name):
        stages = json.loads((tmp_path / name / "run.json").read_text())["stage_seconds"]
        return [stage.get("reused") for stage in stages]

    return read
