"""Head weights and head analyses: Tables VIII to XI and Figure 5 of the TSN-IQA paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cliqa.analysis import (
    NormalizationStatistics,
    final_head_srcc,
    last_normalization,
    mean_head_weights,
    pairwise_kl,
    rank_agreement,
    varies_with_image,
)
from cliqa.report import words
from cliqa.report.blocks import Cell, Figure, Fold, Part, Table, number, summary, text
from cliqa.report.colors import depth, heat
from cliqa.report.groups import Value
from cliqa.report.svg import stacked_bars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cliqa.report.blocks import Block
    from cliqa.report.groups import Group, Row
    from cliqa.report.runs import Run

    Array = NDArray[np.float64]


def head_names(run: Run) -> list[str]:
    """What charts call each head: the tasks it has learned."""
    return [
        " + ".join(tasks) if len(tasks) < 3 else f"{len(tasks)} tasks" for tasks in run.head_tasks
    ]


def weighting_rows(group: Group) -> list[Row]:
    """Rows of the first order whose gate weights each image on its own."""
    return [
        row
        for row in group.main_rows
        if not row.told and varies_with_image(row.runs[0].bundle.weights, row.gate_key)
    ]


def weights_part(group: Group) -> Part | None:
    """Mean weights of the heads on each test set."""
    sets = (*group.main_rows[0].tasks, *group.evaluate_only)
    blocks: list[Block] = []
    for rows, values in _same_weights(group, sets):
        names = head_names(rows[0].runs[0])
        shown = [k for k in range(len(sets)) if not np.isnan(values[:, k]).any()]
        shares = [[Value.of(list(values[:, k, h])) for h in range(len(names))] for k in shown]
        bars = [(sets[k], [v.mean for v in cells]) for k, cells in zip(shown, shares, strict=True)]
        title = f"Mean head weights: {rows[0].gate}, of {', '.join(row.method for row in rows)}"
        table = Table(
            title,
            ("test set", *(f"head {n}" for n in names)),
            tuple(
                (text(sets[k]), *map(summary, cells))
                for k, cells in zip(shown, shares, strict=True)
            ),
        )
        blocks += [Figure(title, stacked_bars(title, bars, names)), Fold("The values", (table,))]
    return Part("weights", "Head weights", words.WEIGHTS, tuple(blocks)) if blocks else None


def _same_weights(group: Group, sets: Sequence[str]) -> list[tuple[list[Row], Array]]:
    """Rows with their (n, K, H) mean weights; rows that have the very same ones come together.

    A gate that looks at the pre-trained network alone weights the heads of all methods alike.
    """
    found: list[tuple[list[Row], Array]] = []
    for row in weighting_rows(group):
        values = np.array(
            [mean_head_weights(r.bundle.weights, row.gate_key, sets) for r in row.runs]
        )
        for rows, known in found:
            alike = rows[0].gate == row.gate and head_names(rows[0].runs[0]) == head_names(
                row.runs[0]
            )
            if alike and np.array_equal(known, values, equal_nan=True):
                rows.append(row)
                break
        else:
            found.append(([row], values))
    return found


def cross_part(group: Group) -> Part | None:
    """SRCC on sets that were only tested on."""
    sets = group.evaluate_only
    if not sets:
        return None
    rows = []
    for row in group.rows:
        found = [[e.get("evaluate_only", {}).get(name) for e in row.entries] for name in sets]
        if all(value is None for values in found for value in values):
            continue
        reasons = [
            row.entries[0].get("undefined", {}).get(f"evaluate_only.{s}", "not evaluated")
            for s in sets
        ]
        cells = [summary(Value.of(v, r)) for v, r in zip(found, reasons, strict=True)]
        rows.append((text(row.method), text(row.gate), text(row.order), *cells))
    if not rows:
        return None
    table = Table(
        "SRCC on sets that were not learned", ("method", "gate", "order", *sets), tuple(rows)
    )
    return Part("cross", "Sets that were not learned", words.CROSS, (table,))


def analyses_part(group: Group) -> Part | None:
    """Divergence of the tasks' statistics, inter-dataset SRCC, and their agreement."""
    blocks: list[Block] = []
    methods = list(dict.fromkeys(row.method for row in group.main_rows if not row.joint))
    for method in methods:
        rows = [row for row in group.main_rows if row.method == method]
        blocks += _analysis(method, max(rows, key=lambda row: len(row.runs)).runs)
    if not blocks:
        return None
    reading = f"{words.DIVERGENCE} {words.INTER}"
    return Part("analyses", "What the heads have in common", reading, tuple(blocks), opened=False)


def _analysis(method: str, runs: Sequence[Run]) -> list[Block]:
    tasks = runs[0].tasks
    # Head and task must be the same thing for a matrix of tasks.
    if any(run.head_tasks != [[task] for task in tasks] for run in runs):
        return []
    inter = np.array([final_head_srcc(r.bundle.heads, r.bundle.labels, tasks) for r in runs])
    if inter.shape[1:] != (len(tasks), len(tasks)) or len(tasks) < 2:
        return []
    mean = f", mean of {len(runs)} seeds" if len(runs) > 1 else ""
    blocks: list[Block] = []
    statistics = [_statistics(run) for run in runs]
    if found := [s for s in statistics if s is not None]:
        divergence = np.array([pairwise_kl(s.means, s.variances) for s in found])
        if len(found) == len(runs):
            layer = found[0].layer
            blocks.append(
                _divergence_table(f"KL divergence at {layer}: {method}{mean}", tasks, divergence)
            )
    rows = tuple(
        (text(task), *(_heat(Value.of(list(inter[:, h, k]))) for k in range(len(tasks))))
        for h, task in enumerate(tasks)
    )
    blocks.append(Table(f"Inter-dataset SRCC: {method}{mean}", ("head of", *tasks), rows))
    if len(blocks) == 2:
        blocks.append(_agreement(method, divergence, inter))
    return blocks


def _statistics(run: Run) -> NormalizationStatistics | None:
    layer = run.record.get("last_normalization")
    checkpoint = run.bundle.folder / "checkpoints" / "model.safetensors"
    return last_normalization(checkpoint, layer if isinstance(layer, str) else None)


def _heat(value: Value) -> Cell:
    return Cell(
        summary(value).text, number=True, color="" if value.mean != value.mean else heat(value.mean)
    )


def _divergence_table(title: str, tasks: Sequence[str], values: Array) -> Table:
    mean = values.mean(axis=0)
    top = float(mean.max()) or 1.0
    digits = 1 if top >= 10 else 3
    rows = tuple(
        (text(task), *(number(v, digits, color=depth(v / top)) for v in mean[i]))
        for i, task in enumerate(tasks)
    )
    return Table(title, ("task", *tasks), rows)


def _agreement(method: str, divergence: Array, inter: Array) -> Table:
    kinds = (
        ("all pairs, with the diagonal (as in the TSN-IQA paper)", True),
        ("pairs of different tasks", False),
    )
    rows = tuple(
        (
            text(name),
            summary(
                Value.of(
                    [
                        rank_agreement(d, s, diagonal=diagonal)
                        for d, s in zip(divergence, inter, strict=True)
                    ]
                )
            ),
        )
        for name, diagonal in kinds
    )
    return Table(
        f"Do close statistics go with high SRCC? {method}",
        ("entries", "SRCC of the two matrices"),
        rows,
        (words.AGREEMENT,),
    )
