"""A stage is trained once; a run that takes it over gives what it would have given without."""

from __future__ import annotations

import json

import pytest
from safetensors.numpy import load_file

from cliqa.registry import Registry

STRATEGIES = [found.name for found in Registry.discover(third_party=False).components("strategy")]
#: What a record says of its stage where there is a store.
SHARED = {"address", "reused"}


def log_of(folder):
    """The records of a run's log, without times and without where stages came from."""
    lines = (folder / "train_log.jsonl").read_text().splitlines()
    return [
        {k: v for k, v in json.loads(line).items() if "seconds" not in k and k not in SHARED}
        for line in lines
    ]


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_run_from_a_store_gives_the_bytes_of_one_without(
    name, small, store, go, reused, killing, tmp_path
):
    """Predictions, checkpoints, metrics, record and log; nothing is trained the second time."""
    config = small(name)
    go(config, "alone")
    first = go(config, "first", store=store)
    second = go(config, "second", store=store)
    for run in ("first", "second"):
        assert killing.unlike(tmp_path / "alone", tmp_path / run) == ["train_log.jsonl"]
        assert log_of(tmp_path / "alone") == log_of(tmp_path / run)
    assert "step" in first.moments
    assert "step" not in second.moments
    assert not any(reused("first"))
    assert all(reused("second"))


@pytest.mark.parametrize("name", ["tsn-iqa", "sl"])
def test_an_independent_task_has_the_same_bits_at_the_first_and_the_third_place(
    name, small, go, tmp_path
):
    """Head and own tensors; and the shared network is what it was before."""
    go(small(name, "lbk"), "first")
    go(small(name, "kbl"), "third")
    first, third = (
        load_file(tmp_path / n / "checkpoints/model.safetensors") for n in ("first", "third")
    )
    for here, there in (("0", "2"), ("1", "1"), ("2", "0")):
        own = {n for n in first if n.startswith((f"head/{here}/", f"set/{here}/"))}
        assert len(own) > 1
        for tensor in own:
            part, _, rest = tensor.split("/", 2)
            assert first[tensor].tobytes() == third[f"{part}/{there}/{rest}"].tobytes()
    shared = [n for n in first if n.startswith(("backbone/", "initial_head/"))]
    assert all(first[n].tobytes() == third[n].tobytes() for n in shared)


@pytest.mark.parametrize("name", ["tsn-iqa", "sl"])
def test_other_orders_of_independent_tasks_train_nothing(
    name, small, store, go, reused, killing, tmp_path
):
    go(small(name, "lbk"), "one", store=store)
    seen = go(small(name, "klb"), "other", store=store)
    assert "step" not in seen.moments
    assert reused("other") == [True, True, True]
    go(small(name, "klb"), "alone")
    assert killing.unlike(tmp_path / "alone", tmp_path / "other") == ["train_log.jsonl"]
    assert log_of(tmp_path / "alone") == log_of(tmp_path / "other")
    assert len(store.addresses()) == 3


@pytest.mark.parametrize("name", ["er", "si"])
def test_two_orders_of_a_chain_share_their_beginning_and_no_more(
    name, small, store, go, reused, killing, tmp_path
):
    go(small(name, "lbk"), "one", store=store)
    go(small(name, "lkb"), "other", store=store)
    assert reused("other") == [True, False, False]
    assert len(store.addresses()) == 5
    go(small(name, "lkb"), "alone")
    assert killing.unlike(tmp_path / "alone", tmp_path / "other") == ["train_log.jsonl"]


def test_a_longer_stream_goes_on_from_the_stages_of_a_shorter_one(small, store, go, reused):
    go(small("ewc", "lb"), "short", store=store)
    go(small("ewc", "lbk"), "long", store=store)
    assert reused("long") == [True, True, False]


def test_another_gate_trains_nothing(small, store, go, reused, tmp_path):
    go(small(), "one", store=store)
    seen = go(small(gates=["uniform", "oracle"]), "other", store=store)
    assert "step" not in seen.moments
    gates = json.loads((tmp_path / "other/metrics.json").read_text())["gates"]
    assert set(gates) == {"uniform", "oracle"}


def test_a_bundle_says_what_a_stage_cost_where_it_was_trained(small, store, go, tmp_path):
    go(small("sl"), "one", store=store)
    go(small("sl"), "other", store=store)
    one, other = (json.loads((tmp_path / n / "run.json").read_text()) for n in ("one", "other"))
    assert other["cost"]["trained_images"] == one["cost"]["trained_images"] > 0
    assert other["cost"]["train_seconds"] == one["cost"]["train_seconds"] > 0
    assert other["cost"]["held_bytes"] == one["cost"]["held_bytes"]
    for before, now in zip(one["stage_seconds"], other["stage_seconds"], strict=True):
        assert now["train_seconds"] == pytest.approx(before["train_seconds"], abs=2e-3)
        assert now["address"] == before["address"]


def test_methods_trained_beside_share_too(small, store, go, reused):
    go(small("ft"), "one", store=store)
    go(small("tsn-iqa", compare=[{"name": "ft", "as": "plain"}]), "other", store=store)
    assert reused("other/compare/plain") == [True, True]


def test_only_wanted_stages_are_kept(small, store, go, reused):
    from cliqa.stages import StageStore, planned_stages

    config = small("ft")
    first, _ = planned_stages(config)
    some = StageStore(store.root, frozenset({first.key}))
    go(config, "one", store=some)
    assert reused("one") == [False, None]
    assert len(store.addresses()) == 1
