"""How many trainings a grid needs is told before any image is looked at."""

from __future__ import annotations

import pytest

from cliqa.data import ORDERS
from cliqa.stages import planned_stages


@pytest.fixture
def six(tiny_config, resolve):
    """A run over six sets that are not on this machine."""

    def make(order="I", seed=0, strategy="tsn-iqa", **changes):
        tasks = [{"name": "live", "as": f"set-{n}", "root": f"nowhere/{n}"} for n in range(6)]
        tiny_config["stream"] = {"tasks": tasks, "order": order}
        tiny_config.update({"seed": seed, "strategy": strategy} | changes)
        return resolve(tiny_config)

    return make


def keys(configs):
    return {stage.key for config in configs for stage in planned_stages(config)}


def test_eight_orders_of_six_tasks_under_five_seeds_are_thirty_stages_of_tsn_iqa(six):
    grid = [six(order, seed) for order in ORDERS for seed in range(5)]
    assert sum(len(planned_stages(config)) for config in grid) == 240
    assert len(keys(grid)) == 30


def test_a_chain_shares_exactly_the_equal_beginnings_of_its_orders(six):
    grid = [six(order, strategy="ft") for order in ORDERS]
    prefixes = {order[:n] for order in ORDERS.values() for n in range(1, 7)}
    assert len(keys(grid)) == len(prefixes)


def test_a_stage_of_a_chain_names_the_one_before_as_its_parent(six):
    first, second, *_ = planned_stages(six(strategy="er"))
    assert (first.parent, second.parent) == (None, first.key)
    assert (first.tasks, second.step, second.exact) == (("set-0",), 2, True)


def test_methods_trained_beside_are_planned_under_their_labels(six):
    planned = planned_stages(six(compare=["jl", {"name": "sl", "as": "separate"}]))
    assert [stage.method for stage in planned] == ["tsn-iqa"] * 6 + ["jl"] + ["separate"] * 6
    assert planned[6].tasks == tuple(f"set-{n}" for n in range(6))


def test_a_method_under_another_label_is_the_same_training(six):
    renamed = six(strategy={"name": "ft", "as": "other"})
    assert keys([six(strategy="ft")]) == keys([renamed])


def test_distortions_are_named_by_an_order_of_ones_own_or_only_guessed(six):
    def stages(**stream):
        return planned_stages(six(stream={"tasks": ["live"], "per": "distortion", **stream}))

    named = stages(orders={"mine": ["blur", "noise"]}, order="mine")
    assert [stage.tasks for stage in named] == [("blur",), ("noise",)]
    assert all(stage.exact for stage in named)
    guessed = stages(order="I")
    assert not any(stage.exact for stage in guessed)
