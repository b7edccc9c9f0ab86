"""From a name or a file to a run that can start: sources, plugins, labels, families, defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cliqa.config import load_config
from cliqa.errors import ConfigError
from cliqa.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

BASE = "backbone: net\nstrategy: alone\n"
TASKS = "stream: {tasks: [koniq, live, csiq]}\n"

PLUGIN = """
from cliqa import Component, hookimpl


@hookimpl
def cliqa_strategies():
    return [Component(name="mine", factory=lambda config: "mine", config=None)]
"""


def labels(components) -> list[str]:
    return [component.label for component in components]


def test_every_role_is_looked_up_and_its_settings_are_those_of_its_own_model(load):
    config = load(
        "backbone: {name: net, depth: 50}\nstrategy: alone\nobjective: regression\n"
        "compare: [joint, {name: needy, size: 9}]\ngates: [{name: kmeans, k: 3}, newest]\n"
        "stream: {tasks: [koniq, {name: live, images: 20}], evaluate_only: [csiq]}\n"
    )
    assert (config.backbone.kind, config.backbone.name) == ("backbone", "net")
    assert config.backbone.config.depth == 50
    assert config.objective.config is None
    assert labels(config.compare) == ["joint", "needy"]
    assert config.compare[1].config.size == 9
    assert config.gates[0].config.distance.kind == "cosine"
    assert config.tasks[1].config.images == 20
    assert labels(config.evaluate_only) == ["csiq"]
    assert config.run.train.epochs == 9
    assert config.source_name == "run"


def test_a_component_is_created_from_its_settings(load, minimal):
    backbone = load(minimal).backbone
    assert backbone.create() == ("made", backbone.config)


def test_roles_that_are_not_written_have_their_defaults(load, minimal):
    config = load(minimal)
    assert config.objective.name == "fidelity"
    assert labels(config.gates) == ["newest"]
    assert labels(config.metrics) == ["mSRCC", "mPI", "mSI", "mPSI"]
    assert config.compare == config.evaluate_only == ()


def test_a_member_of_a_family_gives_its_name_to_the_settings(load, minimal):
    config = load(minimal, "backbone=zoo_big", "backbone.pretrained=false")
    assert config.backbone.config.name == "zoo_big"
    assert config.backbone.label == "zoo_big"
    assert config.backbone.dump() == {"name": "zoo_big", "pretrained": False}


def test_a_recipe_is_found_by_its_name(load):
    config = load.named("starter")
    assert config.source_name == "starter"
    assert labels(config.tasks) == ["koniq", "live"]


def test_a_recipe_takes_overrides(load):
    assert load.named("starter", ["train.epochs=2"]).run.train.epochs == 2


def test_an_unknown_recipe_is_refused_with_near_recipes_and_near_files(load, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "start.yaml").write_text(BASE)
    with pytest.raises(ConfigError) as caught:
        load.named("startr")
    text = str(caught.value)
    assert text.startswith("unknown recipe `startr`. Did you mean `starter`?")
    assert "given by its path, for example ./startr.yaml. Did you mean `start.yaml`?" in text


def test_a_missing_file_is_refused_by_its_path(load):
    with pytest.raises(ConfigError, match=r"^no/such\.yaml: no such file\."):
        load.named("no/such.yaml")


def test_a_file_of_another_kind_is_refused(load, tmp_path):
    (tmp_path / "run.toml").write_text("")
    with pytest.raises(
        ConfigError, match=r"run\.toml: expected a file that ends in \.yaml or \.yml"
    ):
        load.named(tmp_path / "run.toml")


def test_a_folder_in_place_of_a_file_is_refused(load, tmp_path):
    with pytest.raises(ConfigError, match="is a folder"):
        load.named(f"{tmp_path}/")


def test_a_folder_of_the_name_of_a_recipe_does_not_hide_it(load, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "starter").mkdir()
    assert load.named("starter").source_name == "starter"


def test_a_local_plugin_is_found_beside_the_file_that_names_it(load, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (load.folder / "mine.py").write_text(PLUGIN)
    config = load(f"plugins: [./mine.py]\nbackbone: net\nstrategy: mine\n{TASKS}")
    assert config.strategy.create() == "mine"
    assert config.plugin_files == ((load.folder / "mine.py").resolve(),)
    assert config.run.plugins == ["./mine.py"]


def test_a_local_plugin_of_an_override_is_found_in_the_current_folder(load, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mine.py").write_text(PLUGIN)
    (tmp_path / "run.yaml").write_text(BASE + TASKS)
    monkeypatch.chdir(tmp_path / "here")
    config = load.named("../run.yaml", ["plugins=[mine.py]", "strategy=mine"])
    assert config.strategy.create() == "mine"
    assert config.run.plugins == ["./here/mine.py"]  # as the file itself would have written it


def test_a_recipe_takes_local_plugins_from_the_current_folder(load, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(PLUGIN)
    monkeypatch.chdir(tmp_path)
    config = load.named("starter", ["plugins=[./mine.py]", "strategy=mine"])
    assert config.strategy.create() == "mine"
    assert config.run.plugins == ["./mine.py"]


def test_a_missing_local_plugin_is_named_instead_of_the_names_it_would_have_offered(load):
    text = f"plugins:\n  - absent.py\n  - notes.txt\nbackbone: net\nstrategy: mine\n{TASKS}"
    first, second = load.faults(text)
    assert first.startswith("run.yaml:2:5: plugins.0: no such plugin file: ")
    assert second == "run.yaml:3:5: plugins.1: expected a .py file, got the text 'notes.txt'"


def test_without_local_plugins_the_registry_is_built_once(house, tmp_path):
    built: list[list[Path]] = []

    def factory(files):
        built.append(files)
        return Registry.discover(local_files=[house, *files])

    load_config("starter", registry_factory=factory)
    assert built == [[]]


def test_a_label_replaces_the_name_in_tables_and_files(load):
    text = BASE + TASKS + "gates: [{name: kmeans, k: 2, as: two}, {name: kmeans, as: all.8_k-x}]\n"
    config = load(text)
    assert labels(config.gates) == ["two", "all.8_k-x"]
    assert [gate.name for gate in config.gates] == ["kmeans", "kmeans"]
    assert config.gates[0].dump()["as"] == "two"


def test_a_setting_called_label_is_a_setting_and_no_label(load):
    gate = load(f"{BASE}{TASKS}gates: [{{name: kmeans, label: soft}}]\n").gates[0]
    assert (gate.label, gate.config.label) == ("kmeans", "soft")
    both = load(f"{BASE}{TASKS}gates: [{{name: kmeans, label: soft, as: two}}]\n").gates[0]
    assert both.dump()["label"] == "soft"
    assert both.label == "two"


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (
            "gates: [kmeans, {name: kmeans, k: 2}]\n" + TASKS,
            "3:24: gates.1: the label `kmeans` is taken by `gates.0`",
        ),
        (
            "stream: {tasks: [koniq, live, koniq]}\n",
            "3:31: stream.tasks.2: the label `koniq` is taken by `stream.tasks.0`",
        ),
        (
            "stream: {tasks: [koniq, live], evaluate_only: [live]}\n",
            "3:48: stream.evaluate_only.0: the label `live` is taken by `stream.tasks.1`",
        ),
        (
            "compare: [alone]\n" + TASKS,
            "3:11: compare.0: the label `alone` is taken by `strategy`",
        ),
        (
            "metrics: [mPI, mPI]\n" + TASKS,
            "3:16: metrics.1: the label `mPI` is taken by `metrics.0`",
        ),
        (
            "gates: [{name: newest, as: A}, {name: uniform, as: a}]\n" + TASKS,
            "3:39: gates.1: the label `a` is taken by `gates.0`",
        ),
    ],
)
def test_equal_labels_are_refused_with_advice(load, lines, fault):
    advice = "; give one of the two its own with `as:`"
    assert load.faults(BASE + lines) == [f"run.yaml:{fault}{advice}"]


def test_a_gate_and_a_task_may_share_a_label(load):
    config = load(f"{BASE}gates: [{{name: newest, as: koniq}}]\n{TASKS}")
    assert labels(config.gates) == ["koniq"]


@pytest.mark.parametrize("label", [".hidden", "a/b", "a b", "", "é", "x" * 65])
def test_a_label_that_is_no_safe_file_name_is_refused(load, label):
    text = f"{BASE}{TASKS}gates:\n  - name: newest\n    as: '{label}'\n"
    assert load.faults(text) == [
        f"run.yaml:6:9: gates.0: the label `{label}` names files, so it must be 1 to 64 of "
        "A-Z a-z 0-9 . _ - and not start with ."
    ]


def test_a_name_that_is_no_safe_file_name_needs_a_label(load):
    (fault,) = load.faults(BASE + "stream: {tasks: [owner/set]}\n")
    assert fault.startswith("run.yaml:3:18: stream.tasks.0: the label `owner/set` names files")
    assert fault.endswith("write the component as a mapping and give it a label with `as:`")
    config = load(BASE + "stream: {tasks: [{name: owner/set, as: set}]}\n")
    assert labels(config.tasks) == ["set"]


def test_a_label_must_be_text(load):
    (fault,) = load.faults(f"{BASE}{TASKS}gates: [{{name: newest, as: 3}}]\n")
    assert fault == 'run.yaml:4:28: gates.0.as: expected text, or null, got 3; quote it: "3"'


def test_an_order_names_tasks_by_their_labels(load):
    text = BASE + "stream: {order: [b, koniq], tasks: [koniq, {name: live, as: b}]}\n"
    assert load(text).run.stream.order == ["b", "koniq"]


@pytest.mark.parametrize("order", ["II", "[koniq, live]", "[koniq, live, csiq, csiq]", "revers"])
def test_an_order_that_does_not_fit_the_tasks_is_refused_where_it_is_written(load, order):
    text = f"{BASE}stream:\n  order: {order}\n  tasks: [koniq, live, csiq]\n"
    first, *_ = load.faults(text)
    assert first.startswith("run.yaml:4:10: stream.order: ")


def test_a_split_that_does_not_sum_to_100_is_refused_where_it_is_written(load):
    text = f"{BASE}stream:\n  split: {{protocol: 70/10/10}}\n  tasks: [koniq]\n"
    assert load.faults(text) == [
        "run.yaml:4:21: stream.split.protocol: the three parts must be positive and sum to 100, "
        "not 90, got the text '70/10/10'"
    ]


def test_a_defect_in_the_settings_model_of_a_plugin_is_blamed_on_the_plugin(load, tmp_path):
    (load.folder / "odd.py").write_text(
        "from pydantic import field_validator\n"
        "from cliqa import Component, hookimpl\n"
        "from cliqa.config import ComponentConfig\n"
        "class Odd(ComponentConfig):\n"
        "    size: int = 3\n"
        "    @field_validator('size')\n"
        "    @classmethod\n"
        "    def check(cls, value):\n"
        "        return {}['no such key']\n"
        "@hookimpl\n"
        "def cliqa_strategies():\n"
        "    return [Component(name='odd', factory=str, config=Odd)]\n"
    )
    text = f"plugins: [odd.py]\nbackbone: net\nstrategy: {{name: odd, size: 1}}\n{TASKS}"
    (fault,) = load.faults(text)
    assert fault.startswith("run.yaml:3:11: strategy: strategy `odd` of plugin ")
    assert "its settings model failed: KeyError: 'no such key' (" in fault
    assert fault.endswith("odd.py:9)")


ORDERS = "  orders: {mine: [csiq, koniq, live], short: [live]}\n"
STREAM = "stream:\n  tasks: [koniq, live, csiq]\n"


def test_an_order_of_ones_own_is_chosen_like_any_other(load):
    config = load(BASE + STREAM + ORDERS, "stream.order=mine")
    assert config.run.stream.order == "mine"
    assert config.run.stream.orders["mine"] == ["csiq", "koniq", "live"]
    assert load(config.dump_yaml()) == config


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        (["stream.order=short"], ":5:46: stream.orders.short: .*does not name each task once"),
        (["stream.order=mime"], "stream.order: no order `mime`. Did you mean mine"),
        (["stream.order=mime", "stream.per=distortion"], "stream.order: no order `mime`"),
        (["stream.orders.reverse=[a]"], "stream.orders: `reverse` is an order of cliqa's own"),
    ],
)
def test_a_fault_of_an_order_is_told_where_it_is_written(load, changes, place):
    with pytest.raises(ConfigError, match=place):
        load(BASE + STREAM + ORDERS, *changes)
