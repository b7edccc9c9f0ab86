"""A grid becomes cells: their order, their configurations, and every way to get it wrong."""

from __future__ import annotations

import json

import pytest
import yaml

from cliqa.config import load_config
from cliqa.config.yaml_source import parse_text
from cliqa.sweep import plan as plan_module
from cliqa.sweep import plan_sweep


def test_the_last_axis_varies_fastest(sweeps):
    assert sweeps.names("grid: {stream.order: [I, reverse], seed: [0, 1, 2]}") == [
        "order-I_seed-0",
        "order-I_seed-1",
        "order-I_seed-2",
        "order-reverse_seed-0",
        "order-reverse_seed-1",
        "order-reverse_seed-2",
    ]


def test_a_cell_is_the_base_with_its_values_set(sweeps):
    plan = sweeps.plan(
        "set: {train.lr: 1e-2, gates.0.k: 8}\n"
        "grid:\n"
        "  strategy: [ft, {name: lwf, as: strong, weight: 20}]\n"
        "  stream.tasks.*.images: [48, 60]\n",
        "seed=5",
    )
    overrides = ["train.lr=1e-2", "gates.0.k=8", "strategy={name: lwf, as: strong, weight: 20}"]
    expected = load_config(
        sweeps.folder / "base.yaml",
        overrides=[*overrides, "stream.tasks.*.images=60", "seed=5"],
        registry_factory=sweeps.registry,
    )
    last = plan.cells[-1]
    assert last.config == expected
    assert last.name == "strategy-strong_images-60"
    assert last.points == {"strategy": "strong", "stream.tasks.*.images": "60"}
    assert last.changes == {
        "strategy": {"name": "lwf", "as": "strong", "weight": 20},
        "stream.tasks.*.images": 60,
    }


def test_named_points_change_several_keys_together(sweeps):
    plan = sweeps.plan(
        "grid:\n  size:\n    small: {train.epochs: 1, train.crop: 32}\n    base: {}\n"
        "    large: {train.epochs: 3}\n"
    )
    found = [(c.name, c.config.run.train.epochs, c.config.run.train.crop) for c in plan.cells]
    assert found == [("size-small", 1, 32), ("size-base", 1, 48), ("size-large", 3, 48)]


def test_set_on_the_command_line_wins_over_set_in_the_file(sweeps):
    plan = sweeps.plan("set: {train.epochs: 2}\ngrid: {seed: [0]}", "train.epochs=4")
    assert plan.cells[0].config.run.train.epochs == 4
    assert plan.overrides == ("train.epochs=4",)


def test_the_base_may_be_written_inside_the_grid(sweeps):
    inside = yaml.safe_dump({"base": sweeps.config, "grid": {"seed": [3]}})
    outside = sweeps.plan("grid: {seed: [3]}").cells[0].config
    assert sweeps.plan(inside).cells[0].config == outside


def test_the_base_may_be_a_recipe(sweeps):
    cell = sweeps.plan("base: quickstart\ngrid: {seed: [3]}").cells[0]
    recipe = load_config("quickstart", overrides=["seed=3"], registry_factory=sweeps.registry)
    assert cell.config == recipe
    assert cell.config.source_name == "quickstart"


def test_a_base_and_a_plugin_are_found_from_where_the_grid_lies(sweeps, monkeypatch, tmp_path):
    sweeps.base("bases/other.yaml", sweeps.config | {"plugins": ["../tiny_plugin.py"]})
    (sweeps.folder / "grids").mkdir()
    (sweeps.folder / "grids/mine.py").write_text("from cliqa import hookimpl\n")
    monkeypatch.chdir(tmp_path)
    text = "base: ../bases/other.yaml\nset: {plugins: [../tiny_plugin.py, mine.py]}\n"
    cell = sweeps.plan(f"{text}grid: {{seed: [1]}}", name="grids/g.yaml").cells[0]
    names = ["tiny_plugin.py", "grids/mine.py"]
    assert [p.resolve() for p in cell.config.plugin_files] == [sweeps.folder / n for n in names]


RECIPES = """
from cliqa import Component, hookimpl


@hookimpl
def cliqa_recipes():
    return [Component(name="three-seeds", factory=f"{__name__}:grids/three.yaml")]
"""


def test_a_shipped_recipe_may_be_a_grid_with_a_base_beside_it(sweeps):
    (sweeps.folder / "shop.py").write_text(RECIPES)
    sweeps.base(
        "grids/base.yaml", {**sweeps.config, "backbone": "efficientnet-lite0", "plugins": []}
    )
    sweeps.grid("base: base.yaml\ngrid: {seed: [0, 1, 2]}", "grids/three.yaml")
    plan = plan_sweep(
        "three-seeds",
        registry_factory=lambda files: sweeps.registry([sweeps.folder / "shop.py", *files]),
    )
    assert (plan.name, len(plan.cells)) == ("three-seeds", 3)


def test_plugins_are_loaded_once_for_all_cells(sweeps):
    sweeps.plan("grid: {seed: [0, 1, 2, 3]}")
    assert len(sweeps.discovered) == 1


