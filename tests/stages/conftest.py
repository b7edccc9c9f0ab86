"""Tiny runs of three stages that share a store."""

from __future__ import annotations

import json

import pytest


@pytest.fixture(scope="session")
def killing(support):
    return support("killing")


@pytest.fixture(scope="session")
def built():
    from cliqa.run import BuiltDatasets

    return BuiltDatasets()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """A process that dies leaves what it has written; only a machine that dies needs the disk."""
    monkeypatch.setattr("os.fsync", lambda handle: None)


#: Settings of methods whose own phases would take a minute; what they do is the same.
SHORTER = {
    "gfr": {"generator_epochs": 2, "copies": 2, "replay_size": 50},
    "liqa": {
        "gan_epochs": 2, "head_epochs": 2, "copies": 2, "replay_size": 50, "gan_width": 32,
    },
}  # fmt: skip


@pytest.fixture
def small(tiny_config, resolve):
    """Make the run of a method; `order` names its tasks by their first letters."""
    tasks = {task["as"][0]: task for task in tiny_config["stream"]["tasks"]}

    def make(strategy="tsn-iqa", order="lb", *overrides, **changes):
        name = strategy if isinstance(strategy, str) else strategy["name"]
        settings = {"name": name} | SHORTER.get(name, {})
        tiny_config["strategy"] = settings if isinstance(strategy, str) else strategy
        if name == "liqa":
            tiny_config["objective"] = "squared-error"
        tiny_config["stream"]["tasks"] = [tasks[letter] for letter in order]
        tiny_config["gates"] = [{"name": "kmeans", "k": 4, "n_init": 1}, "newest"]
        tiny_config["train"] |= {"warmup_epochs": 1, "epochs": 2, "batch_size": 16}
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
