"""Tables as data, and as text that no label can break."""

import io

import pytest
from rich.console import Console

from cliqa.results import (
    ResultTable,
    Spread,
    Undefined,
    cost_table,
    final_table,
    matrix_table,
    stage_names,
    summary_table,
    to_markdown,
    to_rich,
    unseen_table,
)

METRICS = {
    "tasks": ["live", "csiq"],
    "gates": {
        "kg": {
            "mSRCC": 0.8456,
            "mPI": 0.85,
            "mSI": -0.0001,
            "mPSI": 1.0,
            "srcc": [[0.9, 0.5], [0.8, 0.7]],
            "undefined": {},
        },
        "newest": {
            "mSRCC": 0.7,
            "mPI": None,
            "mSI": None,
            "mPSI": None,
            "srcc": [[None, None], [0.8, 0.6]],
            "undefined": {
                "mPI": "step 1 missing",
                "mSI": "step 1 missing",
                "mPSI": "both",
                "srcc[0][0]": "step 1, live: not evaluated",
                "srcc[0][1]": "step 1, csiq: not evaluated",
            },
        },
    },
}


def test_a_summary_has_one_row_a_method_and_gate_with_numbers_kept_as_numbers():
    table = summary_table([("TSN-IQA", METRICS), ("LwF", METRICS)])
    assert table.header == ("method", "gate", "mSRCC", "mPI", "mSI", "mPSI")
    assert [row[:3] for row in table.rows] == [
        ("TSN-IQA", "kg", 0.8456),
        ("TSN-IQA", "newest", 0.7),
        ("LwF", "kg", 0.8456),
        ("LwF", "newest", 0.7),
    ]
    assert table.rows[1][3] == Undefined("step 1 missing")


def test_numbers_have_three_decimals_and_gaps_a_footnote_each_reason_once():
    rows, notes = summary_table([("TSN-IQA", METRICS)]).formatted()
    assert rows == [
        ["TSN-IQA", "kg", "0.846", "0.850", "0.000", "1.000"],
        ["TSN-IQA", "newest", "0.700", "–¹", "–¹", "–²"],
    ]
    assert notes == ["¹ step 1 missing", "² both"]


def test_the_matrix_has_one_row_a_step_and_one_column_a_test_set():
    table = matrix_table("TSN-IQA", METRICS, "newest")
    assert table.header == ("after task", "live", "csiq")
    assert table.rows[1] == ("csiq", 0.8, 0.6)
    assert table.rows[0][1] == Undefined("not evaluated")


def test_what_was_not_evaluated_is_a_dot_without_a_footnote():
    rows, notes = matrix_table("TSN-IQA", METRICS, "newest").formatted()
    assert rows[0][1] == "·"
    assert notes == []


def test_markdown_lines_up_and_ends_with_its_footnotes():
    assert to_markdown(summary_table([("TSN", METRICS)], columns=["mSRCC", "mPI"], title="T")) == (
        "**T**\n"
        "\n"
        "| method | gate | mSRCC | mPI |\n"
        "|---|---|---:|---:|\n"
        "| TSN | kg | 0.846 | 0.850 |\n"
        "| TSN | newest | 0.700 | –¹ |\n"
        "\n"
        "¹ step 1 missing\n"
    )


@pytest.mark.parametrize("label", ["a|b", "line\nbreak", "<script>", "[red]x[/red]", "*b* _i_ `c`"])
def test_a_label_can_neither_break_a_markdown_table_nor_style_a_terminal(label):
    table = summary_table([(label, METRICS)], columns=["mSRCC"])
    lines = to_markdown(table).splitlines()
    assert len(lines) == 6
    assert all(line.replace("\\|", "").count("|") == 4 for line in lines[2:])
    assert "<" not in to_markdown(table).replace("\\<", "")
    drawn = io.StringIO()
    Console(file=drawn, width=100, force_terminal=False).print(to_rich(table))
    assert label.split("\n")[0] in drawn.getvalue()


