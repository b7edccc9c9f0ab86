"""The resolved configuration: complete, plain, and read back to its equal."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cliqa.config.yaml_writer import write_yaml
from cliqa.errors import ConfigError

labels = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", fullmatch=True)
finite = st.floats(allow_nan=False, allow_infinity=False)

gates = st.lists(
    st.fixed_dictionaries(
        {"name": st.just("kmeans"), "as": labels},
        optional={
            "k": st.integers(1, 10**20),
            "distance": st.fixed_dictionaries({}, optional={"power": finite}),
        },
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda gate: gate["as"].casefold(),
)
alone = st.fixed_dictionaries(
    {"name": st.just("alone")},
    optional={
        "weight": st.floats(0, 12),
        "layers": st.lists(st.integers(), min_size=1, max_size=3),
        "scales": st.dictionaries(st.text(max_size=5), finite, max_size=3),
        "either": st.just("all") | st.integers(),
        "order": st.text(max_size=5) | st.lists(st.text(max_size=5), max_size=3),
        "even": st.integers(-50, 50).map(lambda n: 2 * n),
    },
)
backbones = st.sampled_from(["net", "zoo_small"]) | st.fixed_dictionaries(
    {"name": st.just("net")},
    optional={"weights": st.none() | st.from_regex("[a-z]{1,5}/[a-z]{1,5}", fullmatch=True)},
)
runs = st.fixed_dictionaries(
    {
        "backbone": backbones,
        "strategy": alone,
        "gates": gates,
        "stream": st.just({"tasks": ["koniq", "live"], "evaluate_only": ["csiq"]}),
    },
    optional={
        "description": st.text(),
        "seed": st.integers(0, 2**31 - 1),
        "compare": st.just(["joint", {"name": "needy", "size": 3}]),
        "objective": st.just("regression"),
        "train": st.fixed_dictionaries(
            {}, optional={"lr": st.floats(1e-30, 10), "crop": st.none() | st.integers(32, 999)}
        ),
    },
)


@settings(max_examples=60, deadline=None)
@given(runs)
def test_what_is_dumped_is_read_back_to_its_equal(load, run):
    config = load(write_yaml(run))
    again = load(config.dump_yaml())
    assert again == config
    assert again.dump_yaml() == config.dump_yaml()


@settings(max_examples=30, deadline=None)
@given(runs)
def test_a_dump_is_plain_json(load, run):
    dump = load(write_yaml(run)).dump()
    assert json.loads(json.dumps(dump)) == dump
    assert load(json.dumps(dump)).dump() == dump


def test_a_dump_has_every_default(load, minimal):
    dump = load(minimal).dump()
    assert dump["train"]["epochs"] == 9
    assert dump["stream"]["split"] == {
        "protocol": "70/10/20",
        "by": "reference",
        "seed": None,
        "files": None,
        "allow_unlisted": 0,
    }
    assert dump["stream"]["tasks"][0] == {"name": "koniq", "images": 100, "seed": None}
    assert dump["backbone"] == {
        "name": "net",
        "depth": 18,
        "pretrained": True,
        "width": 1.0,
        "weights": None,
    }
    assert dump["objective"] == {"name": "fidelity"}
    assert dump["gates"] == [{"name": "newest"}]
    assert [metric["name"] for metric in dump["metrics"]] == ["mSRCC", "mPI", "mSI", "mPSI"]


def test_runs_that_differ_are_not_equal(load, minimal):
    assert load(minimal) != load(minimal, "strategy.weight=1")
    assert load(minimal) != load(minimal, "seed=1")
    assert load(minimal) != "starter"


def test_two_files_that_write_the_same_run_differently_are_equal(load, minimal):
    assert load(minimal) == load(minimal, "backbone={name: net, depth: 18}", "train.epochs=9")


def test_a_resolved_configuration_cannot_be_changed(load, minimal):
    config = load(minimal)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.source_name = "other"
    with pytest.raises(ValueError, match="frozen"):
        config.run.seed = 3


def test_a_dump_keeps_the_path_of_a_local_plugin_and_so_needs_the_file_beside_it(load, tmp_path):
    plugin = load.folder / "gate.py"
    plugin.write_text(
        "from cliqa import Component, hookimpl\n"
        "@hookimpl\n"
        "def cliqa_gates():\n"
        "    return [Component(name='mine', factory=str)]\n"
    )
    text = "plugins: [./gate.py]\nbackbone: net\nstrategy: alone\ngates: [mine]\n"
    config = load(f"{text}stream: {{tasks: [koniq]}}\n")
    assert config.dump()["plugins"] == ["./gate.py"]
    assert str(load.folder) not in config.dump_yaml()

    elsewhere = tmp_path / "copy.yaml"
    elsewhere.write_text(config.dump_yaml())
    with pytest.raises(ConfigError, match=r"plugins\.0: no such plugin file: .*gate\.py"):
        load.named(elsewhere)
    (tmp_path / "gate.py").write_bytes(config.plugin_files[0].read_bytes())
    assert load.named(elsewhere) == config


def test_how_a_machine_works_is_no_part_of_a_run(load, minimal):
    """What no result depends on: where images are cached, how many threads load them."""
    one, other = load(minimal), load(minimal, "train.workers=3", "cache.folder=off")
    assert one == other
    assert other.run.train.workers == 3
    assert "cache" not in other.dump()
    assert "workers" not in other.dump()["train"]
