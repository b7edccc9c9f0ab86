"""A configuration may be written as the difference to presets, recipes and files."""

from __future__ import annotations

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliqa.config.extends import merge
from cliqa.config.json_schema import build_schema
from cliqa.config.yaml_source import parse_text
from cliqa.config.yaml_writer import write_yaml

PLUGIN = """
from cliqa import Component, hookimpl


@hookimpl
def cliqa_presets():
    return [Component(name="quick", factory=f"{__name__}:quick.yaml")]


@hookimpl
def cliqa_strategies():
    return [Component(name="mine", factory=lambda config: "mine")]
"""


@pytest.fixture
def folder(load):
    """Files beside the configuration: a base, and a plugin with the preset `quick`."""
    (load.folder / "more").mkdir(exist_ok=True)
    (load.folder / "base.yaml").write_text(
        "backbone: {name: net, depth: 34}\nstrategy: alone\n"
        "stream: {tasks: [koniq, live], order: reverse}\ntrain: {epochs: 5, lr: 0.1}\n"
    )
    (load.folder / "more/plug.py").write_text(PLUGIN)
    (load.folder / "more/quick.yaml").write_text("train: {epochs: 1}\n")
    return load.folder


def test_what_is_written_wins_and_the_rest_is_inherited(load, folder):
    config = load("extends: ./base.yaml\ntrain: {epochs: 9}\nseed: 4\n")
    assert (config.run.train.epochs, config.run.train.lr, config.run.seed) == (9, 0.1, 4)
    assert config.backbone.config.depth == 34
    assert [task.label for task in config.tasks] == ["koniq", "live"]


def test_a_recipe_can_be_extended_by_its_name(load):
    config = load("extends: starter\nseed: 7\n")
    assert (config.run.seed, config.strategy.name) == (7, "alone")


def test_of_several_the_later_one_wins(load, folder):
    (folder / "second.yaml").write_text("train: {epochs: 6}\n")
    config = load("extends: [base.yaml, second.yaml]\n")
    assert (config.run.train.epochs, config.run.train.lr) == (6, 0.1)
    config = load("extends: [second.yaml, base.yaml]\n")
    assert config.run.train.epochs == 5


def test_extending_goes_on_through_files_in_other_folders(load, folder):
    (folder / "more/middle.yaml").write_text("extends: ../base.yaml\ntrain: {lr: 0.5}\n")
    config = load("extends: more/middle.yaml\n")
    assert (config.run.train.epochs, config.run.train.lr) == (5, 0.5)


def test_presets_of_a_local_plugin_are_found_and_its_path_follows(load, folder):
    (folder / "more/with_plugin.yaml").write_text("plugins: [./plug.py]\nstrategy: mine\n")
    config = load("extends: [base.yaml, more/with_plugin.yaml]\n")
    assert config.strategy.create() == "mine"
    assert config.run.plugins == ["./more/plug.py"]
    config = load("plugins: [./more/plug.py]\nextends: [base.yaml, quick]\n")
    assert config.run.train.epochs == 1


def test_a_component_of_the_same_name_keeps_its_other_settings(load, folder):
    assert load("extends: base.yaml\nbackbone: {pretrained: false}\n").backbone.config.depth == 34
    config = load("extends: base.yaml\nbackbone: {name: net, width: 2.0}\n").backbone.config
    assert (config.depth, config.width) == (34, 2.0)


def test_a_component_of_another_name_keeps_nothing(load, folder):
    config = load("extends: base.yaml\nbackbone: {name: zoo_small}\n").backbone.config
    assert config.model_dump() == {"name": "zoo_small", "pretrained": True}
    assert load("extends: base.yaml\nbackbone: net\n").backbone.config.depth == 18


def test_lists_are_replaced_as_a_whole(load, folder):
    config = load("extends: base.yaml\nstream: {tasks: [csiq]}\n")
    assert [task.label for task in config.tasks] == ["csiq"]
    assert config.run.stream.order == "reverse"


def test_overrides_come_last(load, folder):
    assert load("extends: base.yaml\ntrain: {epochs: 9}\n", "train.epochs=2").run.train.epochs == 2


def test_the_dump_is_written_out_in_full(load, folder):
    config = load("extends: base.yaml\n")
    assert "extends" not in config.dump()
    assert load(config.dump_yaml()) == config


def test_a_mistake_is_reported_where_it_was_written(load, folder):
    (folder / "bad.yaml").write_text("extends: base.yaml\ntrain:\n  epochz: 3\n")
    found = load.faults("extends: bad.yaml\nseed: true\n")
    assert [line.partition(": ")[0] for line in found] == ["run.yaml:2:7", "bad.yaml:3:3"]
    assert "Did you mean `epochs`" in found[1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("extends: starterr", "run.yaml:1:10: extends: there is no preset or recipe `starterr`."),
        ("extends: 3", "run.yaml:1:10: extends: expected the name of a preset, recipe or file"),
        ("extends: [base.yaml, 3]", "expected the name of a preset, recipe or file, or a list"),
        ("extends: ./gone.yaml", "gone.yaml: no such file"),
        ("extends: run.yaml", "a circle: run.yaml -> run.yaml"),
        ("extends: base.yaml\nextends: base.yaml", "the key is written twice"),
    ],
)
def test_what_cannot_be_extended_is_refused(load, folder, text, expected):
    (line,) = load.faults(f"{text}\n")
    assert expected in line


def test_a_near_name_is_proposed(load):
    (line,) = load.faults("extends: startr\n")
    assert "Did you mean `starter`?" in line


def test_a_circle_through_other_files_is_refused(load, folder):
    (folder / "one.yaml").write_text("extends: two.yaml\n")
    (folder / "two.yaml").write_text("extends: one.yaml\n")
    (line,) = load.faults("extends: one.yaml\n")
    assert "a circle: run.yaml -> one.yaml -> two.yaml -> one.yaml" in line


def test_editors_accept_a_configuration_that_only_extends(factory):
    schema = build_schema(factory([]))
    check = jsonschema.Draft202012Validator(schema).is_valid
    assert check({"extends": "starter"})
    assert check({"extends": ["a", "b"], "seed": 3})
    assert not check({"seed": 3})
    assert not check({"extends": [3]})


KEYS = st.sampled_from(["train", "stream", "a", "b"])
TREES = st.recursive(
    st.integers() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, TREES, min_size=1, max_size=3)


def expected_merge(base, over):
    """The rule for plain mappings, said again in the shortest way."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return base | {k: expected_merge(base[k], v) if k in base else v for k, v in over.items()}


@given(base=DOCUMENTS, over=DOCUMENTS)
def test_every_merged_value_has_the_place_where_it_was_written(base, over):
    below, above = parse_text(write_yaml(base), "base"), parse_text(write_yaml(over), "over")
    merged = merge(below, above)
    assert merged.data == expected_merge(base, over)
    assert below.data == base

    def check(node, path):
        if isinstance(node, dict):
            for key, value in node.items():
                check(value, (*path, key))
        elif path:
            source = {"base": base, "over": over}[merged.value_place(path).origin]
            for key in path:
                source = source[key]
            assert source == node

    check(merged.data, ())
