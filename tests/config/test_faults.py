"""Every mistake is a plain sentence: where, what was expected, and what was got."""

from __future__ import annotations

import pytest

BASE = """\
backbone: net
strategy: alone
stream: {tasks: [koniq]}
"""


def with_strategy(settings: str) -> str:
    return f"backbone: net\nstream: {{tasks: [koniq]}}\nstrategy: {{name: alone, {settings}}}\n"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("seed: -1", "4:7: seed: expected an integer (at least 0 and below 2147483648), got -1"),
        (
            "seed: true",
            "4:7: seed: expected an integer (at least 0 and below 2147483648), got true",
        ),
        (
            "seed: '3'",
            "4:7: seed: expected an integer (at least 0 and below 2147483648), got the text '3'",
        ),
        ("seed: 1.5", "4:7: seed: expected an integer (at least 0 and below 2147483648), got 1.5"),
        (
            "seed: [1]",
            "4:7: seed: expected an integer (at least 0 and below 2147483648), got a list",
        ),
        ("sed: 1", "4:1: sed: unknown key. Did you mean `seed`?"),
        ("threads: 0", "4:10: threads: expected an integer (at least 1), or null, got 0"),
        (
            "threads: all",
            "4:10: threads: expected an integer (at least 1), or null, got the text 'all'",
        ),
        ("description: 3", '4:14: description: expected text, got 3; quote it: "3"'),
        ("train: 3", "4:8: train: expected a mapping, got 3"),
        ("train:", "4:7: train: expected a mapping, got null"),
        ("train: {lr: 0}", "4:13: train.lr: expected a number (above 0), got 0"),
        ("train: {lr: fast}", "4:13: train.lr: expected a number (above 0), got the text 'fast'"),
        ("train: {lr: .inf}", "4:13: train.lr: expected a finite number, got inf"),
        (
            "train: {flip: yes}",
            "4:15: train.flip: expected true or false, got the text 'yes'; yes, "
            "no, on and off are text",
        ),
        ("train: {flip: 1}", "4:15: train.flip: expected true or false, got 1"),
        (
            "train: {select: bst}",
            "4:17: train.select: expected one of best, last, got the text "
            "'bst'. Did you mean `best`?",
        ),
        ("train: {select: 3}", "4:17: train.select: expected one of best, last, got 3"),
        ("gates: []", "4:8: gates: expected a list (length at least 1), got an empty list"),
        ("gates: newest", "4:8: gates: expected a list (length at least 1), got the text 'newest'"),
        ("gates: [3]", "4:9: gates.0: expected a component's name or a mapping with `name`, got 3"),
        (
            "gates: [{k: 3}]",
            "4:9: gates.0.name: is missing (name of the component; `cliqa list KIND` prints them)",
        ),
        (
            "gates: [{name: 3}]",
            '4:16: gates.0.name: expected text (length at least 1), got 3; quote it: "3"',
        ),
        (
            "gates: ['']",
            "4:9: gates.0: expected a component's name or a mapping with `name`, got the text ''",
        ),
        ("plugins: x.py", "4:10: plugins: expected a list, got the text 'x.py'"),
        ("plugins: [3]", '4:11: plugins.0: expected text, got 3; quote it: "3"'),
    ],
)
def test_a_wrong_value_at_the_top_is_located_and_explained(load, line, fault):
    assert load.faults(f"{BASE}{line}\n") == [f"run.yaml:{fault}"]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ("wieght: 1", "3:25: strategy.wieght: unknown key. Did you mean `weight`?"),
        (
            "zzz: 1",
            "3:25: strategy.zzz: unknown key; known are weight, layers, scales, either, "
            "title, even, order, as",
        ),
        ("weight: -1", "3:33: strategy.weight: expected a number (at least 0), got -1"),
        ("weight: 13", "3:33: strategy.weight: 13 brings bad luck, got 13"),
        ("layers: [1, x]", "3:37: strategy.layers.1: expected an integer, got the text 'x'"),
        ("layers: 3", "3:33: strategy.layers: expected a list, got 3"),
        ("scales: {a: b}", "3:37: strategy.scales.a: expected a number, got the text 'b'"),
        (
            "either: some",
            "3:33: strategy.either: expected an integer, or one of all, got the text 'some'",
        ),
        ("either: true", "3:33: strategy.either: expected an integer, or one of all, got true"),
        (
            "title: ABC",
            "3:32: strategy.title: expected text (length at most 5 and matching "
            "^[a-z]*$), got the text 'ABC'",
        ),
        (
            "title: abcdefg",
            "3:32: strategy.title: expected text (length at most 5 and matching "
            "^[a-z]*$), got the text 'abcdefg'",
        ),
        ("even: 3", "3:31: strategy.even: expected an integer (a multiple of 2), got 3"),
        ("order: 3", '3:32: strategy.order: expected text, or a list, got 3; quote it: "3"'),
        ("order: [a, 3]", '3:36: strategy.order.1: expected text, got 3; quote it: "3"'),
        ("layers: [], even: 4", "3:11: strategy: even=4 needs layers"),
    ],
)
def test_a_wrong_setting_of_a_component_is_located_and_explained(load, settings, fault):
    assert load.faults(with_strategy(settings)) == [f"run.yaml:{fault}"]


