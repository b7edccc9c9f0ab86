"""Runs summarised over seeds, against numpy."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliqa.results import Spread, over_seeds

CONFIG = {
    "seed": 0,
    "description": "",
    "strategy": {"name": "lwf", "weight": 1},
    "compare": [],
    "gates": [{"name": "kmeans", "k": 4}, {"name": "newest"}],
    "metrics": [],
    "train": {"epochs": 2},
}


class FakeBundle:
    """What the summary reads of a bundle."""

    def __init__(self, seed, value=0.5, *, undefined=None, method="lwf", gates=None, **run):
        config = CONFIG | {"seed": seed} | run.pop("config", {})
        entry = {"mSRCC": value, "undefined": undefined or {}}
        self.folder = Path(f"{method}-{seed}")
        self.metrics = {"gates": {gate: dict(entry) for gate in gates or ["kmeans"]}}
        self.run = {
            "seed": seed,
            "method": method,
            "strategy": config["strategy"],
            "multi_head": True,
            "config": config,
            "data": {"live": {"fingerprint": "f"}},
            "plugins": [{"name": "mine", "sha256": None}],
        } | run


def spreads(bundles) -> list[Spread]:
    return [group.metrics["mSRCC"] for group in over_seeds(bundles, ["mSRCC"])]


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=8))
def test_mean_and_deviation_are_those_of_numpy_with_one_degree_of_freedom(values):
    (found,) = spreads([FakeBundle(seed, value) for seed, value in enumerate(values)])
    assert found.mean == pytest.approx(np.mean(values), abs=1e-12)
    assert found.deviation == pytest.approx(np.std(values, ddof=1), abs=1e-12)
    assert found.values == tuple(values)


def test_one_seed_has_no_deviation():
    assert spreads([FakeBundle(3, 0.25)]) == [Spread(0.25, None, (0.25,))]


def test_a_group_says_its_seeds_in_order_and_its_bundles():
    bundles = [FakeBundle(5), FakeBundle(0), FakeBundle(2)]
    (group,) = over_seeds(bundles, [])
    assert (group.method, group.gate, group.seeds) == ("lwf", "kmeans", (0, 2, 5))
    assert [b.run["seed"] for b in group.bundles] == [0, 2, 5]


def test_one_undefined_value_leaves_the_mean_undefined_with_count_and_reason():
    lost = FakeBundle(1, None, undefined={"mSRCC": "all predictions are equal"})
    (found,) = spreads([FakeBundle(0, 0.5), lost, FakeBundle(2, 0.7)])
    assert (found.mean, found.deviation, found.values) == (None, None, (0.5, None, 0.7))
    assert found.reason == "undefined in 1 of 3 seeds: all predictions are equal"


def test_a_metric_that_a_run_did_not_compute_is_undefined():
    (group,) = over_seeds([FakeBundle(0)], ["mPI"])
    assert group.metrics["mPI"] == Spread(None, None, (None,), "not computed")


def test_repeats_of_one_seed_count_as_one_run():
    (group,) = over_seeds([FakeBundle(0, 0.2), FakeBundle(0, 0.4), FakeBundle(1, 0.5)], ["mSRCC"])
    assert group.seeds == (0, 1)
    assert group.metrics["mSRCC"].values == pytest.approx((0.3, 0.5))
    assert group.metrics["mSRCC"].deviation == pytest.approx(np.std([0.3, 0.5], ddof=1))


DIFFERENT = {
    "training": {"config": {"train": {"epochs": 3}}},
    "settings of the method": {"config": {"strategy": {"name": "lwf", "weight": 2}}},
    "settings of the gate": {"config": {"gates": [{"name": "kmeans", "k": 8}]}},
    "data": {"data": {"live": {"fingerprint": "g"}}},
    "a plugin's code": {"plugins": [{"name": "mine", "sha256": "0"}]},
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_runs_that_differ_in_more_than_the_seed_are_not_averaged(what):
    assert len(spreads([FakeBundle(0), FakeBundle(1, **copy.deepcopy(DIFFERENT[what]))])) == 2


ALIKE = {
    "the methods beside it": {"config": {"compare": [{"name": "ft"}]}},
    "another gate": {"config": {"gates": [{"name": "kmeans", "k": 4}, {"name": "uniform"}]}},
    "words": {"config": {"description": "other words"}},
    "metrics": {"config": {"metrics": [{"name": "mPI"}]}},
}


@pytest.mark.parametrize("what", ALIKE)
def test_runs_that_differ_in_what_does_not_touch_them_are_averaged(what):
    assert len(spreads([FakeBundle(0), FakeBundle(1, **copy.deepcopy(ALIKE[what]))])) == 1


def test_each_gate_is_a_group_of_its_own():
    groups = over_seeds([FakeBundle(s, gates=["kmeans", "newest"]) for s in (0, 1)], ["mSRCC"])
    assert [(g.gate, g.seeds) for g in groups] == [("kmeans", (0, 1)), ("newest", (0, 1))]


def test_the_method_that_was_trained_beside_others_is_one_group():
    beside = {"strategy": {"name": "ft"}, "multi_head": False, "method": "ft", "gates": ["newest"]}
    own = [{"name": "lwf", "weight": 1}, {"name": "tsn-iqa"}]
    bundles = [FakeBundle(s, config={"strategy": c}, **beside) for c in own for s in (0, 1)]
    (group,) = over_seeds(bundles, ["mSRCC"])
    assert (group.method, group.seeds, len(group.bundles)) == ("ft", (0, 1), 4)
