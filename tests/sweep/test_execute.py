"""Cells run one after the other give what each would give alone, and none costs another."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager

import pytest
import torch

from cliqa.model import QualityModel
from cliqa.results import check_sums
from cliqa.run import Observer, run
from cliqa.sweep import CellState, sweep_table
from cliqa.sweep.execute import SweepObserver
from cliqa.sweep.execute import run_cells as run_in
from cliqa.sweep.in_process import InProcess

FILES = [
    "config.yaml",
    "predictions.parquet",
    "heads.parquet",
    "weights.parquet",
    "labels.parquet",
    "metrics.json",
    "checkpoints/model.safetensors",
    "checkpoints/gates.safetensors",
]


def run_cells(cells, folder, *, observer=None, **options):
    pool = InProcess(cells, folder, observer)
    return run_in(cells, folder, pool, observer=observer, **options)


def test_a_cell_is_byte_for_byte_what_a_run_of_its_own_gives(sweeps):
    plan, out = sweeps.plan("grid: {stream.order: [I, reverse], seed: [0, 1]}"), sweeps.out()
    assert run_cells(plan.cells, out) == []
    cell = plan.cells[-1]  # after others, of another order and seed
    run(cell.config, sweeps.folder / "alone")
    assert check_sums(out.cell(cell.name)) == []
    for name in FILES:
        alone = (sweeps.folder / "alone" / name).read_bytes()
        assert (out.cell(cell.name) / name).read_bytes() == alone, name


def built(sweeps) -> list[str]:
    """What the dataset `counted` was asked to build."""
    plugins = sweeps.plan("grid: {seed: [0]}").cells[0].config.registry.plugins
    (module,) = (p.module for p in plugins if p.name == "helper")
    return sys.modules[module].BUILT


def test_cells_of_the_same_datasets_build_them_once(sweeps):
    task = {"name": "counted", "as": "a", "images": 48, "size": 64}
    other = task | {"as": "b", "subset": "bid-like"}
    sweeps.config["stream"]["tasks"] = [task, other]
    sweeps.base("base.yaml", sweeps.config)
    plan = sweeps.plan("grid: {strategy: [ft, lwf], stream.order: [I, reverse]}")
    assert run_cells(plan.cells, sweeps.out()) == []
    assert built(sweeps) == ["live-like", "bid-like"]


def test_a_cell_that_fails_is_noted_and_the_others_go_on(sweeps):
    plan, out = sweeps.plan("grid: {strategy: [broken, refusing, ft]}"), sweeps.out()
    failures = run_cells(plan.cells, out)
    assert [f.message for f in failures] == [
        "ZeroDivisionError: a defect",
        "this strategy takes nobody",
    ]
    assert "helper.py" in out.failure("strategy-broken").traceback
    assert out.failure("strategy-refusing").traceback == ""
    assert list(out.states(plan).values()) == [
        CellState.FAILED,
        CellState.FAILED,
        CellState.DONE,
    ]


def test_fail_fast_stops_at_the_first_failure(sweeps):
    plan, out = sweeps.plan("grid: {strategy: [broken, ft]}"), sweeps.out()
    assert len(run_cells(plan.cells, out, fail_fast=True)) == 1
    assert out.states(plan)["strategy-ft"] is CellState.NEW


def test_a_cell_that_is_finished_at_last_forgets_its_failure(sweeps):
    plan, out = sweeps.plan("grid: {strategy: [ft]}"), sweeps.out()
    out.record_failure("strategy-ft", RuntimeError("the first time"))
    run_cells(plan.cells, out)
    assert out.failure("strategy-ft") is None
    assert out.states(plan)["strategy-ft"] is CellState.DONE


def test_threads_are_each_cells_own_and_put_back(sweeps):
    seen = []

    class Watch(SweepObserver):
        @contextmanager
        def watch(self, cell, number, count):
            class Threads(Observer):
                def methods(self, stages):
                    seen.append((cell.name, number, count, torch.get_num_threads()))

            yield Threads()

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        plan = sweeps.plan("grid: {threads: [1, null, 2]}")
        run_cells(plan.cells, sweeps.out(), observer=Watch())
        assert seen == [
            ("threads-1", 1, 3, 1),
            ("threads-null", 2, 3, 3),
            ("threads-2", 3, 3, 2),
        ]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_no_model_outlives_its_cell(sweeps):
    alive = []

    class Watch(SweepObserver):
        @contextmanager
        def watch(self, cell, number, count):
            alive.append(sum(type(o) is QualityModel for o in gc.get_objects()))
            yield Observer()

    gc.collect()
    plan = sweeps.plan("grid: {strategy: [ft, lwf, refusing, tsn-iqa]}")
    run_cells(plan.cells, sweeps.out(), observer=Watch())
    assert alive == [alive[0]] * 4


def test_the_table_has_a_row_for_what_failed_and_counts_what_is_missing(sweeps):
    text = "grid: {strategy: [ft, broken], stream.order: [I, reverse], seed: [0, 1]}"
    plan, out = sweeps.plan(text), sweeps.out()
    run_cells([c for c in plan.cells if c.name != "strategy-ft_order-I_seed-1"], out)
    table = sweep_table(plan, out, out.states(plan))
    assert table.header[:4] == ("method", "gate", "order", "n")
    assert [row[:4] for row in table.rows] == [
        ("ft", "newest", "I", "1 (1 not run)"),
        ("ft", "newest", "reverse", 2),
        ("broken", "–", "I", 0),
        ("broken", "–", "reverse", 0),
    ]
    assert table.rows[2][4].reason == "2 failed: ZeroDivisionError: a defect"
    assert table.rows[0][4].deviation is None
    assert table.rows[1][4].deviation is not None


def test_methods_trained_beside_are_one_row_over_all_cells(sweeps):
    text = "set: {compare: [ft]}\ngrid: {strategy: [lwf, tsn-iqa], seed: [0, 1]}"
    plan, out = sweeps.plan(text), sweeps.out()
    run_cells(plan.cells, out)
    rows = sweep_table(plan, out, out.states(plan)).rows
    assert [row[:3] for row in rows] == [
        ("lwf", "kmeans", 2),
        ("lwf", "newest", 2),
        ("ft", "newest", 2),
        ("tsn-iqa", "kmeans", 2),
        ("tsn-iqa", "newest", 2),
    ]


@pytest.mark.parametrize(
    ("axis", "texts"),
    [
        (
            "strategy: [{name: lwf, weight: 1}, {name: lwf, weight: 2}]",
            ["lwf+weight-1", "lwf+weight-2"],
        ),
        ("size: {small: {train.epochs: 1}, large: {train.epochs: 2}}", ["small", "large"]),
    ],
)
def test_an_axis_that_the_method_does_not_tell_has_a_column(sweeps, axis, texts):
    plan, out = sweeps.plan(f"set: {{gates: [newest]}}\ngrid: {{{axis}}}"), sweeps.out()
    run_cells(plan.cells, out)
    table = sweep_table(plan, out, out.states(plan))
    assert [row[2] for row in table.rows] == texts
