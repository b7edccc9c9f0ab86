"""Streams whose tasks are distortions, and whose stages learn several of them."""

import numpy as np
import pytest
from scipy import stats

from cliqa.errors import ConfigError, DataError
from cliqa.results import load_bundle
from cliqa.run import run


@pytest.fixture
def stream(tiny_config):
    """Two of five distortions of one set at first, then one after the other."""
    tasks = [{"name": "embedded", "as": "set", "subset": "csiq-like", "images": 200, "size": 64}]
    tiny_config["stream"] = {
        "tasks": tasks, "per": "distortion", "stages": [2, 1], "split": {"by": "image"}
    }  # fmt: skip
    return tiny_config


@pytest.fixture
def finished(stream, resolve, tmp_path):
    def go(strategy, **more):
        config = resolve(stream | {"strategy": strategy} | more)
        run(config, tmp_path / "out", force=True)
        return load_bundle(tmp_path / "out")

    return go


@pytest.mark.parametrize("strategy", ["tsn-iqa", "lwf", "er", "ft"])
def test_a_stage_learns_its_distortions_together_and_each_is_tested_alone(finished, strategy):
    bundle = finished(strategy)
    tasks, learned_at = bundle.run["tasks"], bundle.run["learned_at"]
    assert len(set(tasks)) == 5
    assert learned_at == [0, 0, 1, 2, 3]
    stages = 4
    assert [s["tasks"] for s in bundle.run["stages"]] == [tasks[:2], *([t] for t in tasks[2:])]
    heads = bundle.run["parameters"]["heads"]
    assert len(heads) == (1 if strategy == "ft" else stages)
    for entry in bundle.metrics["gates"].values():
        assert np.shape(entry["srcc"]) == np.shape(entry["stability"]) == (stages, len(tasks))
    assert bundle.metrics["learned_at"] == learned_at


def test_the_matrix_is_the_rank_correlation_on_each_distortion(finished):
    bundle = finished("tsn-iqa")
    predictions = bundle.predictions.to_pandas()
    labels = bundle.labels.to_pandas()
    S = bundle.metrics["gates"]["uniform"]["srcc"]
    for k, task in enumerate(bundle.run["tasks"]):
        own = predictions["task"] == task
        rows = predictions[own & (predictions["gate"] == "uniform") & (predictions["step"] == 2)]
        both = rows.merge(labels[labels["task"] == task], on="sample_id")
        if both["quality"].nunique() > 1:
            expected = stats.spearmanr(both["score"], both["quality"]).statistic
            assert S[1][k] == pytest.approx(expected, abs=1e-6)


def test_joint_learning_learns_all_groups_in_one_stage(finished):
    bundle = finished("jl")
    (stage,) = bundle.run["stages"]
    assert stage["tasks"] == bundle.run["tasks"]
    assert stage["step"] == max(bundle.run["learned_at"]) + 1


def test_distortions_keep_to_the_division_of_their_set(finished):
    bundle = finished("ft")
    parts = [bundle.split(task) for task in bundle.run["tasks"]]
    everything = [i for part in parts for name in ("train", "val", "test") for i in part[name]]
    assert len(everything) == len(set(everything)) <= 200
    assert bundle.run["data"][bundle.run["tasks"][0]]["images"] == sum(map(len, parts[0].values()))


def test_the_order_may_name_distortions(stream, resolve, tmp_path, finished):
    tasks = finished("ft").run["tasks"]
    stream["stream"]["order"] = tasks[::-1]
    assert finished("ft").run["tasks"] == tasks[::-1]
    stream["stream"]["order"] = [*tasks[1:], "nothing-such"]
    with pytest.raises(ConfigError, match="does not name each task once"):
        run(resolve(stream), tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_an_order_of_distortions_by_name_is_the_one_learned_and_named_in_the_result(
    stream, finished
):
    tasks = finished("ft").run["tasks"]
    stream["stream"] |= {"orders": {"mine": [*tasks[2:], *tasks[:2]]}, "order": "mine"}
    record = finished("ft").run
    assert record["tasks"] == [*tasks[2:], *tasks[:2]]
    assert record["order"] == "mine"


def test_the_middle_of_test_images_is_scored_and_the_rest_is_not_looked_at(stream, finished):
    whole = finished("ft", evaluate={"crop": 64}).predictions.to_pandas()
    again = finished("ft").predictions.to_pandas()
    middle = finished("ft", evaluate={"crop": 48}).predictions.to_pandas()
    assert (whole["score"] == again["score"]).all()  # images of 64 pixels
    assert (whole["score"] != middle["score"]).any()


def test_a_centre_crop_of_more_than_twice_the_smallest_image_is_refused(stream, resolve, tmp_path):
    with pytest.raises(ConfigError, match=r"^evaluate.crop: 129 pixels, but .* at most 128"):
        run(resolve(stream | {"evaluate": {"crop": 129}}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_distortions_of_several_sets_carry_the_name_of_their_set(stream, resolve, tmp_path):
    first = stream["stream"]["tasks"][0]
    stream["stream"]["tasks"] = [first, first | {"as": "live", "subset": "live-like"}]
    stream["strategy"] = "ft"
    run(resolve(stream), tmp_path / "out")
    tasks = load_bundle(tmp_path / "out").run["tasks"]
    assert {task.partition(".")[0] for task in tasks} == {"set", "live"}


def test_a_distortion_without_test_images_is_refused_by_name(stream, resolve, tmp_path):
    stream["stream"]["tasks"][0]["images"] = 48
    with pytest.raises(DataError, match=r"distortion `[\w-]+` has no (train|val|test) images"):
        run(resolve(stream), tmp_path / "out")
    assert not (tmp_path / "out").exists()
