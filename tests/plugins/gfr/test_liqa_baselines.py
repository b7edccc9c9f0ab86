"""The baselines of LIQA in its setting, as one run: one head, squared error, no warm-up."""

import json
import re
from pathlib import Path

import yaml

from cliqa.run import run

PAGE = Path(__file__).parents[3] / "docs/explanation/liqa.md"


def documented():
    """The methods as the documentation writes them."""
    text = PAGE.read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(objective: squared-error\n.*?)```", text, re.DOTALL)
    return yaml.safe_load(block)


def test_the_documented_baselines_run_with_one_head_and_are_six_methods_on_two_tasks(
    tiny_config, resolve, tmp_path
):
    written = documented()
    train = {**tiny_config["train"], **written.pop("train"), "epochs": 1}
    tiny_config |= {**written, "train": train, "gates": ["newest"]}
    tiny_config["stream"]["tasks"] = tiny_config["stream"]["tasks"][:2]
    for method in tiny_config["compare"]:
        if method["name"] == "gfr":
            method |= {"generator_epochs": 2, "copies": 2, "replay_size": 50}
    out = tmp_path / "out"
    run(resolve(tiny_config), out)
    found = {}
    for path in out.rglob("metrics.json"):
        record = json.loads((path.parent / "run.json").read_text())
        assert record["multi_head"] is False
        matrix = json.loads(path.read_text())["gates"]["newest"]["srcc"]
        assert len(matrix) == 2
        assert all(-1 <= value <= 1 for value in matrix[-1])
        found[record["method"]] = (path.parent / "predictions.parquet").read_bytes()
    assert set(found) == {"ft", "ewc", "online-ewc", "si", "lwf", "gfr", "jt"}
    # After one old task the two EWCs are one method; from the third task on they part.
    assert found["ewc"] == found.pop("online-ewc")
    assert len(set(found.values())) == 6