def test_a_metric_that_was_not_computed_says_so():
    table = summary_table([("TSN", METRICS)], columns=["C-bar"])
    assert table.rows[0][2] == Undefined("not computed")


def test_the_terminal_table_shows_footnotes_below():
    drawn = io.StringIO()
    Console(file=drawn, width=100).print(to_rich(summary_table([("TSN", METRICS)])))
    assert "¹ step 1 missing" in drawn.getvalue()


def test_a_number_over_seeds_shows_its_deviation_if_it_has_one_and_counts_are_whole():
    spreads = Spread(0.5, 0.0123, (0.49, 0.51)), Spread(-0.00001, None, (0.0,))
    lost = Spread(None, None, (None, 0.1), "undefined for 1 of 2 seeds: why")
    table = ResultTable("t", ("method", "gate", "order", "n", "mSRCC", "mPI", "mSI"),
                        (("ft", "newest", "I", 2, *spreads, lost),), names=3)  # fmt: skip
    rows, notes = table.formatted()
    assert rows == [["ft", "newest", "I", "2", "0.500 ± 0.012", "0.000", "–¹"]]
    assert notes == ["¹ undefined for 1 of 2 seeds: why"]
    assert to_markdown(table).splitlines()[3] == "|---|---|---|---:|---:|---:|---:|"


def test_rows_of_the_matrix_are_stages_named_by_what_they_learned():
    tasks = ["a", "b", "c", "d"]
    assert stage_names({"tasks": tasks}) == tasks
    assert stage_names({"tasks": tasks, "learned_at": [0, 0, 0, 1]}) == ["a and 2 more", "d"]
    entry = {"srcc": [[0.1, 0.2, 0.3, None], [0.4, 0.5, 0.6, 0.7]], "undefined": {}}
    metrics = {"tasks": tasks, "learned_at": [0, 0, 0, 1], "gates": {"newest": entry}}
    table = matrix_table("m", metrics, "newest")
    assert [row[0] for row in table.rows] == ["a and 2 more", "d"]
    assert table.rows[1][1:] == (0.4, 0.5, 0.6, 0.7)


def test_sets_that_were_only_tested_on_have_a_table_of_their_own():
    gates = {
        "kmeans": {"evaluate_only": {"x": 0.5, "y": None}, "undefined": {"evaluate_only.y": "why"}}
    }
    table = unseen_table([("m", {"gates": gates})])
    assert table.header == ("method", "gate", "x", "y")
    assert table.rows == (("m", "kmeans", 0.5, Undefined("why")),)
    assert unseen_table([("m", METRICS)]) is None


def test_the_cost_table_has_a_row_a_method():
    cost = {
        "parameters": {"per_task": [1234, 5]},
        "held_bytes": {"peak": 2_500_000, "final": 0},
        "exemplar_images": 1000,
        "trained_images": 65_000,
        "train_cpu_seconds": 61.4,
    }
    table = cost_table([("er", cost)])
    assert table.rows == (("er", "1,234", "2.5", "1,000", "65,000", "61"),)


def test_the_final_table_has_a_row_a_task_a_column_a_method_and_gate_and_the_mean():
    one = {"tasks": ["live", "csiq"], "gates": {"newest": METRICS["gates"]["newest"]}}
    table = final_table([("TSN", METRICS), ("FT", one)])
    assert table.header == ("task", "TSN kg", "TSN newest", "FT")
    assert table.rows[:2] == (("live", 0.8, 0.8, 0.8), ("csiq", 0.7, 0.6, 0.6))
    assert table.rows[2][0] == "mean"
    assert table.rows[2][1:] == pytest.approx((0.75, 0.7, 0.7))
    assert table.names == 1


def test_a_mean_in_the_final_table_needs_every_task():
    entry = {"srcc": [[0.5, None]], "undefined": {"srcc[0][1]": "all equal"}}
    table = final_table([("m", {"tasks": ["a", "b"], "gates": {"newest": entry}})])
    assert [row[1] for row in table.rows] == [0.5, Undefined("all equal"), Undefined("all equal")]
