"""What methods wrote into their logs, as tables."""

import json

import pytest

from cliqa.report.blocks import tables_of
from cliqa.report.parts_logged import logged_part
from cliqa.results import BundleWriter


@pytest.fixture
def logged(make_run):
    """A finished run whose method logged these records."""

    def make(name, records, **differences):
        folder = make_run(name, finish=False, **differences)
        with (folder / "train_log.jsonl").open("a") as log:
            log.writelines(json.dumps(record) + "\n" for record in records)
        BundleWriter(folder).finish()
        return folder

    return make


def record(step, distortion, **numbers):
    return {"event": "pseudo", "step": step, "distortion": distortion, **numbers}


def tables(group):
    part = logged_part(group)
    return {} if part is None else {table.title: table for table in tables_of(part.blocks)}


def texts(table):
    return [[cell.text for cell in row] for row in table.rows]


def test_a_run_whose_method_logged_nothing_has_no_such_part(make_run, groups_of):
    (group,) = groups_of(make_run())
    assert logged_part(group) is None


def test_each_thing_has_its_newest_values_and_keeps_what_was_said_only_once(logged, groups_of):
    folder = logged(
        "one",
        [
            record(1, "jpeg", coverage=2, srcc=0.5, distance=0.25, collapsed=True),
            record(2, "jpeg", coverage=3, srcc=None, collapsed=False),
            record(2, "<b>blur</b>", coverage=5, srcc=0.75, collapsed=True),
        ],
    )
    (group,) = groups_of(folder)
    (table,) = tables(group).values()
    assert table.header == ("distortion", "coverage", "srcc", "distance", "collapsed")
    assert texts(table) == [
        ["jpeg", "3", "–", "0.250", "no"],
        ["<b>blur</b>", "5", "0.750", "–", "yes"],
    ]


def test_over_seeds_numbers_are_averaged_and_truths_counted(logged, groups_of):
    folders = [
        logged("a", [record(1, "jpeg", srcc=0.2, bad=True)], seed=0),
        logged("b", [record(1, "jpeg", srcc=0.4, bad=False)], seed=1),
        logged("c", [record(1, "jpeg", srcc=None, bad=True)], seed=2),
    ]
    (group,) = groups_of(*folders)
    (table,) = tables(group).values()
    assert texts(table) == [["jpeg", "0.300 ± 0.141", "2 of 3"]]


def test_each_kind_of_record_has_a_table(logged, groups_of):
    folder = logged(
        "one", [record(1, "jpeg", srcc=0.5), {"event": "memory", "step": 1, "images": 7}]
    )
    (group,) = groups_of(folder)
    found = tables(group)
    assert [title.rpartition(": ")[2] for title in found] == ["pseudo", "memory"]
    assert texts(list(found.values())[1]) == [["7"]]
