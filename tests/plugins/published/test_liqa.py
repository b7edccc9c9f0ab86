"""The LIQA paper's numbers as data."""

import pytest

from cliqa.registry import Registry
from cliqa.report import load_published


@pytest.fixture(scope="module")
def registry():
    return Registry.discover(third_party=False)


@pytest.fixture(scope="module")
def papers(registry):
    return {paper.title: paper for paper in load_published(registry, pytest.fail)}


def values(paper, metric):
    return {row.method: row.values[metric] for row in paper.summaries}


def test_the_numbers_are_those_of_the_paper(papers):
    inner, cross = papers["LIQA, distortions"], papers["LIQA, datasets"]
    assert values(inner, "C-bar") == {
        "FT": 0.489, "EWC": 0.541, "Online EWC": 0.538, "SI": 0.486, "LwF": 0.512, "GFR": 0.539,
        "LIQA": 0.695, "JT": 0.673,
    }  # fmt: skip
    assert values(inner, "F-bar") == {
        "FT": 0.302, "EWC": 0.232, "Online EWC": 0.253, "SI": 0.304, "LwF": 0.271, "GFR": 0.235,
        "LIQA": 0.087, "JT": 0.084,
    }  # fmt: skip
    assert values(cross, "mSRCC") == {
        "FT": 0.615, "EWC": 0.689, "Online EWC": 0.680, "SI": 0.696, "LwF": 0.712, "GFR": 0.647,
        "LIQA": 0.729, "JT": 0.794,
    }  # fmt: skip
    assert all(row.runs == 5 for row in (*inner.summaries, *cross.summaries))


@pytest.mark.parametrize(
    ("title", "preset"),
    [("LIQA, distortions", "liqa-inner-stream"), ("LIQA, datasets", "liqa-cross-stream")],
)
def test_the_papers_tasks_stages_and_orders_are_those_of_the_presets(
    papers, registry, title, preset
):
    import yaml

    paper = papers[title]
    stream = yaml.safe_load(registry.get("preset", preset).file().read_text())["stream"]
    names = {
        n: task.distortion or next(d for d in task.datasets if d in stream["orders"]["liqa-1"])
        for n, task in enumerate(paper.tasks)
    }
    orders = {f"liqa-{k}": [names[n] for n in order] for k, order in paper.orders.items()}
    assert orders == stream["orders"]
    assert paper.stages == stream.get("stages", [1])


def test_the_types_are_kadids_in_its_order(papers):
    from cliqa_iqa.kadid import TYPES

    assert tuple(task.distortion for task in papers["LIQA, distortions"].tasks) == TYPES


def test_every_method_names_a_strategy_that_exists(papers, registry):
    existing = {r.name for r in registry.components("strategy")}
    for title in ("LIQA, distortions", "LIQA, datasets"):
        named = {method.strategy for method in papers[title].methods.values()}
        assert named <= existing
