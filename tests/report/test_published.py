"""Printed results: the file format, matching, and when they may stand beside ours."""

import json

import pytest
from pydantic import ValidationError

from cliqa.registry import Registry
from cliqa.report import Context, Published, build_report, find_runs, load_published
from cliqa.report.blocks import tables_of


def document(**changes):
    return {
        "schema_version": 1,
        "title": "Paper",
        "source": "Somebody, A Paper, 2020",
        "tasks": [
            {"name": "LIVE", "datasets": ["live"]},
            {"name": "CSIQ", "datasets": ["csiq"]},
            {"name": "BID", "datasets": ["bid"]},
        ],
        "orders": {"I": [0, 1, 2], "II": [2, 1, 0]},
        "backbones": {"Tiny": ["tiny*"], "Large": []},
        "methods": {
            "T-KG": {"strategy": "tsn-iqa", "gate": "kmeans"},
            "Other": {"strategy": "other", "gate": "newest"},
        },
        "summaries": [
            {
                "table": "1",
                "backbone": "Tiny",
                "method": "T-KG",
                "order": "I",
                "values": {"mSRCC": 0.8},
            },
            {
                "table": "1",
                "backbone": "Tiny",
                "method": "T-KG",
                "order": "II",
                "values": {"mSRCC": 0.7},
            },
            {
                "table": "1",
                "backbone": "Tiny",
                "method": "Other",
                "order": "I",
                "values": {"mSRCC": 0.6},
            },
        ],
        "srcc_matrices": [
            {
                "table": "2",
                "backbone": "Tiny",
                "method": "T-KG",
                "order": "I",
                "srcc": [[0.9, 0.1, 0.2]] * 3,
            },
        ],
        **changes,
    }


def part_of(folder, **changes):
    paper = Published.model_validate(document(**changes))
    report = build_report(find_runs([folder]), Context(published=(paper,)))
    return next((p for p in report.sections[0].parts if p.key == "published"), None)


def test_ours_stand_beside_the_paper_on_the_papers_datasets_in_its_order(make_run):
    folder = make_run("a", tasks=("bid", "csiq", "live"), order="custom")
    part = part_of(folder)
    table = next(tables_of(part.blocks))
    assert part.title == "Ours and as printed"
    assert table.header[-2:] == ("mSRCC ours", "mSRCC printed")
    ours = find_runs([folder]).runs[0].bundle.metrics["gates"]["kmeans"]["mSRCC"]
    (row,) = [[c.text for c in r] for r in table.rows]
    assert row == [
        "tsn-iqa",
        "kmeans",
        "T-KG",
        "Tiny (ours too)",
        "1",
        "II",
        "1",
        f"{ours:.3f}",
        "0.700",
    ]


def test_an_order_that_the_paper_has_not_has_nothing_beside_it(make_run):
    assert part_of(make_run("a", tasks=("csiq", "live", "bid"), order="custom")) is None


def test_on_other_data_printed_numbers_stand_alone_and_say_that_they_are_not_comparable(make_run):
    part = part_of(make_run("a", datasets=("x", "y", "z")))
    assert not part.opened
    warning = next(b for b in part.blocks if getattr(b, "warning", False))
    assert "not comparable" in warning.text
    table, matrix = tables_of(part.blocks)
    assert table.header[-1] == "mSRCC"
    assert [c.text for c in table.rows[0]][-1] == "0.800"
    assert [c.text for c in matrix.rows[0]] == ["LIVE", "0.900", "0.100", "0.200"]


def test_a_method_that_no_paper_prints_has_no_such_part(make_run):
    assert part_of(make_run("a", method="mine")) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"orders": {"I": [0, 1, 1]}}, "no arrangement"),
        ({"methods": {}}, "not declared"),
        ({"unknown": 1}, "unknown"),
        (
            {
                "lengths": [
                    {
                        "table": "3",
                        "backbone": "Tiny",
                        "method": "T-KG",
                        "order": "I",
                        "mpsi": [0.1],
                        "mean": 0.1,
                    }
                ]
            },
            "3 entries",
        ),
        (
            {
                "srcc_matrices": [
                    {
                        "table": "2",
                        "backbone": "Tiny",
                        "method": "T-KG",
                        "order": "I",
                        "srcc": [[0.1]],
                    }
                ]
            },
            "3 x 3",
        ),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        Published.model_validate(document(**changes))


def test_a_plugin_with_a_faulty_file_is_one_line_and_the_others_are_used(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "bad.json").write_text(json.dumps(document(schema_version=2)))
    (tmp_path / "printed.py").write_text(
        "from cliqa import Component, hookimpl\n\n\n@hookimpl\ndef cliqa_published():\n"
        "    return [Component(name=n, factory=f'printed:{n}.json') for n in ('bad', 'absent')]\n"
    )
    registry = Registry.discover(only=(), local_files=[tmp_path / "printed.py"])
    lines = []
    own = {"TSN-IQA", "LIQA, distortions", "LIQA, datasets"}
    assert {paper.title for paper in load_published(registry, lines.append)} == own
    absent, bad = sorted(lines)
    assert "published `bad`" in bad
    assert "is defective: schema_version: Input should be 1" in bad
    assert "absent.json` does not exist" in absent
