"""Drawings that compare rows."""

import re

import pytest

from cliqa.report.svg_compare import Point, forest, heat_matrix, scatter

EVIL = "<script>alert(1)</script>"


def test_a_scatter_has_a_mark_for_each_point_that_has_both_values():
    points = [Point("a", "1", 0.2, 0.4), Point("b", "2", 0.8, 0.9), Point("c", "3", 0.5)]
    drawn = scatter("s", points, "x", "y")
    assert drawn.count("<circle") == 2
    assert "<title>c</title>" not in drawn


def test_a_scatter_goes_right_and_up_with_its_values():
    drawn = scatter("s", [Point("a", "1", 0.2, 0.4), Point("b", "2", 0.8, 0.9)], "x", "y")
    (x1, y1), (x2, y2) = re.findall(r'<circle[^>]* cx="([\d.]+)" cy="([\d.]+)"', drawn)
    assert float(x1) < float(x2)
    assert float(y1) > float(y2)


@pytest.mark.parametrize("points", [[], [Point("a", "1", 0.5, 0.5)] * 30])
def test_a_scatter_of_none_or_of_equal_points_is_drawn(points):
    assert scatter("s", points, "x", "y").count("<circle") == len(points)


def test_a_forest_has_an_interval_only_where_there_is_one():
    drawn = forest("f", [Point("a", x=0.1, low=-0.1, high=0.3), Point("b", x=0.2)], "d")
    assert drawn.count('<line class="line') == 1
    assert drawn.count("<circle") == 2
    assert drawn.count('class="cut"') == 1


def test_a_matrix_leaves_out_what_has_no_value():
    drawn = heat_matrix("m", ["a", "b"], ["a", "b"], [[0.5, None], [float("nan"), -0.25]])
    assert re.findall(r">(-?\d\.\d{3})<", drawn) == ["0.500", "-0.250"]


def test_names_are_escaped():
    for drawn in (
        scatter(EVIL, [Point(EVIL, EVIL, 0.1, 0.2)], EVIL, EVIL),
        forest(EVIL, [Point(EVIL, x=0.1)], EVIL),
        heat_matrix(EVIL, [EVIL], [EVIL], [[0.5]]),
    ):
        assert "<script" not in drawn
