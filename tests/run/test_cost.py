"""What a method costs is measured from what it holds, not from what it says."""

import json

import numpy as np
import pytest
import torch

from cliqa.run import run
from cliqa.run.cost import held_bytes


class Holder:
    """Stands in for a strategy."""

    def __init__(self, **held):
        self.__dict__.update(held)


def test_every_storage_counts_once_wherever_it_is_kept(tiny_model, make_task):
    model = tiny_model()
    whole = torch.zeros(100)
    holder = Holder(
        nested={"a": [whole, whole[:10]]},
        array=np.zeros(7, dtype=np.float64),
        module=torch.nn.Linear(3, 2),
        task=make_task(),
        itself=None,
    )
    holder.itself = holder
    assert held_bytes(holder, model) == 4 * 100 + 8 * 7 + 4 * (6 + 2)


def test_what_belongs_to_the_model_is_not_held_by_the_method(tiny_model):
    model = tiny_model()
    model.add_head(["toy"])
    model.keep_for(0, ["layer1.weight"])
    holder = Holder(model=model, one=model.backbone.conv1.weight, sets=model.parameter_sets)
    assert held_bytes(holder, model) == 0


def test_a_copied_model_counts_in_full_with_the_sets_of_its_heads(tiny_model):
    model = tiny_model()
    model.add_head(["toy"])
    model.keep_for(0, ["layer1.weight"])
    tensors = [*model.state_dict().values(), model.parameter_sets[0]["layer1.weight"]]
    expected = sum(t.numel() * t.element_size() for t in tensors)
    assert held_bytes(Holder(teacher=model.teacher()), model) == expected


@pytest.fixture
def cost_of(tiny_config, resolve, tmp_path):
    def measure(strategy):
        tiny_config["strategy"] = strategy
        run(resolve(tiny_config), tmp_path / "out", force=True)
        return json.loads((tmp_path / "out/run.json").read_text())["cost"]

    return measure


#: Of the tiny network: two convolutions with bias, two normalizations with statistics.
CONVOLUTIONS = 8 * 3 * 9 + 8 + 16 * 8 * 9 + 16
AFFINE, STATISTICS, HEAD = 2 * (8 + 16), 2 * (8 + 16), 16


def test_task_specific_normalization_costs_its_norms_and_head_a_task(cost_of):
    cost = cost_of("tsn-iqa")
    assert cost["parameters"]["backbone"] == CONVOLUTIONS + AFFINE
    assert cost["parameters"]["per_task"] == [AFFINE + STATISTICS + HEAD] * 3
    # The pre-trained values, and the counters of batches of two layers.
    assert cost["held_bytes"]["final"] == 4 * (AFFINE + STATISTICS) + 8 * 2


def test_passes_per_image_follow_from_networks_and_gate(cost_of):
    specific = {g: e["forwards_per_image"] for g, e in cost_of("tsn-iqa")["gates"].items()}
    assert specific == {"kmeans": 3 + 1, "newest": 1, "uniform": 3, "oracle": 1}
    shared = {g: e["forwards_per_image"] for g, e in cost_of("lwf")["gates"].items()}
    assert shared == {"kmeans": 1 + 1, "newest": 1, "uniform": 1, "oracle": 1}


def test_lwf_holds_an_old_network_while_it_learns_and_none_afterwards(cost_of):
    held = cost_of("lwf")["held_bytes"]
    heads = 3 + 1  # two old ones, the new one, the one that all start from
    counters = 2 * 8
    assert held["peak"] == 4 * (CONVOLUTIONS + AFFINE + STATISTICS + heads * HEAD) + counters
    assert held["final"] == 0


def test_quadratic_penalties_hold_an_importance_and_an_anchor_a_parameter(cost_of):
    learnable = CONVOLUTIONS + AFFINE
    assert cost_of("mas")["held_bytes"]["final"] == 4 * 2 * learnable
    # The path integral needs the path, the values before the step, and those before the task.
    assert cost_of("si")["held_bytes"]["final"] == 4 * 5 * learnable


def test_replay_counts_its_images_and_trains_on_them_too(cost_of):
    plain, replay = cost_of({"name": "ft", "heads": "multi"}), cost_of({"name": "er", "memory": 20})
    assert (plain["exemplar_images"], replay["exemplar_images"]) == (0, 18)
    assert replay["trained_images"] > plain["trained_images"]


def test_images_trained_on_are_those_of_stage_2_and_time_was_taken(cost_of, tmp_path):
    cost = cost_of("ft")
    splits = [json.loads(p.read_text()) for p in (tmp_path / "out/splits").iterdir()]
    assert cost["trained_images"] == 2 * sum(len(split["train"]) for split in splits)
    assert cost["train_seconds"] > 0
    assert cost["train_cpu_seconds"] > 0


def test_operations_are_those_of_the_passes_counted_by_hand(cost_of):
    cost = cost_of("tsn-iqa")
    first, second = 112 * 112, 56 * 56  # positions after each convolution of stride 2
    network = first * (8 * 3 * 9 + 8) + second * (16 * 8 * 9 + 16)
    assert cost["macs_per_image"] == {"network, 224 x 224": network}
    macs = {gate: entry["macs_per_image"] for gate, entry in cost["gates"].items()}
    assert macs["newest"] == macs["oracle"] == network
    assert macs["uniform"] == 3 * network
    assert macs["kmeans"] == 3 * network + network  # its stages 3 and 4 are the whole network


def test_bytes_of_a_task_are_those_of_its_numbers(cost_of):
    cost = cost_of("tsn-iqa")
    assert cost["bytes_per_task"] == [4 * count for count in cost["parameters"]["per_task"]]


def test_a_gate_needs_a_second_network_only_beside_one_that_drifts(cost_of):
    beside = {
        name: cost_of(name)["gates"]["kmeans"]["network_values"]
        for name in ("tsn-iqa", "shared-norm", "lwf")
    }
    assert beside == {
        "tsn-iqa": 0,
        "shared-norm": AFFINE + STATISTICS,
        "lwf": CONVOLUTIONS + AFFINE + STATISTICS,
    }
