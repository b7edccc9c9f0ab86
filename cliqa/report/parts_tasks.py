"""SRCC of the final model on each single task, such as a distortion: all methods in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from cliqa.report import words
from cliqa.report.blocks import Cell, Fold, Part, Table, fixed, summary, text
from cliqa.report.colors import heat
from cliqa.report.groups import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.report.blocks import Block
    from cliqa.report.groups import Group, Row

#: More tasks than this go down the table, and methods across it.
_MOST_COLUMNS: Final = 8
_MEAN: Final = "mean"


def tasks_part(group: Group) -> Part:
    """One table an order; the first is open."""
    blocks: list[Block] = []
    for order in group.orders:
        rows = [row for row in group.rows if row.order == order]
        name = f", order {order}" if len(group.orders) > 1 else ""
        table = tasks_table(rows, f"SRCC on each task after the last stage{name}")
        blocks.append(Fold(table.title, (table,)) if blocks else table)
    several = any(len(row.runs) > 1 for row in group.rows)
    reading = f"{words.TASKS} {words.SEEDS}" if several else words.TASKS
    return Part("tasks", "Each task after the last stage", reading, tuple(blocks))


def tasks_table(rows: Sequence[Row], title: str) -> Table:
    """Final SRCC of every method and gate on every task, and the mean.

    With many tasks, as where each is a distortion, a task is a row: two dozen columns fit no page.
    """
    tasks = rows[0].tasks
    columns = [_cells(row) for row in rows]
    for place in range(len(tasks) + 1):
        _mark_best(rows, columns, place)
    if len(tasks) > _MOST_COLUMNS:
        methods = [row.method for row in rows]
        names = (row.name if methods.count(row.method) > 1 else row.method for row in rows)
        header = ("task", *names)
        lines = [
            (text(name), *(column[place] for column in columns))
            for place, name in enumerate((*tasks, _MEAN))
        ]
    else:
        header = ("method", "gate", *tasks, _MEAN)
        lines = [
            (text(row.method), text(row.gate), *column)
            for row, column in zip(rows, columns, strict=True)
        ]
    return Table(title, header, tuple(lines))


def _cells(row: Row) -> list[Cell]:
    """A cell a task, and the mean; over seeds with its deviation."""
    final = row.matrices("srcc")[:, -1]
    step = len(row.runs[0].stage_names) - 1
    undefined = row.entries[0].get("undefined", {})
    values = [Value.of(list(final[:, k])) for k in range(final.shape[1])]
    reasons = [undefined.get(f"srcc[{step}][{k}]", "") for k in range(len(values))]
    mean = Value.of([float(np.mean(one)) for one in final])
    cells = [_heat_cell(v, r) for v, r in zip(values, reasons, strict=True)]
    return [*cells, _heat_cell(mean, next(filter(None, reasons), ""))]


def _heat_cell(value: Value, reason: str) -> Cell:
    if value.mean != value.mean:
        return Cell(summary(value).text, number=True, note=reason)
    return Cell(summary(value).text, number=True, color=heat(value.mean))


def _mark_best(rows: Sequence[Row], columns: list[list[Cell]], place: int) -> None:
    """Mark the highest mean, as printed, of the methods that could be used; none without rivals."""
    found = {
        n: float(fixed(value))
        for n, row in enumerate(rows)
        if row.rank == 0 and (value := _mean(row, place)) == value
    }
    if len(found) < 2:
        return
    top = max(found.values())
    for n in (n for n, value in found.items() if value == top):
        cell = columns[n][place]
        columns[n][place] = Cell(cell.text, number=True, best=True, color=cell.color)


def _mean(row: Row, place: int) -> float:
    final = row.matrices("srcc")[:, -1]
    return float((final[:, place] if place < final.shape[1] else final.mean(axis=1)).mean())
