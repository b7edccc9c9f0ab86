"""Looking at what a generator makes."""

import json

import numpy as np
import pytest
import torch
from cliqa_liqa.examination import Found, Reality, _coverage, energy_distance, validation_srcc
from hypothesis import given
from hypothesis import strategies as st

REAL = Reality(coverage=5, spread=0.4, distance=1.0, holdout_distance=0.2, images=3)


def found(**changes):
    plain = {
        "distortion": "jpeg",
        "coverage": 5,
        "spread": 1.0,
        "quality_srcc": 0.9,
        "head_srcc": 0.8,
        "real": REAL,
        "learned_now": True,
    }
    return Found(**(plain | changes))


def test_the_energy_distance_is_that_of_its_definition():
    torch.manual_seed(0)
    a, b = torch.randn(5, 3), torch.randn(7, 3) + 1

    def mean(x, y, *, same=False):
        norms = [
            (x[i] - y[j]).norm().item()
            for i in range(len(x))
            for j in range(len(y))
            if not (same and i == j)
        ]
        return sum(norms) / len(norms)

    expected = 2 * mean(a, b) - mean(a, a, same=True) - mean(b, b, same=True)
    assert energy_distance(a, b) == pytest.approx(expected, rel=1e-5)


def test_samples_of_one_distribution_are_at_distance_zero_whatever_their_sizes():
    torch.manual_seed(0)
    for size in (3, 30):
        values = [energy_distance(torch.randn(size, 8), torch.randn(50, 8)) for _ in range(300)]
        assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(300)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200))
def test_coverage_counts_the_intervals_that_hold_a_fiftieth_of_the_qualities(qualities):
    edges = [0.2, 0.4, 0.6, 0.8]
    array = np.array(qualities)
    # Float rounding of 5 q at the very edges is of no interest.
    array = array[np.all(np.abs(array[:, None] - np.array(edges)) > 1e-9, axis=1)]
    if len(array):
        place = [sum(q >= edge for edge in edges) for q in array]
        expected = sum(place.count(i) >= 0.02 * len(place) for i in range(5))
        assert _coverage(array) == expected


@pytest.mark.parametrize(
    ("changes", "collapsed"),
    [
        ({}, False),
        ({"coverage": 3}, False),
        ({"coverage": 2}, True),
        ({"spread": 0.09}, True),
        ({"coverage": 2, "real": Reality(4, 0.4, 1.0, 0.2, 3)}, False),
        ({"coverage": 1, "real": Reality(1, 0.4, 1.0, 0.2, 3)}, False),
    ],
)
def test_collapse_is_half_the_intervals_missing_or_all_features_alike(changes, collapsed):
    assert found(**changes).collapsed == collapsed


def test_the_sentence_of_a_collapse_says_how_bad_it_is_and_what_to_do():
    text = found(coverage=1, spread=0.05).sentence(4)
    assert "`jpeg` after step 4" in text
    assert "1 of 5 intervals" in text
    assert "0.05 times" in text
    assert "`gan_epochs`" in text


def test_a_record_is_json_and_has_distances_only_for_what_was_learned_now():
    record = found(quality_srcc=float("nan")).dump()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["quality_srcc"] is None
    assert record["holdout_distance"] == 0.2
    assert "holdout_distance" not in found(learned_now=False).dump()


def test_what_reality_was_like_survives_as_numbers():
    assert Reality.of(REAL.tensor()) == REAL
    assert np.isnan(Reality.of(Reality(1, 0.1, float("nan"), 0.0, 0).tensor()).distance)


def run_stages(strategy, model, tasks, objective, make_context, new_trainer):
    records, notes = [], []
    strategy.start(model)
    for task in tasks:
        head = strategy.begin_stage(model, [task.name])
        context = make_context(model, [task], objective=objective, head=head)
        context = type(context)(**(vars(context) | {"log": records.append, "note": notes.append}))
        for phase in strategy.phases(context):
            new_trainer().run(phase, context)
            if strategy.broken:
                strategy.broken(strategy._adversaries)
        strategy.end_stage(context)
    return records, notes


def constant(adversaries):
    """A generator whose features are all the same."""
    if adversaries is not None:
        with torch.no_grad():
            for head in adversaries.generator.heads:
                head[-1].weight.zero_()
                head[-1].bias.fill_(0.3)


@pytest.mark.parametrize("broken", [None, constant])
def test_a_collapsed_generator_is_noted_and_every_distortion_is_logged_after_every_stage(
    broken, model, tasks, objective, make_context, new_trainer, new_strategy
):
    strategy = new_strategy(gan_epochs=20, gan_lr=1e-3)
    strategy.broken = broken
    records, notes = run_stages(strategy, model, tasks[:2], objective, make_context, new_trainer)
    assert [r["distortion"] for r in records] == ["one", "one", "two"]
    assert [("distance" in r) for r in records] == [True, False, True]
    if broken:
        assert all(r["collapsed"] and r["spread"] == 0 for r in records)
        assert all(r["quality_srcc"] is None and r["head_srcc"] is None for r in records)
        assert len(notes) == 3
    else:
        assert all(r["spread"] > 0.1 for r in records)
    assert len(notes) == sum(r["collapsed"] for r in records)


def test_new_heads_are_validated_each_on_its_own_tasks_images(
    model, tasks, objective, make_context
):
    for task in tasks[:2]:
        model.add_head([task.name])
        torch.nn.init.normal_(model.heads[-1].second.weight)
    context = make_context(model, tasks[:2], objective=objective, head=0)
    measured = validation_srcc(context, [0, 1])()
    alone = []
    for head, task in enumerate(tasks[:2]):
        one = make_context(model, [task], objective=objective, head=head)
        alone.append(one.validation_srcc())
    assert measured == pytest.approx(np.mean(alone))
