"""Names of cells: readable, safe in any file system, unique, and the same when the grid grows."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cliqa.sweep.names import cell_name, short_keys, value_text

SAFE = r"[A-Za-z0-9._+-]*[A-Za-z0-9_+-]"
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=50)
    | st.sampled_from(["1", "true", "null", "1e-3", "tsn-iqa", "a b", "a/b", "..", "~", "é", "-"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "k", "weight"]), inner, max_size=3)
    ),
    max_leaves=4,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("II", "II"),
        (0, "0"),
        (1e-4, "0.0001"),
        (True, "true"),
        (None, "null"),
        ({"name": "lwf"}, "lwf"),
        ({"name": "lwf", "as": "lwf-strong", "weight": 20}, "lwf-strong"),
        ({"name": "kmeans", "k": 64, "hard": False}, "kmeans+k-64+hard-false"),
        (["live", "csiq"], "live+csiq"),
        ("resnet18.a1_in1k", "resnet18.a1_in1k"),
    ],
)
def test_a_value_that_can_be_read_is_its_own_text(value, text):
    assert value_text(value) == text


@pytest.mark.parametrize(
    "value", ["1", "true", "a b", "x/y.pt", "..", "", "é", "a" * 41, [], ["a"], {"k": 3}]
)
def test_a_text_that_does_not_tell_the_whole_value_ends_with_a_hash(value):
    assert re.fullmatch(r"([A-Za-z0-9._+-]+-)?[0-9a-f]{8}", value_text(value))


def test_a_value_that_looks_like_the_next_axis_gets_a_hash():
    assert value_text("I_seed-3", ["order", "seed"]).startswith("I_seed-3-")


@given(values)
def test_a_text_is_safe_in_a_path_and_short(value):
    text = value_text(value)
    assert re.fullmatch(SAFE, text)
    assert len(text) <= 41


@given(st.lists(scalars, min_size=2, max_size=2))
def test_different_values_have_different_texts(pair):
    one, other = pair
    assume(json.dumps(one) != json.dumps(other))
    assert value_text(one) != value_text(other)


@given(st.lists(st.tuples(values, values), min_size=2, max_size=2, unique_by=repr))
def test_different_points_have_different_names(points):
    # A list may read like a mapping; the plan refuses such a pair, see test_plan.py.
    shorts = ["order", "seed"]
    texts = [tuple(value_text(v, shorts) for v in point) for point in points]
    assume(texts[0] != texts[1])
    one, other = (cell_name(list(zip(shorts, t, strict=True))) for t in texts)
    assert one != other


@pytest.mark.parametrize(
    ("keys", "shorts"),
    [
        (["stream.order", "seed"], ["order", "seed"]),
        (["seed", "stream.split.seed"], ["seed", "split-seed"]),
        (["gates.0.k", "gates.1.k"], ["gates-0-k", "gates-1-k"]),
        (["compare.0", "stream.tasks.*.images"], ["compare-0", "images"]),
        (["Seed", "train.seed"], ["Seed", "train-seed"]),
        (["my own"], ["my-own-f3835dc5"]),
    ],
)
def test_an_axis_is_called_by_the_end_of_its_key(keys, shorts):
    assert short_keys(keys) == shorts


def test_a_long_name_is_cut_and_keeps_a_hash():
    parts = [(f"axis{n}", "v" * 30) for n in range(10)]
    name = cell_name(parts)
    assert len(name) < 120
    assert name != cell_name([*parts[:-1], ("axis9", "w" * 30)])


seeds = st.lists(st.integers(0, 50), min_size=1, max_size=3, unique=True)
rates = st.lists(st.sampled_from([1e-5, 0.01, 0.5, 1.0, 3]), min_size=1, max_size=3, unique=True)


@settings(max_examples=25)
@given(seeds, seeds, rates, rates, st.randoms())
def test_a_value_more_renames_no_cell(shared_sweeps, seeds, new_seeds, rates, new_rates, random):
    def names(seeds, rates):
        return shared_sweeps.names(f"grid: {{seed: {seeds}, train.lr: {rates}}}")

    more_seeds = list({*seeds, *new_seeds})
    more_rates = list({*rates, *new_rates})
    random.shuffle(more_seeds)
    assert set(names(seeds, rates)) <= set(names(more_seeds, more_rates))
