"""A run from configuration to bundles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.numpy import load_file
from scipy.stats import spearmanr

from cliqa.errors import (
    CapabilityError,
    CliqaError,
    ConfigError,
    DataError,
    PluginError,
    ResultError,
)
from cliqa.model import digest_of, normalization_tensors, rest_digest, save_artefact
from cliqa.results import check_sums, load_bundle
from cliqa.run import Observer, run
from cliqa.run.prepare import prepare
from cliqa.run.record import opening_record

if TYPE_CHECKING:
    from pathlib import Path

TASKS = ["live-like", "bid-like", "kadid-like"]


def metrics_of(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


def table(folder: Path, name: str) -> dict[str, np.ndarray]:
    columns = pq.read_table(folder / f"{name}.parquet").to_pydict()
    return {key: np.asarray(values) for key, values in columns.items()}


@pytest.fixture
def finished(tiny_config, resolve, tmp_path):
    """A finished run with two methods beside the main one."""
    tiny_config["compare"] = ["ft", "jl"]
    return run(resolve(tiny_config), tmp_path / "out")


def test_a_run_leaves_a_bundle_for_each_method_whose_sums_hold(finished):
    for folder in (finished.folder, finished.folder / "compare/ft", finished.folder / "compare/jl"):
        assert check_sums(folder) == []
        assert load_bundle(folder).run["tasks"] == TASKS


def test_every_gate_comes_from_the_one_training(finished):
    gates = metrics_of(finished.folder)["gates"]
    assert list(gates) == ["kmeans", "newest", "uniform", "oracle"]
    log = (finished.folder / "train_log.jsonl").read_text().splitlines()
    joint = [json.loads(line) for line in log if '"joint"' in line]
    assert len(joint) == 3 * 2  # three tasks, two epochs: no gate trained anything again


def test_predictions_are_the_weighted_sum_of_the_stored_head_scores(finished):
    heads, weights = table(finished.folder, "heads"), table(finished.folder, "weights")
    scores = {
        (s, t, i, h): score
        for s, t, i, h, score in zip(
            heads["step"],
            heads["task"],
            heads["sample_id"],
            heads["head"],
            heads["score"],
            strict=True,
        )
    }
    sums: dict[tuple, float] = {}
    for s, t, g, i, h, w in zip(
        weights["step"],
        weights["task"],
        weights["gate"],
        weights["sample_id"],
        weights["head"],
        weights["weight"],
        strict=True,
    ):
        sums[s, t, g, i] = sums.get((s, t, g, i), 0.0) + w * scores[s, t, i, h]
    found = table(finished.folder, "predictions")
    keys = zip(found["step"], found["task"], found["gate"], found["sample_id"], strict=True)
    expected = [sums[key] for key in keys]
    np.testing.assert_allclose(found["score"], expected, atol=1e-6)


def test_the_srcc_matrix_is_spearman_of_the_stored_predictions(finished):
    found, labels = table(finished.folder, "predictions"), table(finished.folder, "labels")
    quality = {
        (t, i): q
        for t, i, q in zip(labels["task"], labels["sample_id"], labels["quality"], strict=True)
    }
    matrix = metrics_of(finished.folder)["gates"]["kmeans"]["srcc"]
    for t in range(3):
        for k, task in enumerate(TASKS):
            rows = (found["step"] == t + 1) & (found["task"] == task) & (found["gate"] == "kmeans")
            truth = [quality[task, i] for i in found["sample_id"][rows]]
            expected = spearmanr(found["score"][rows], truth).statistic
            assert matrix[t][k] == pytest.approx(expected, abs=1e-9)


def test_with_the_oracle_isolated_tasks_are_perfectly_stable(finished):
    oracle = metrics_of(finished.folder)["gates"]["oracle"]
    assert oracle["mSI"] == 1.0
    assert oracle["srcc"][0][1] is None  # no head knows a task that is still to come


def test_one_task_is_gated_with_weight_one(finished):
    weights = table(finished.folder, "weights")
    assert set(weights["weight"][weights["step"] == 1]) == {1.0}


def test_joint_learning_has_the_last_step_only_and_says_so(finished):
    metrics = metrics_of(finished.folder / "compare/jl")["gates"]["newest"]
    assert metrics["mSRCC"] is not None
    assert metrics["mPI"] is None
    assert "not evaluated" in metrics["undefined"]["mPI"]


def test_the_checkpoint_holds_each_tasks_own_normalization(finished):
    tensors = load_file(finished.folder / "checkpoints/model.safetensors")
    own = [name for name in tensors if name.startswith("set/")]
    # two batch norms with weight, bias, running mean and variance for each of three tasks
    assert len(own) == 3 * 2 * 4
    gates = load_file(finished.folder / "checkpoints/gates.safetensors")
    assert gates["kmeans/0/3"].shape == (4, 8)


def test_the_record_counts_what_a_task_costs(finished):
    record = load_bundle(finished.folder).run
    first = record["parameters"]["heads"][0]
    assert first["own_parameters"] + first["head_parameters"] == 2 * (8 + 16) + 16
    assert record["parameters"]["gates"]["kmeans"] == 3 * 4 * (8 + 16)
    assert record["pseudo_scores"] is True
    assert record["plugins"][-1]["sha256"]  # the local plugin is identified by its content


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tiny_config, resolve, tmp_path):
    run(resolve(tiny_config), tmp_path / "a")
    run(resolve(tiny_config), tmp_path / "b")
    run(resolve(tiny_config, "seed=1"), tmp_path / "c")
    files = ["predictions.parquet", "metrics.json", "checkpoints/model.safetensors"]
    for name in files:
        first = (tmp_path / "a" / name).read_bytes()
        assert first == (tmp_path / "b" / name).read_bytes(), name
        assert first != (tmp_path / "c" / name).read_bytes(), name


def test_a_task_specific_run_is_the_same_in_any_order(tiny_config, resolve, tmp_path):
    # Scores of a task's head do not depend on where in the order the task was learned.
    run(resolve(tiny_config), tmp_path / "a")
    run(resolve(tiny_config, "stream.order=reverse"), tmp_path / "b")
    first, second = table(tmp_path / "a", "heads"), table(tmp_path / "b", "heads")

    def scores(found, head):
        keep = (found["step"] == 3) & (found["head"] == head)
        return dict(zip(found["sample_id"][keep], found["score"][keep], strict=True))

    for head in (1, 2, 3):
        assert scores(first, head) == scores(second, 4 - head)


def test_the_oracle_is_not_told_for_sets_that_are_only_tested(tiny_config, resolve, tmp_path):
    extra = {"name": "embedded", "as": "extra", "subset": "csiq-like", "images": 48, "size": 64}
    tiny_config["stream"]["evaluate_only"] = [extra]
    run(resolve(tiny_config), tmp_path / "out")
    gates = metrics_of(tmp_path / "out")["gates"]
    assert -1 <= gates["kmeans"]["evaluate_only"]["extra"] <= 1
    assert gates["oracle"]["evaluate_only"]["extra"] is None
    found = table(tmp_path / "out", "predictions")
    assert sum((found["task"] == "extra") & (found["gate"] == "kmeans")) == 48


def test_fewer_images_than_centroids_are_said_so_and_do_not_fail(tiny_config, resolve, tmp_path):
    notes = []

    class Listener(Observer):
        def note(self, text):
            notes.append(text)

    tiny_config["gates"] = [{"name": "kmeans", "k": 128}]
    run(resolve(tiny_config), tmp_path / "out", observer=Listener())
    assert any("K = 128 centroids asked for" in note for note in notes)
    assert load_bundle(tmp_path / "out").run["notes"]


def test_a_constant_prediction_is_undefined_with_a_reason(tiny_config, resolve, tmp_path):
    run(resolve(tiny_config, "backbone=constant"), tmp_path / "out")
    entry = metrics_of(tmp_path / "out")["gates"]["newest"]
    assert entry["mSRCC"] is None
    assert "predictions are equal" in entry["undefined"]["mSRCC"]


@pytest.mark.parametrize(
    ("weights", "complaint"),
    [
        ("np.zeros((query.count, query.heads), np.float32)", "sum to 0 "),
        ("np.full((query.count, query.heads), np.nan, np.float32)", "sum to nan"),
        ("np.ones((query.count, query.heads + 1), np.float32)", "shape"),
    ],
)
def test_a_gate_whose_rows_do_not_sum_to_one_is_refused_by_name(
    tiny_config, resolve, tmp_path, weights, complaint
):
    (tmp_path / "wrong.py").write_text(
        "import numpy as np\n"
        "from cliqa import Component, hookimpl\n"
        "from cliqa.evaluation import Gate\n"
        "class Wrong(Gate):\n"
        "    def weights(self, query):\n"
        f"        return {weights}\n"
        "@hookimpl\n"
        "def cliqa_gates():\n"
        "    return [Component(name='wrong', factory=Wrong)]\n"
    )
    tiny_config["plugins"].append("./wrong.py")
    tiny_config["gates"] = ["wrong"]
    with pytest.raises(PluginError, match=f"gate `wrong` .*{complaint}"):
        run(resolve(tiny_config), tmp_path / "out")


def test_a_finished_run_is_not_overwritten_without_force(tiny_config, resolve, tmp_path):
    config = resolve(tiny_config)
    run(config, tmp_path / "out")
    before = (tmp_path / "out/SHA256SUMS").read_bytes()
    with pytest.raises(ResultError, match="--force"):
        run(config, tmp_path / "out")
    assert (tmp_path / "out/SHA256SUMS").read_bytes() == before
    run(config, tmp_path / "out", force=True)
    assert check_sums(tmp_path / "out") == []


def test_tsn_refuses_a_backbone_without_normalization_before_writing(
    tiny_config, resolve, tmp_path
):
    with pytest.raises(CapabilityError, match="normalization"):
        run(resolve(tiny_config, "backbone=bare"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_crop_beyond_twice_the_smallest_image_is_refused_before_writing(
    tiny_config, resolve, tmp_path
):
    with pytest.raises(ConfigError, match=r"train\.crop: 4000 pixels.*64 x 64.*at most 128"):
        run(resolve(tiny_config, "train.crop=4000"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_gate_refuses_stages_that_the_backbone_lacks(tiny_config, resolve, tmp_path):
    with pytest.raises(CapabilityError, match="stage 1"):
        run(resolve(tiny_config, "gates.0.stages=[1, 4]"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


BROKEN_IMAGE = """
from cliqa import Component, hookimpl


