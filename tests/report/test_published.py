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


def distortions(**changes):
    """A paper whose tasks are three types of one dataset, two of them learned at once."""
    tasks = [{"name": n, "datasets": ["set"], "distortion": n} for n in ("live", "csiq", "bid")]
    return Published.model_validate(document(tasks=tasks, stages=[2, 1], **changes))


def test_a_stream_of_distortions_is_the_papers_only_with_its_set_types_and_stages():
    paper = distortions()
    sources = [("set", "bid"), ("set", "csiq"), ("set", "live")]
    assert paper.same_tasks(sources, (2, 1))
    assert paper.order_of(sources) == "II"
    assert not paper.same_tasks(sources, (1, 1, 1))
    assert not paper.same_tasks([("other", kind) for _, kind in sources], (2, 1))
    assert not paper.same_tasks([(name, None) for name, _ in sources], (2, 1))
    assert not paper.same_tasks(sources[:2], (2,))
    assert not Published.model_validate(document()).same_tasks(sources, (1, 1, 1))


@pytest.mark.parametrize("several", [False, True])
def test_the_sources_of_distortions_are_their_set_and_type(make_run, several):
    entries = [{"name": "embedded", "as": "one"}, {"name": "kadid-10k", "as": "two"}]
    tasks = ("one.bid", "two.live") if several else ("bid", "live")
    folder = make_run("a")
    run = find_runs([folder]).runs[0]
    stream = {"per": "distortion", "tasks": entries if several else entries[:1]}
    run.bundle.run["config"] = run.record["config"] | {"stream": stream}
    run.record["tasks"] = list(tasks)
    names = ("embedded", "kadid-10k" if several else "embedded")
    assert run.sources == ((names[0], "bid"), (names[1], "live"))


def test_a_printed_method_may_ask_for_settings_which_a_run_must_have(make_run):
    told = {"strategy": "ewc", "gate": "newest", "settings": {"online": True}}
    methods = {"T-KG": told, "Other": {"strategy": "ewc", "gate": "newest"}}
    paper = Published.model_validate(document(methods=methods))
    assert paper.names_of({"name": "ewc", "online": True}, "newest") == ["T-KG", "Other"]
    assert paper.names_of({"name": "ewc", "online": False}, "newest") == ["Other"]
    assert paper.names_of({"name": "ewc"}, "newest") == ["Other"]
    assert paper.names_of({"name": "ewc", "online": True}, "oracle") == []


def test_numbers_without_an_order_stand_beside_every_order_of_the_paper_only(make_run):
    row = {"table": "1", "backbone": "Tiny", "method": "T-KG", "values": {"C-bar": 0.5}, "runs": 5}
    for tasks, shown in ((("live", "csiq", "bid"), True), (("csiq", "live", "bid"), False)):
        folder = make_run("-".join(tasks), tasks=tasks, order="custom")
        part = part_of(folder, summaries=[row], srcc_matrices=[])
        assert (part is not None) == shown
        if part:
            (table,) = tables_of(part.blocks)
            cells = [cell.text for cell in table.rows[0]]
            assert cells[5:7] == ["not said", "5"]
            assert cells[-1] == "0.500"
