"""`--set KEY.PATH=VALUE`: what it reaches, what it makes of it, and how it names its mistakes."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cliqa.config.overrides import apply_overrides
from cliqa.config.yaml_source import parse_text
from cliqa.errors import ConfigError

TEXT = """\
backbone: {name: net, depth: 50}
strategy: alone
gates: [newest, {name: kmeans, k: 4}]
stream:
  tasks: [koniq, {name: live, images: 90}]
train: {epochs: 2}
"""


def changed(*overrides: str, text: str = TEXT) -> dict[str, Any]:
    return apply_overrides(parse_text(text, "run.yaml"), overrides).data


def refused(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        changed(*overrides)
    return str(caught.value)


def test_a_value_is_replaced():
    assert changed("train.epochs=7")["train"] == {"epochs": 7}


def test_a_new_key_is_added_with_the_mappings_around_it():
    assert changed("stream.split.seed=3")["stream"]["split"] == {"seed": 3}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("1e-4", 1e-4),
        ("true", True),
        ("yes", "yes"),
        ("", None),
        ("[1, a]", [1, "a"]),
        ("a=b", "a=b"),
    ],
)
def test_values_follow_the_rules_of_the_file(value, read):
    assert changed(f"train.lr={value}")["train"]["lr"] == read


def test_the_last_of_several_overrides_wins():
    assert changed("train.epochs=3", "train.epochs=4")["train"]["epochs"] == 4


def test_a_number_picks_an_item_and_a_setting_turns_plain_text_into_a_mapping():
    assert changed("stream.tasks.0.images=50")["stream"]["tasks"] == [
        {"name": "koniq", "images": 50},
        {"name": "live", "images": 90},
    ]
    assert changed("gates.0.k=8")["gates"][0] == {"name": "newest", "k": 8}
    assert changed("strategy.weight=0")["strategy"] == {"name": "alone", "weight": 0}


def test_a_star_picks_every_item():
    tasks = changed("stream.tasks.*.images=50")["stream"]["tasks"]
    assert tasks == [{"name": "koniq", "images": 50}, {"name": "live", "images": 50}]


def test_a_star_as_last_key_replaces_every_item_by_a_value_of_its_own():
    document = changed("gates.*={name: kmeans}", "gates.0.k=2")
    assert document["gates"] == [{"name": "kmeans", "k": 2}, {"name": "kmeans"}]


def test_the_name_of_an_item_is_set_beside_its_settings():
    assert changed("gates.1.name=soft")["gates"][1] == {"name": "soft", "k": 4}


def test_plain_text_replaces_a_component_with_all_its_settings():
    assert changed("backbone=zoo_big")["backbone"] == "zoo_big"
    assert changed("backbone=zoo_big", "backbone.pretrained=false")["backbone"] == {
        "name": "zoo_big",
        "pretrained": False,
    }


def test_a_whole_list_is_replaced():
    assert changed("gates=[]")["gates"] == []


def test_a_setting_of_a_default_component_applies_to_that_default():
    assert changed("objective.margin=1")["objective"] == {"name": "fidelity", "margin": 1}
    text = "backbone: net\nstrategy: alone\n"
    assert changed("gates.0.k=8", text=text)["gates"] == [{"name": "newest", "k": 8}]
    assert changed("metrics.*.as=x", text=text)["metrics"][1] == {"name": "mPI", "as": "x"}


def test_the_document_that_is_overridden_does_not_change():
    document = parse_text(TEXT, "run.yaml")
    before = copy.deepcopy(document)
    apply_overrides(document, ["gates.0.k=8", "train.epochs=9"])
    assert document == before


def test_places_inside_an_overridden_value_are_the_override():
    document = apply_overrides(parse_text(TEXT, "run.yaml"), ["gates=[a, b]"])
    assert str(document.value_place(("gates", 1))) == "--set gates=[a, b]"
    assert str(document.value_place(("train", "epochs"))) == "run.yaml:6:17"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epochs", "--set train.epochs: expected KEY=VALUE"),
        ("=3", "--set =3: the key path has an empty part"),
        ("train..epochs=3", "--set train..epochs=3: the key path has an empty part"),
        ("gates.2=x", "--set gates.2=x: `gates` has items 0 to 1 (or * for all), not `2`"),
        ("gates.-1=x", "--set gates.-1=x: `gates` has items 0 to 1 (or * for all), not `-1`"),
        ("gates.k=8", "--set gates.k=8: `gates` has items 0 to 1 (or * for all), not `k`"),
        ("compare.0=x", "--set compare.0=x: `compare` has no items; set the whole list"),
        ("compare.0.k=x", "--set compare.0.k=x: `compare` has no items; set the whole list"),
        ("stream.tasks.0.name.x=1", "--set stream.tasks.0.name.x=1: `stream.tasks.0.name` is the"),
        ("train.epochs.x=1", "--set train.epochs.x=1: `train.epochs` is 2, so it has no key `x`"),
        ("train.*=1", "--set train.*=1: * stands for the items of a list; `train` is a mapping"),
        ("train.lr=[1", "--set train.lr=[1: expected ',' or ']'"),
        ("train.lr=*x", "--set train.lr=*x: anchors (&) and aliases (*) are not supported"),
        ("train={lr: 1, lr: 2}", "--set train={lr: 1, lr: 2}: lr: the key is written twice"),
    ],
)
def test_an_override_that_leads_nowhere_is_refused_by_name(override, message):
    assert refused(override).startswith(message)


def test_items_of_an_empty_list_cannot_be_set():
    assert "--set gates.*.k=8: `gates` is an empty list" in refused("gates=[]", "gates.*.k=8")


def test_all_refused_overrides_are_named_at_once():
    message = refused("a", "gates.9=x")
    assert message.startswith("overrides: 2 mistakes\n  --set a: ")
    assert "\n  --set gates.9=x: " in message


def test_a_misspelt_key_is_a_mistake_of_the_override(load, minimal):
    assert load.faults(minimal, "train.epohcs=3") == [
        "--set train.epohcs=3: train.epohcs: unknown key. Did you mean `epochs`?"
    ]


def test_a_wrong_value_is_a_mistake_of_the_override(load, minimal):
    assert load.faults(minimal, "train.batch_size=1", "gates.0.k=8") == [
        "--set train.batch_size=1: train.batch_size: expected an integer (at least 2), got 1",
        "--set gates.0.k=8: gates.0.k: unknown key; `newest` has no settings",
    ]


def test_what_a_star_did_wrong_at_many_items_is_said_once(load, minimal):
    assert load.faults(minimal, "stream.tasks.*.images=5") == [
        "--set stream.tasks.*.images=5: stream.tasks.0.images: expected an integer (at least 10 "
        "and at most 1000), got 5 (and at 1 more place)"
    ]


def test_a_mistake_of_the_file_keeps_its_line_beside_those_of_overrides(load):
    text = "backbone: net\nstrategy: alone\nsed: 1\nstream: {tasks: [koniq]}\n"
    assert load.faults(text, "train.lr=0") == [
        "run.yaml:3:1: sed: unknown key. Did you mean `seed`?",
        "--set train.lr=0: train.lr: expected a number (above 0), got 0",
    ]


EDITS = [
    (("seed",), st.integers(0, 2**31 - 1)),
    (("train", "lr"), st.floats(1e-300, 1e300)),
    (("train", "crop"), st.none() | st.integers(32, 4096)),
    (("train", "select"), st.sampled_from(["best", "last"])),
    (("description",), st.text(max_size=20)),
    (("stream", "tasks", 1, "images"), st.integers(10, 1000)),
    (("gates", 1, "distance"), st.fixed_dictionaries({"power": st.floats(-1e9, 1e9)})),
    (("strategy", "layers"), st.lists(st.integers(), max_size=4)),
    (("gates",), st.lists(st.sampled_from(["newest", "uniform"]), min_size=1, unique=True)),
]
edits = st.lists(
    st.sampled_from(EDITS).flatmap(lambda edit: st.tuples(st.just(edit[0]), edit[1])),
    max_size=4,
    unique_by=lambda edit: edit[0][0],
)
BASE: dict[str, Any] = {
    "backbone": "net",
    "strategy": {"name": "alone"},
    "stream": {"tasks": ["koniq", {"name": "live"}]},
    "train": {"epochs": 2},
    "gates": ["newest", {"name": "kmeans"}],
}


@settings(max_examples=60, deadline=None)
@given(edits)
def test_setting_a_value_equals_editing_the_file(load, edits):
    edited = copy.deepcopy(BASE)
    for path, value in edits:
        holder: Any = edited
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = value
    overrides = [f"{'.'.join(map(str, path))}={json.dumps(value)}" for path, value in edits]
    assert load(json.dumps(BASE), *overrides) == load(json.dumps(edited))