@hookimpl
def cliqa_datasets():
    return [Component(name="broken", factory=build)]


def build(config):
    import dataclasses
    from cliqa_embedded.config import EmbeddedConfig
    from cliqa_embedded.dataset import build
    import datasets

    whole = build(EmbeddedConfig(images=48, size=64))
    rows = whole.table.cast_column("image", datasets.Image(decode=False)).to_list()
    rows[7]["image"] = {"bytes": None, "path": "/nowhere/picture.png"}
    features = whole.table.features
    return dataclasses.replace(whole, table=datasets.Dataset.from_list(rows, features=features))
"""


def test_an_unreadable_image_is_named_by_its_path_before_writing(tiny_config, resolve, tmp_path):
    (tmp_path / "broken.py").write_text(BROKEN_IMAGE)
    tiny_config["plugins"].append("./broken.py")
    tiny_config["stream"]["tasks"][1] = "broken"
    with pytest.raises(DataError, match=r"/nowhere/picture\.png"):
        run(resolve(tiny_config), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_observation_hooks_hear_of_the_run_and_cannot_break_it(tiny_config, resolve, tmp_path):
    (tmp_path / "watch.py").write_text(
        "from cliqa import hookimpl\n"
        "HEARD = []\n"
        "@hookimpl\n"
        "def cliqa_task_end(step, summary):\n"
        "    HEARD.append(step)\n"
        "    raise RuntimeError('watcher fell asleep')\n"
    )
    tiny_config["plugins"].append("./watch.py")
    notes = []

    class Listener(Observer):
        def note(self, text):
            notes.append(text)

    run(resolve(tiny_config), tmp_path / "out", observer=Listener())
    assert sum("watcher fell asleep" in note for note in notes) == 3


@pytest.fixture
def prepared_file(tiny_config, resolve, tmp_path):
    """Write weights for the run's backbone: another normalization, with a number in it."""

    def write(value=2.0, name="n.safetensors"):
        backbone = prepare(resolve(tiny_config)).backbone
        state = backbone.state_dict()
        names = normalization_tensors(backbone)
        tensors = {n: torch.full_like(state[n], value) for n in names}
        about = {"job": "j", "backbone": "tiny", "rest_sha256": rest_digest(backbone, tensors)}
        save_artefact(tmp_path / name, tensors, about)
        return str(tmp_path / name)

    return write


