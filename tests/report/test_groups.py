"""Which runs stand in one table, and which are averaged."""

import statistics

import numpy as np
import pytest

from cliqa.report import Value


def test_seeds_are_averaged_with_the_standard_deviation_of_n_minus_one(make_run, groups_of):
    folders = [make_run(f"s{seed}", seed=seed) for seed in range(3)]
    (group,) = groups_of(*folders)
    row = next(r for r in group.rows if r.gate == "kmeans")
    values = [run.bundle.metrics["gates"]["kmeans"]["mSRCC"] for run in row.runs]
    value = row.value("mSRCC")
    assert value.n == 3
    assert value.mean == pytest.approx(statistics.mean(values))
    assert value.std == pytest.approx(statistics.stdev(values))


def test_a_metric_that_one_seed_lacks_has_no_mean_and_says_why():
    value = Value.of([0.5, None, 0.7], "all 9 predictions are equal")
    assert np.isnan(value.mean)
    assert value.reason == "undefined in 1 of 3 runs: all 9 predictions are equal"


@pytest.mark.parametrize(
    "other",
    [
        {"fingerprint": "other"},
        {"tasks": ("live", "csiq")},
        {"split_seed": 7},
        {"seed": 0, "split_mark": "changed", "method": "sl"},
    ],
    ids=["data", "tasks", "split rule", "split content"],
)
def test_runs_on_other_images_or_other_divisions_get_a_section_of_their_own(
    make_run, groups_of, other
):
    groups = groups_of(make_run("a"), make_run("b", **{"seed": 1, **other}))
    assert [len(g.runs) for g in groups] == [1, 1]


def test_methods_with_other_settings_are_never_averaged_and_named_by_what_differs(
    make_run, groups_of
):
    a = make_run("a", train={"epochs": 2, "lr": 0.1})
    b = make_run("b", train={"epochs": 5, "lr": 0.1}, seed=1)
    (group,) = groups_of(a, b)
    assert {r.method for r in group.rows} == {
        "tsn-iqa (train.epochs=2)",
        "tsn-iqa (train.epochs=5)",
    }
    assert all(len(r.runs) == 1 for r in group.rows)


def test_orders_are_rows_of_their_own(make_run, groups_of):
    a, b = make_run("a"), make_run("b", tasks=("bid", "csiq", "live"), order="V", seed=1)
    (group,) = groups_of(b, a)
    assert group.orders == ("I", "V")
    assert all(len(r.runs) == 1 for r in group.rows)
    assert {r.order for r in group.main_rows} == {"I"}


def test_a_custom_order_is_named_by_its_tasks(make_run, groups_of):
    (group,) = groups_of(make_run("a", tasks=("bid", "csiq", "live"), order="custom"))
    assert group.orders == ("bid → csiq → live",)


def test_a_repeated_seed_is_no_further_sample(make_run, groups_of):
    a = make_run("a", created="2026-01-01")
    b = make_run("b", created="2026-02-01")
    (group,) = groups_of(a, b)
    assert [str(r.bundle.folder) for r in group.runs] == [str(b)]
    assert all(len(row.runs) == 1 for row in group.rows)
    assert f"{a} repeats {b}" in group.notes[0]
    assert "the same result" in group.notes[0]


def test_rows_told_the_task_come_last_and_joint_learning_before_them(make_run, groups_of):
    (group,) = groups_of(make_run("a"), make_run("b", method="jl", joint=True))
    assert [row.rank for row in group.rows] == [0, 0, 1, 2]
    usable = [row.value("mPSI").mean for row in group.rows if row.rank == 0]
    assert usable == sorted(usable, reverse=True)
