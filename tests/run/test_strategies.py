"""What holds of every strategy that comes with cliqa, found by asking the registry."""

import json

import pytest

from cliqa.registry import Registry
from cliqa.run import run

STRATEGIES = [found.name for found in Registry.discover(third_party=False).components("strategy")]

#: Settings of methods whose own phases would take a minute; what they do is the same.
SHORTER = {
    "gfr": {"generator_epochs": 2, "copies": 2, "replay_size": 50},
    "liqa": {"gan_epochs": 2, "copies": 2, "replay_size": 50, "head_epochs": 2},
}

#: Methods that do not learn from pairs.
OBJECTIVES = {"liqa": "squared-error"}


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_runs_from_its_name_alone_and_is_scored_by_every_gate(
    name, tiny_config, resolve, tmp_path
):
    tiny_config["strategy"] = {"name": name} | SHORTER.get(name, {})
    tiny_config["objective"] = OBJECTIVES.get(name, "fidelity")
    run(resolve(tiny_config), tmp_path / "out")
    record = json.loads((tmp_path / "out/run.json").read_text())
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    gates = ["kmeans", "newest", "uniform", "oracle"] if record["multi_head"] else ["newest"]
    gates = ["main", *gates] if record["main_head"] else gates
    assert list(metrics["gates"]) == gates
    for gate in gates:
        assert all(value is not None for value in metrics["gates"][gate]["srcc"][2])
    heads = record["parameters"]["heads"]
    assert len(heads) == (3 if record["multi_head"] else 1) + record["main_head"]
    assert {task for head in heads for task in head["tasks"]} == {
        "live-like", "bid-like", "kadid-like"
    }  # fmt: skip
