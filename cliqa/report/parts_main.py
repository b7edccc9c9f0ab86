"""The tables of accuracy: Tables III to VI and XIII and Figure 4 of the TSN-IQA paper."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cliqa.metrics import (
    plasticity_stability_by_length,
    plasticity_stability_index,
)
from cliqa.report import words
from cliqa.report.blocks import Cell, Figure, Fold, Part, Table, Text, fixed, number, summary, text
from cliqa.report.colors import heat
from cliqa.report.groups import Value
from cliqa.report.svg import Series, line_chart

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from cliqa.report.blocks import Block
    from cliqa.report.context import Context
    from cliqa.report.groups import Group, Row
    from cliqa.sweep import MissingRun

    Array = NDArray[np.float64]

_RANKS = (
    "Learn task after task",
    "Joint learning: all tasks at once, a bound",
    "Told which task an image is from, which users cannot tell",
)

#: Bands of deviation in one chart.
_MOST_BANDS = 5


def summary_part(group: Group, context: Context, missing: Sequence[MissingRun] = ()) -> Part:
    """The main table, and what its columns mean.

    Args:
        group: the runs.
        context: what the user and the plugins add.
        missing: runs of a sweep that would be here if they had a result: they are counted in their
            method's rows, or have a row of their own.
    """
    rows = group.main_rows
    metrics = group.metrics
    best = {m: _best(rows, m, context.higher_is_better.get(m)) for m in metrics}
    cells = []
    for row in rows:
        values = [summary(_explained(row, m), best=row in best[m]) for m in metrics]
        lacking = _states(_of_method(missing, row.method, group.orders[0]))
        seeds = Cell(f"{len(row.runs)}{f' ({lacking})' if lacking else ''}", number=True)
        cells.append((text(row.method), text(row.gate), *values, seeds))
    shown = {row.method for row in rows}
    cells += _empty_rows(missing, shown, len(metrics), group.orders[0])
    known = [f"{m}: {words.METRICS[m]}." for m in metrics if m in words.METRICS]
    several = any(len(row.runs) > 1 for row in rows)
    title = "Summary" if len(group.orders) == 1 else f"Summary, order {group.orders[0]}"
    table = Table(
        title,
        ("method", "gate", *metrics, "n"),
        tuple(cells),
        ((words.SEEDS,) if several else ()) + tuple(known),
        _headings(rows),
    )
    return Part("summary", "Summary", words.SUMMARY, (table,))


def _of_method(missing: Sequence[MissingRun], method: str, order: str) -> list[MissingRun]:
    return [run for run in missing if method in run.methods and run.order in {"", order}]


def _states(missing: Sequence[MissingRun]) -> str:
    """`2 failed, 1 not run`."""
    return ", ".join(f"{n} {state}" for state, n in Counter(r.state for r in missing).items())


def _empty_rows(
    missing: Sequence[MissingRun], shown: Collection[str], metrics: int, order: str
) -> list[tuple[Cell, ...]]:
    """A row for each method none of whose runs has a result."""
    methods = dict.fromkeys(m for run in missing for m in run.methods if m not in shown)
    rows = []
    for method in methods:
        own = _of_method(missing, method, order)
        if own:
            reason = next((run.reason for run in own if run.reason != run.state), own[0].reason)
            state = Cell(own[0].state if len({r.state for r in own}) == 1 else "–", note=reason)
            count = Cell(f"0 ({_states(own)})", number=True)
            rows.append((text(method), text("–"), *[state] * metrics, count))
    return rows


def _explained(row: Row, metric: str) -> Value:
    """The metric; of joint learning, which has one model only, with the reason in one sentence."""
    value = row.value(metric)
    return replace(value, reason=words.JOINT) if row.joint and value.reason else value


def _headings(rows: Sequence[Row]) -> dict[int, str]:
    ranks = [row.rank for row in rows]
    if len(set(ranks)) == 1 and ranks[0] == 0:
        return {}
    return {ranks.index(rank): _RANKS[rank] for rank in sorted(set(ranks))}


def _best(rows: Sequence[Row], metric: str, higher: bool | None) -> list[Row]:
    """The rows with the best printed mean of those that may win; none if there is no contest."""
    shown = {
        n: float(fixed(value.mean))
        for n, row in enumerate(rows)
        if row.rank == 0 and (value := row.value(metric)).mean == value.mean
    }
    if higher is None or len(shown) < 2:
        return []
    top = max(shown.values()) if higher else min(shown.values())
    return [rows[n] for n, value in shown.items() if value == top]


def seeds_part(group: Group) -> Part | None:
    """Every single run behind the means (Table XIII gives the means and deviations)."""
    rows = [row for row in group.rows if len(row.runs) > 1]
    if not rows:
        return None
    metrics = group.metrics
    cells = [
        (
            text(row.method),
            text(row.gate),
            text(row.order),
            Cell(str(run.seed), number=True),
            *(number(entry.get(m), reason=_explained(row, m).reason) for m in metrics),
        )
        for row in rows
        for run, entry in zip(row.runs, row.entries, strict=True)
    ]
    table = Table("Each seed", ("method", "gate", "order", "seed", *metrics), tuple(cells))
    return Part("seeds", "Seeds", words.PER_SEED, (table,), opened=False)


def matrices_part(group: Group) -> Part:
    """SRCC after each task on each set."""
    blocks: list[Block] = []
    seen: set[str] = set()
    for row in group.rows:
        first = row.order == group.orders[0] and row.method not in seen
        seen.add(row.method)
        order = f", order {row.order}" if len(group.orders) > 1 else ""
        table = matrix_table(row)
        blocks.append(Fold(f"{row.name}{order}", (table,), opened=first))
    several = any(len(row.runs) > 1 for row in group.rows)
    reading = f"{words.MATRIX} {words.SEEDS}" if several else words.MATRIX
    return Part("matrices", "SRCC after each task", reading, tuple(blocks))


def matrix_table(row: Row) -> Table:
    """Mean SRCC over seeds, coloured, with the deviation of each entry."""
    matrices = row.matrices("srcc")
    cells = []
    for t, task in enumerate(row.runs[0].stage_names):
        values = [Value.of(list(matrices[:, t, k])) for k in range(len(row.tasks))]
        reasons = [
            row.entries[0].get("undefined", {}).get(f"srcc[{t}][{k}]", "")
            for k in range(len(values))
        ]
        # "not evaluated" is a joint method's or an oracle's normal case and needs no footnote.
        reasons = ["" if r.endswith("not evaluated") else r for r in reasons]
        cells.append(
            (text(task), *(_heat_cell(v, r) for v, r in zip(values, reasons, strict=True)))
        )
    runs = f", mean of {len(row.runs)} seeds" if len(row.runs) > 1 else ""
    return Table(f"SRCC: {row.name}{runs}", ("after task", *row.tasks), tuple(cells))


def _heat_cell(value: Value, reason: str) -> Cell:
    shown = summary(value)
    if value.mean != value.mean:
        return Cell(shown.text, number=True, note=reason)
    return Cell(shown.text, number=True, color=heat(value.mean))


def orders_part(group: Group) -> Part | None:
    """Table V: each metric over the orders."""
    if len(group.orders) < 2:
        return None
    pairs = list(dict.fromkeys((row.method, row.gate) for row in group.rows))
    by_key = {(row.method, row.gate, row.order): row for row in group.rows}
    tables = []
    for metric in group.metrics:
        rows = []
        for method, gate in pairs:
            found = [by_key.get((method, gate, order)) for order in group.orders]
            values = [row.value(metric) if row else None for row in found]
            means = [v.mean for v in values if v]
            spread = max(means) - min(means) if len(means) > 1 else float("nan")
            cells = [summary(v) if v else Cell("", number=True) for v in values]
            rows.append((text(method), text(gate), *cells, number(spread)))
        header = ("method", "gate", *(f"order {o}" for o in group.orders), "largest − smallest")
        tables.append(Table(f"{metric} by order", header, tuple(rows)))
    shown = {row.order: row.tasks for row in group.rows}
    lines = [Text(f"Order {o}: {' → '.join(shown[o])}") for o in group.orders if "→" not in o]
    return Part("orders", "Task orders", words.ORDERS, (*lines, *tables))


def _over_seeds(row: Row, function: object) -> Array:
    """(n, T): a function of S and R for each seed."""
    S, R, learned_at = row.matrices("srcc"), row.matrices("stability"), row.runs[0].learned_at
    values = [function(s, r, learned_at) for s, r in zip(S, R, strict=True)]  # type: ignore[operator]
    return np.array(values)


def lengths_part(group: Group) -> Part | None:
    """Table VI: mPSI of the first L tasks."""
    rows = []
    count = len(group.main_rows[0].runs[0].stage_names)
    for row in group.rows:
        values = _over_seeds(row, plasticity_stability_by_length)
        if np.isnan(values).any() or row.joint:
            continue
        cells = [summary(Value.of(list(values[:, n]))) for n in range(count)]
        mean = summary(Value.of(list(values.mean(axis=1))))
        rows.append((text(row.method), text(row.gate), text(row.order), *cells, mean))
    if not rows:
        return None
    header = ("method", "gate", "order", *(f"L = {n + 1}" for n in range(count)), "mean")
    table = Table("mPSI by length of the sequence", header, tuple(rows))
    return Part("lengths", "Task-length robustness", words.LENGTHS, (table,))


def curves_part(group: Group) -> Part | None:
    """Figure 4: PSI over the task index."""
    rows = [row for row in group.main_rows if not row.joint]
    values = {row: _over_seeds(row, plasticity_stability_index) for row in rows}
    rows = [row for row in rows if not np.isnan(values[row]).all()]
    stages = group.main_rows[0].runs[0].stage_names
    if not rows or len(stages) < 2:
        return None
    series = _psi_series(rows, values)
    # Rows are sorted: the first of a method is its best gate that users could have.
    first = list({row.method: row for row in reversed(rows) if not row.told}.values())[::-1]
    charts: list[Block] = [_psi_chart("PSI over the tasks", stages, [series[r] for r in first])]
    for method in dict.fromkeys(row.method for row in rows):
        own = [series[row] for row in rows if row.method == method]
        if len(own) > 1:
            title = f"PSI over the tasks: every gate of {method}"
            charts.append(Fold(title, (_psi_chart(title, stages, own),)))
    header = ("method", "gate", *(f"{n + 1} {task}" for n, task in enumerate(stages)))
    cells = tuple(
        (text(r.method), text(r.gate), *(summary(v) for v in _columns(values[r]))) for r in rows
    )
    band = any(len(row.runs) > 1 for row in rows)
    reading = words.CURVES + (f" {words.BAND}" if band else "")
    charts.append(Fold("The values", (Table("PSI after each task", header, cells),)))
    return Part("psi", "PSI over the tasks", reading, tuple(charts))


def _psi_series(rows: Sequence[Row], values: dict[Row, Array]) -> dict[Row, Series]:
    """A line a row: a colour a method where there are several, a dash pattern a gate."""
    methods = list(dict.fromkeys(row.method for row in rows))
    gates = list(dict.fromkeys(row.gate for row in rows))
    return {
        row: Series(
            row.name,
            [v.mean for v in _columns(values[row])],
            [v.std for v in _columns(values[row])] if len(row.runs) > 1 else (),
            color=(methods.index(row.method) if len(methods) > 1 else gates.index(row.gate)),
            dash=gates.index(row.gate),
        )
        for row in rows
    }


def _psi_chart(title: str, tasks: Sequence[str], series: Sequence[Series]) -> Figure:
    if len({one.color for one in series}) == 1:  # one method: tell its gates apart by colour
        series = [replace(one, color=n) for n, one in enumerate(series)]
    if len(series) > _MOST_BANDS:  # more bands would hide the lines and each other
        series = [replace(one, spread=()) for one in series]
    return Figure(title, line_chart(title, tasks, series, "PSI"))


def _columns(values: Array) -> list[Value]:
    return [Value.of(list(values[:, n])) for n in range(values.shape[1])]