def test_the_plan_keeps_the_text_of_the_grid(sweeps):
    text = "base: base.yaml\n# kept\ngrid: {seed: [0]}\n"
    assert sweeps.plan(text).text == text


AXIS = "expected a list of values, or a mapping of named points, each a mapping of keys to values"
FORM = {
    "an unknown key": (
        "sett: {}\ngrid: {seed: [1]}",
        "grid.yaml:2:1: sett: unknown key. Did you mean `set`?",
    ),
    "no base": (
        "base:\ngrid: {seed: [1]}",
        "grid.yaml:1:6: base: expected text, or a mapping, got null",
    ),
    "no axis": (
        "grid: {}",
        "grid.yaml:2:7: grid: expected a mapping (length at least 1), got an empty mapping",
    ),
    "a list of axes": (
        "grid: [seed]",
        "grid.yaml:2:7: grid: expected a mapping (length at least 1), got a list",
    ),
    "a value alone": (
        "grid: {seed: 3}",
        f"grid.yaml:2:14: grid.seed: {AXIS}; got 3; a value for all runs belongs under `set`",
    ),
    "an empty axis": (
        "grid: {seed: []}",
        f"grid.yaml:2:14: grid.seed: {AXIS}; got an empty list",
    ),
    "nested keys": (
        "grid: {train: {epochs: [1, 2]}}",
        "grid.yaml:2:15: grid.train: the point `epochs` must be a mapping of keys to "
        "values, got a list; keys are written with dots, for example `train.epochs: "
        "[1, 2]`",
    ),
    "an unknown recipe": (
        "base: quickstrt\ngrid: {seed: [1]}",
        "grid.yaml:1:7: base: unknown recipe `quickstrt`. Did you mean `quickstart`?",
    ),
    "a missing base": (
        "base: bose.yaml\ngrid: {seed: [1]}",
        "grid.yaml:1:7: base: bose.yaml: no such file. Did you mean `base.yaml`?",
    ),
    "a grid as base": (
        "base: grid.yaml\ngrid: {seed: [1]}",
        "grid.yaml:1:7: base: grid.yaml:2:1: this is a grid of runs, not one run; use "
        "`cliqa sweep`",
    ),
    "a run": (
        "base: x\nstrategy: ft",
        "grid.yaml:1:1: this is the configuration of one run, not a grid; use `cliqa "
        "run grid.yaml`, or make it the `base:` of a grid",
    ),
    "an inline base that is none": (
        "base: {strategy: ft, sead: 1}\ngrid: {seed: [1]}",
        "grid.yaml:1:22: sead: unknown key. Did you mean `seed` or `stream`?",
    ),
}


@pytest.mark.parametrize("mistake", FORM)
def test_a_mistake_in_the_form_is_told_with_its_place(sweeps, mistake):
    text, message = FORM[mistake]
    assert message in sweeps.refused(text)


