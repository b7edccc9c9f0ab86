"""A method with a head that answers by itself, beside heads that gates weight."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from cliqa.errors import CapabilityError, ConfigError
from cliqa.run import run

LIQA = {
    "name": "liqa",
    "gan_epochs": 2,
    "gan_width": 16,
    "copies": 2,
    "replay_size": 50,
    "head_epochs": 2,
}


@pytest.fixture
def config(tiny_config):
    """Two stages of two distortions each."""
    tiny_config["strategy"] = LIQA
    tiny_config["objective"] = "squared-error"
    tiny_config["gates"] = ["newest", "oracle"]
    tiny_config["stream"] = {
        "tasks": [{"name": "embedded", "subset": "live-like", "images": 96, "size": 64}],
        "per": "distortion",
        "stages": [2],
    }
    return tiny_config


def by_gate(folder, gate):
    """(step, task, image) -> score."""
    rows = pq.read_table(folder / "predictions.parquet").to_pylist()
    return {(r["step"], r["task"], r["sample_id"]): r["score"] for r in rows if r["gate"] == gate}


def by_head(folder, head):
    rows = pq.read_table(folder / "heads.parquet").to_pylist()
    return {(r["step"], r["task"], r["sample_id"]): r["score"] for r in rows if r["head"] == head}


def test_the_main_row_is_head_one_and_the_oracle_takes_each_distortions_own_head(
    config, resolve, tmp_path
):
    found = run(resolve(config), tmp_path / "out")
    folder = found.folder
    assert list(found.results["liqa"]["gates"]) == ["main", "newest", "oracle"]
    assert by_gate(folder, "main") == by_head(folder, 1)
    record = json.loads((folder / "run.json").read_text())
    heads = [head["tasks"] for head in record["parameters"]["heads"]]
    assert heads == [record["tasks"], *([task] for task in record["tasks"])]
    assert found.told_task_id == ("oracle",)
    told = by_gate(folder, "oracle")
    for place, task in enumerate(record["tasks"]):
        own = {key: v for key, v in by_head(folder, 2 + place).items() if key[1] == task}
        assert {key: v for key, v in told.items() if key[1] == task} == own
    assert by_gate(folder, "newest") == by_head(folder, 3) | by_head(folder, 5)


def test_what_pseudo_features_are_like_is_logged_and_collapse_is_noted(config, resolve, tmp_path):
    folder = run(resolve(config), tmp_path / "out").folder
    lines = [json.loads(line) for line in (folder / "train_log.jsonl").read_text().splitlines()]
    seen = [line for line in lines if line["event"] == "pseudo-features"]
    record = json.loads((folder / "run.json").read_text())
    first, second = record["tasks"][:2], record["tasks"][2:]
    assert [(line["step"], line["distortion"]) for line in seen] == [
        *((1, task) for task in first), *((2, task) for task in first + second)
    ]  # fmt: skip
    collapsed = [line for line in seen if line["collapsed"]]
    said = [note for note in record["notes"] if "the generator has collapsed" in note]
    assert len(said) == len(collapsed)
    assert len(collapsed) > 0  # two epochs are no training
    epochs = [line for line in lines if line["event"] == "epoch" and line["phase"] == "generator"]
    assert all(set(line["losses"]) == {"discriminator", "generator"} for line in epochs)
    assert all(np.isclose(sum(line["losses"].values()), line["loss"]) for line in epochs)


def test_the_label_of_the_main_row_is_no_label_for_a_gate(config, resolve, tmp_path):
    config["gates"] = [{"name": "oracle", "as": "main"}]
    with pytest.raises(ConfigError, match=r"gates: `main` is the row of the head .* by `as`"):
        run(resolve(config), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_objective_of_pairs_is_refused_before_anything_is_written(config, resolve, tmp_path):
    config["objective"] = "fidelity"
    with pytest.raises(CapabilityError, match=r"strategy `liqa` .* expected `objective: squared"):
        run(resolve(config), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_best_epoch_is_chosen_among_late_ones_and_late_ones_must_exist(
    config, resolve, tmp_path
):
    config["train"] |= {"epochs": 3, "select_after": 3}
    with pytest.raises(ConfigError, match=r"`select_after` leaves no epoch .* found 3"):
        resolve(config)