def test_gates_of_one_run_may_look_by_different_normalizations(
    tiny_config, resolve, tmp_path, prepared_file
):
    kmeans = {"name": "kmeans", "k": 4, "n_init": 2}
    aware = {**kmeans, "as": "aware", "normalization": prepared_file()}
    tiny_config["gates"] = [kmeans, aware, "newest"]
    run(resolve(tiny_config), tmp_path / "out")
    gates = load_bundle(tmp_path / "out").run["gates"]
    assert gates["kmeans"]["normalization"] is None
    assert gates["newest"]["normalization"] is None
    recorded = gates["aware"]["normalization"]
    assert recorded["source"] == "n.safetensors"
    assert recorded["sha256"] == digest_of(tmp_path / "n.safetensors")
    assert recorded["made"]["job"] == "j"
    weights = table(tmp_path / "out", "weights")
    plain, other = (weights["weight"][weights["gate"] == g] for g in ("kmeans", "aware"))
    assert np.abs(plain - other).max() > 1e-3


def test_the_run_id_depends_on_the_content_of_the_normalization(
    tiny_config, resolve, prepared_file
):
    ids = []
    for value in (2.0, 3.0, 2.0):
        gate = {"name": "kmeans", "k": 4, "normalization": prepared_file(value)}
        prepared = prepare(resolve(tiny_config | {"gates": [gate]}))
        ids.append(opening_record(prepared, prepared.methods[0])["run_id"])
    assert ids[0] == ids[2] != ids[1]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("gone.safetensors", "no file gone"),
        ("distortion-bn-lite0", "unknown weights `distortion-bn-lite0`. Did you mean"),
        ("distortion-bn-efficientnet-lite0", "does not fit"),
    ],
)
def test_a_normalization_that_cannot_be_used_stops_the_run_before_it_starts(
    tiny_config, resolve, tmp_path, written, message
):
    tiny_config["gates"] = [{"name": "hard", "normalization": written}]
    with pytest.raises(CliqaError, match=f"gate `hard`: normalization: .*{message}"):
        run(resolve(tiny_config), tmp_path / "out")
    assert not (tmp_path / "out").exists()
