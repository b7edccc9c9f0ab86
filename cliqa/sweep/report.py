"""What came out of a sweep, as one table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cliqa.results import Bundle, ResultTable, Undefined, over_seeds
from cliqa.sweep.folder import CellState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cliqa.results import SeedGroup
    from cliqa.results.tables import TableCell
    from cliqa.sweep.folder import SweepFolder
    from cliqa.sweep.plan import Cell, Plan

__all__ = ["finished_bundles", "sweep_table"]

_MANY = 3


def finished_bundles(
    plan: Plan, folder: SweepFolder, states: Mapping[str, CellState]
) -> list[tuple[Cell, Bundle]]:
    """The bundle of each method of each finished cell."""
    found = []
    for cell in plan.cells:
        if states[cell.name] is CellState.DONE:
            found.append((cell, folder.bundle(cell.name)))
            beside = folder.cell(cell.name) / "compare"
            found += [(cell, Bundle(beside / method.label)) for method in cell.config.compare]
    return found


def sweep_table(plan: Plan, folder: SweepFolder, states: Mapping[str, CellState]) -> ResultTable:
    """Mean and standard deviation over seeds, one row a method, gate and point of other axes.

    A cell without a result is counted in its row, or has a row of its own: it is never left out.

    Args:
        plan: the sweep.
        folder: where it lies.
        states: each cell's state, as `SweepFolder.check` gives it.
    """
    finished = finished_bundles(plan, folder, states)
    metrics = list(dict.fromkeys(m.label for cell in plan.cells for m in cell.config.metrics))
    groups = over_seeds([bundle for _, bundle in finished], metrics)
    cell_of = {bundle.folder: cell for cell, bundle in finished}
    axes = _shown_axes(plan)
    rows = [_Row(group, [cell_of[b.folder] for b in group.bundles], axes) for group in groups]
    empty: dict[tuple[str, ...], list[Cell]] = {}
    for cell in plan.cells:
        if states[cell.name] is not CellState.DONE:
            for method in (cell.config.strategy, *cell.config.compare):
                own = [row for row in rows if row.misses(method.label, cell)]
                for row in own:
                    row.missing.append(states[cell.name])
                if not own:
                    key = (method.label, *(cell.points[axis] for axis in axes))
                    empty.setdefault(key, []).append(cell)
    lines = [row.cells(metrics) for row in rows]
    for (label, *texts), cells in empty.items():
        reason = Undefined(_why_empty(cells, folder, states))
        lines.append((label, "–", *texts, 0, *(reason for _ in metrics)))
    shorts = (axis.short for axis in plan.axes if axis.name in axes)
    header = ("method", "gate", *shorts, "n", *metrics)
    title = "Mean ± standard deviation over n seeds"
    return ResultTable(title, header, tuple(lines), names=2 + len(axes))


def _shown_axes(plan: Plan) -> list[str]:
    """Axes that need a column: not the seeds, and no strategies that are the method's label."""
    hidden = {"seed"}
    if all(c.points.get("strategy") == c.config.strategy.label for c in plan.cells):
        hidden.add("strategy")
    return [axis.name for axis in plan.axes if axis.name not in hidden]


@dataclass
class _Row:
    """A group of finished runs, and what became of the cells that should be among them."""

    group: SeedGroup
    of: Sequence[Cell]
    axes: Sequence[str]

    def __post_init__(self) -> None:
        self.missing: list[CellState] = []
        self.texts = {
            axis: list(dict.fromkeys(c.points[axis] for c in self.of)) for axis in self.axes
        }

    def misses(self, method: str, cell: Cell) -> bool:
        """Whether a cell without a result would be in this row."""
        here = all(cell.points[axis] in texts for axis, texts in self.texts.items())
        return here and method == self.group.method

    def cells(self, metrics: Sequence[str]) -> tuple[TableCell, ...]:
        places = (_joined(texts) for texts in self.texts.values())
        count = len(self.group.seeds)
        missing = ", ".join(f"{n} {s.value}" for s, n in Counter(self.missing).items())
        return (
            self.group.method,
            self.group.gate,
            *places,
            f"{count} ({missing})" if missing else count,
            *(self.group.metrics[name] for name in metrics),
        )


def _joined(texts: Sequence[str]) -> str:
    return ", ".join(texts) if len(texts) <= _MANY else f"{len(texts)} values"


def _why_empty(cells: Sequence[Cell], folder: SweepFolder, states: Mapping[str, CellState]) -> str:
    counts = Counter(states[cell.name].value for cell in cells)
    text = ", ".join(f"{n} {state}" for state, n in counts.items())
    failures = [folder.failure(c.name) for c in cells if states[c.name] is CellState.FAILED]
    first = next((failure.message for failure in failures if failure), "")
    return f"{text}: {first}" if first else text