def test_a_setting_inside_a_setting_is_located(load):
    text = f"{BASE}gates: [{{name: kmeans, distance: {{kind: cosin, powr: 1}}}}]\n"
    assert load.faults(text) == [
        "run.yaml:4:41: gates.0.distance.kind: expected one of cosine, euclidean, got the text "
        "'cosin'. Did you mean `cosine`?",
        "run.yaml:4:48: gates.0.distance.powr: unknown key. Did you mean `power`?",
    ]


def test_a_long_value_is_cut_short(load):
    (fault,) = load.faults(f"{BASE}seed: {'x' * 500}\n")
    assert fault.endswith("xxx...")
    assert len(fault) < 200


@pytest.mark.parametrize("missing", ["backbone", "strategy", "stream"])
def test_a_missing_key_is_named_at_the_mapping_it_belongs_to(load, missing):
    kept = [line for line in BASE.splitlines() if not line.startswith(missing)]
    (fault,) = load.faults("\n".join(kept))
    assert fault.startswith(f"run.yaml:1:1: {missing}: is missing (the ")


def test_a_missing_setting_of_a_component_is_named_where_the_component_is(load):
    text = "backbone: net\nstream: {tasks: [koniq]}\nstrategy: needy\n"
    assert load.faults(text) == ["run.yaml:3:1: strategy.size: is missing (images kept)"]


def test_a_missing_list_of_tasks_is_named_at_the_stream(load):
    text = "backbone: net\nstrategy: alone\nstream: {order: I}\n"
    assert load.faults(text) == [
        "run.yaml:3:1: stream.tasks: is missing (the datasets, one task each, in Order I)"
    ]


def test_an_unknown_component_is_named_with_its_nearest_and_its_known_names(load):
    text = BASE.replace("alone", "alon")
    first, *more = load.faults(text)
    assert first == "run.yaml:2:11: strategy: unknown strategy `alon`. Did you mean `alone`?"
    assert any("joint" in line for line in more)


def test_an_unknown_name_in_a_mapping_is_located_at_the_name(load):
    text = f"{BASE}gates:\n  - k: 3\n    name: kmean\n"
    first, *_ = load.faults(text)
    assert first == "run.yaml:6:11: gates.0: unknown gate `kmean`. Did you mean `kmeans`?"


def test_all_mistakes_are_reported_at_once_in_the_order_written(load):
    text = """\
backbone: {name: net, depht: 50}
strategy: alon
gates: [newest, {name: kmeans, k: 0}]
train: {lr: -1}
stream: {tasks: [koniq, koniq]}
"""
    faults = [line for line in load.faults(text) if line.startswith("run.yaml:")]
    assert [fault.split(": ")[0] for fault in faults] == [
        "run.yaml:1:23",
        "run.yaml:2:11",
        "run.yaml:3:35",
        "run.yaml:4:13",
        "run.yaml:5:25",
    ]


def test_settings_of_a_component_without_settings_are_refused(load):
    text = f"{BASE}gates: [{{name: newest, k: 3}}]\n"
    assert load.faults(text) == ["run.yaml:4:24: gates.0.k: unknown key; `newest` has no settings"]


def test_a_component_whose_settings_cannot_be_imported_fails_with_that_cause(load):
    (fault,) = load.faults(BASE.replace("net", "lost"))
    assert fault.startswith("run.yaml:1:11: backbone: backbone `lost` of plugin ")
    assert "No module named 'no_such_module'" in fault


def test_a_name_of_a_broken_local_plugin_fails_with_the_cause_of_its_breaking(load):
    (load.folder / "broken.py").write_text("import no_such_library\n")
    text = f"plugins: [broken.py]\n{BASE.replace('alone', 'mine')}"
    first, *more = load.faults(text)
    assert first.startswith("run.yaml:3:11: strategy: unknown strategy `mine`.")
    assert any("no_such_library" in line for line in more)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("train.pair_list_size=0", "expected an integer (at least 1), a mapping, or null, got 0"),
        ("stream.stages=[0]", "expected an integer (at least 1), got 0"),
    ],
)
def test_a_bound_inside_a_list_or_a_choice_of_types_is_told(load, minimal, override, expected):
    (line,) = load.faults(minimal, override)
    assert line.endswith(expected)
