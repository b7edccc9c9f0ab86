"""Single test images with the heads' weights and scores: Figure 5 of the TSN-IQA paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from cliqa.errors import ResultError
from cliqa.report import words
from cliqa.report.blocks import Card, Gallery, Part, Text
from cliqa.report.parts_heads import head_names, weighting_rows
from cliqa.report.svg import head_bars

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from cliqa.report.blocks import Block
    from cliqa.report.context import Context
    from cliqa.report.groups import Group, Row
    from cliqa.report.runs import Run

    Sample = tuple[str, str]


def examples_part(group: Group, context: Context) -> Part | None:
    """The chosen images of the first run whose gate weights images."""
    rows = weighting_rows(group)
    if not rows:
        return None
    row = rows[0]
    run = row.runs[0]
    chosen = _named(run, context.images) if context.images else median_images(run, row.gate_key)
    if not chosen:
        return None
    blocks: list[Block] = [Text(f"{row.name}, order {row.order}, seed {run.seed}.")]
    pictures: dict[Sample, str] = {}
    if context.pictures:
        pictures, why = context.pictures(run, chosen)
        if why:
            blocks.append(Text(f"Without pictures: {why}"))
    cards = tuple(_card(row, run, sample, pictures.get(sample, "")) for sample in chosen)
    blocks.append(Gallery("Example images", cards))
    return Part("examples", "Example images", words.EXAMPLES, tuple(blocks))


def check_images(groups: Sequence[Group], images: Sequence[str]) -> None:
    """Raise `ResultError` if no group has a test image of one of these ids."""
    known = {sample for g in groups for sample in g.runs[0].bundle.labels["sample_id"].to_pylist()}
    unknown = [sample for sample in images if sample not in known]
    if unknown:
        raise ResultError(
            f"--images: no test set holds an image `{unknown[0]}`; the ids are those in "
            "labels.parquet of the run"
        )


def _named(run: Run, images: Sequence[str]) -> list[Sample]:
    labels = run.bundle.labels.select(["task", "sample_id"]).to_pylist()
    tasks = {row["sample_id"]: row["task"] for row in labels}
    return [(tasks[sample], sample) for sample in images if sample in tasks]


def median_images(run: Run, gate: str) -> list[Sample]:
    """For each task the test image whose weight on its own head is the (lower) median.

    Equal weights are taken in the order of sample ids, so the choice is always the same.
    """
    weights = _final(run.bundle.weights, gate=gate)
    chosen = []
    for head, tasks in enumerate(run.head_tasks, start=1):
        for task in tasks:
            rows = weights.filter(
                pc.and_(pc.equal(weights["task"], task), pc.equal(weights["head"], head))
            ).to_pylist()
            ranked = sorted((row["weight"], row["sample_id"]) for row in rows)
            if ranked:
                chosen.append((task, ranked[(len(ranked) - 1) // 2][1]))
    return chosen


def _final(table: pa.Table, **wanted: str) -> pa.Table:
    table = table.filter(pc.equal(table["step"], pc.max(table["step"])))
    for column, value in wanted.items():
        table = table.filter(pc.equal(table[column], value))
    return table


def _card(row: Row, run: Run, sample: Sample, picture: str) -> Card:
    where = {"task": sample[0], "sample_id": sample[1]}
    bundle = run.bundle
    weights = {
        r["head"]: r["weight"]
        for r in _final(bundle.weights, gate=row.gate_key, **where).to_pylist()
    }
    scores = {r["head"]: r["score"] for r in _final(bundle.heads, **where).to_pylist()}
    quality = _one(bundle.labels, where)["quality"]
    final = _one(_final(bundle.predictions, gate=row.gate_key), where)["score"]
    names = head_names(run)
    own = next((n for n, tasks in enumerate(run.head_tasks) if sample[0] in tasks), None)
    missing = float("nan")
    rows = [
        (name, weights.get(n, 0.0), scores.get(n, missing)) for n, name in enumerate(names, start=1)
    ]
    facts = (f"{sample[0]}: quality {quality:.2f}", f"predicted {final:.3f}")
    label = f"Weights and scores of the heads for {sample[1]}"
    return Card(sample[1], facts, picture, head_bars(label, rows, own))


def _one(table: pa.Table, where: dict[str, str]) -> dict[str, float]:
    for column, value in where.items():
        table = table.filter(pc.equal(table[column], value))
    row: dict[str, float] = table.to_pylist()[0]
    return row