CELLS = {
    "an unknown value": (
        "grid: {strategy: [ft, tsn], seed: [0, 1]}",
        "grid.yaml:2:23: strategy: unknown strategy `tsn`. Did you mean `tsn-iqa`? "
        "(2 of 4 cells: strategy-tsn_seed-0, strategy-tsn_seed-1)",
    ),
    "an unknown setting": (
        "grid:\n  strategy: [ft, {name: lwf, wieght: 2}]",
        "grid.yaml:3:30: strategy.wieght: unknown key. Did you mean `weight`? "
        "(cell strategy-lwf+wieght-2)",
    ),
    "an unknown axis": (
        "grid: {train.epohcs: [1, 2]}",
        "grid.yaml:2:8: train.epohcs: unknown key. Did you mean `epochs`?",
    ),
    "an unknown key in set": (
        "set: {sead: 1}\ngrid: {seed: [1]}",
        "grid.yaml:2:7: sead: unknown key. Did you mean `seed` or `stream`?",
    ),
    "an unknown key on the command line": (
        "grid: {seed: [1, 2]}",
        "--set train.epohcs=1: train.epohcs: unknown key. Did you mean `epochs`?",
        "train.epohcs=1",
    ),
    "a wrong type": (
        "grid: {seed: [0, x]}",
        "grid.yaml:2:18: seed: expected an integer (at least 0 and below 2147483648), got the "
        "text 'x' (cell seed-x)",
    ),
    "a key that leads nowhere": (
        "grid: {gates.7.k: [1, 2]}",
        "grid.yaml:2:8: `gates` has items 0 to 1 (or * for all), not `7`",
    ),
    "an order that does not fit": (
        "grid: {seed: [0, 1, 2, 3], stream.order: [I, IV]}",
        "grid.yaml:2:46: stream.order: Order IV is defined for six tasks, this stream has 2; use "
        "`I`, `reverse`, or a list of the tasks' names "
        "(4 of 8 cells: seed-0_order-IV, seed-1_order-IV, seed-2_order-IV, ...)",
    ),
    "the same value twice": (
        "grid: {seed: [1, 1, 2], strategy: [ft, lwf]}",
        "grid.yaml:2:18: grid.seed: `1` gives the same run as `1` (at grid.yaml:2:15); leave one "
        "of the two out (2 of 6 cells: seed-1_strategy-ft, seed-1_strategy-lwf)",
    ),
    "one value written in two ways": (
        "grid: {strategy: [ft, {name: ft}, {name: lwf}]}",
        "grid.yaml:2:23: grid.strategy: `ft` gives the same run as `ft`",
    ),
    "two axes of one key": (
        "grid: {a: {x: {train.lr: 1}, y: {}}, b: {x: {train.lr: 2}, y: {}}}",
        "grid.yaml:2:46: grid.b: the axis overwrites what the axis `a` says of `train.lr`; put "
        "one of the two away",
    ),
    "names that differ in case only": (
        "grid: {a: {S: {seed: 1}, s: {seed: 2}}}",
        "grid.yaml:2:29: grid.a: `s` and `S` (at grid.yaml:2:15) would name the same folder; give "
        "one of them a name: a component its own `as`, other values a mapping of named points "
        "(cell a-s)",
    ),
    "labels that two points share": (
        "grid: {strategy: [{name: ft, as: x}, {name: lwf, as: x}]}",
        "grid.yaml:2:38: grid.strategy: `x` and `x` (at grid.yaml:2:19) would name the same",
    ),
    "an axis that wipes out set": (
        "set: {strategy.weight: 3}\ngrid: {strategy: [lwf]}",
        "grid.yaml:3:8: grid.strategy: the axis overwrites what `set` says of `strategy.weight`; "
        "put one of the two away",
    ),
    "an axis that wipes out another": (
        "grid: {train.lr: [1, 2], stream.tasks.0.images: [48, 50], stream.tasks.*.images: [50]}",
        "grid.yaml:2:59: grid.stream.tasks.*.images: the axis overwrites what the "
        "axis `stream.tasks.0.images` says of `stream.tasks.0.images`",
    ),
    "an axis set on the command line": (
        "grid: {seed: [1, 2]}",
        "--set seed=3: `seed` is an axis of the grid, so it cannot have one value in all cells",
        "seed=3",
    ),
    "a malformed override": (
        "grid: {seed: [1, 2]}",
        "--set seed: expected KEY=VALUE, for example train.epochs=3",
        "seed",
    ),
    "a missing plugin": (
        "set: {plugins: [./none.py]}\ngrid: {seed: [1, 2]}",
        "grid.yaml:2:17: plugins.0: no such plugin file: none.py",
    ),
}


@pytest.mark.parametrize("mistake", CELLS)
def test_a_mistake_in_cells_is_told_once_with_its_place_and_its_cells(sweeps, mistake):
    text, message, *overrides = CELLS[mistake]
    told = sweeps.refused(text, *overrides)
    assert told.count(message) == 1, told


def test_all_mistakes_of_all_cells_are_told_at_once(sweeps):
    told = sweeps.refused("grid: {strategy: [tsn, lfw], seed: [-1, 0], train.lr: [0]}")
    assert told.startswith("grid.yaml: 4 mistakes\n")
    for words in ("strategy `tsn`", "strategy `lfw`", "seed: expected", "train.lr: expected"):
        assert told.count(words) == 1


def test_a_mistake_in_the_base_is_told_once_without_cells(sweeps):
    sweeps.base("base.yaml", sweeps.config | {"sead": 1})
    told = sweeps.refused("grid: {seed: [0, 1, 2]}")
    assert told == "base.yaml:29:1: sead: unknown key. Did you mean `seed` or `stream`?"


def test_a_slip_of_the_pen_is_no_week_of_computing(sweeps):
    seeds = list(range(101))
    told = sweeps.refused(f"grid: {{seed: {seeds}, train.lr: {[n + 1 for n in range(100)]}}}")
    assert told.startswith(
        "grid.yaml:2:1: grid: 10,100 runs (seed 101 x train.lr 100); a sweep has"
    )


def test_the_largest_grid_is_allowed(sweeps, monkeypatch):
    monkeypatch.setattr(plan_module, "LARGEST", 4)
    assert len(sweeps.names("grid: {seed: [0, 1], train.lr: [1, 2]}")) == 4


def test_one_run_says_that_a_grid_is_for_sweep(sweeps):
    path = sweeps.grid("grid: {seed: [1]}")
    with pytest.raises(Exception, match=r"grid\.yaml:2:1: this is a grid.* use `cliqa sweep`"):
        load_config(path, registry_factory=sweeps.registry)


def test_what_the_plan_says_of_a_cell_can_be_written_as_json(sweeps):
    plan = sweeps.plan("grid: {strategy: [{name: lwf, weight: 1}], seed: [0]}")
    cell = plan.cells[0]
    assert (
        json.loads(json.dumps(cell.changes))
        == parse_text("{strategy: {name: lwf, weight: 1}, seed: 0}", "x").data
    )
