"""One line of a track before it is compared: a method and gate with its runs by seed and order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cliqa.metrics import plasticity_stability_index
from cliqa.report import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cliqa.report import Row, Run

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A method under one gate, over the orders of a track.

    Attributes:
        rows: one an order that it has.
        orders: the orders of the track.
    """

    rows: tuple[Row, ...]
    orders: tuple[str, ...]

    @property
    def name(self) -> str:
        """What charts call it."""
        return self.rows[0].name

    @property
    def first(self) -> Run:
        """Any of its runs: all agree but for seed and order."""
        return self.rows[0].runs[0]

    @property
    def runs(self) -> list[Run]:
        """All of them."""
        return [run for row in self.rows for run in row.runs]

    @cached_property
    def cells(self) -> dict[tuple[str, int], tuple[Run, dict[str, Any]]]:
        """(order, seed) -> the run and its entry in the recomputed metrics."""
        return {
            (row.order, run.seed): (run, entry)
            for row in self.rows
            for run, entry in zip(row.runs, row.entries, strict=True)
        }

    def value(self, metric: str) -> Value:
        """A metric over all runs."""
        entries = [entry for _, entry in self.cells.values()]
        reasons = [
            str(e.get("undefined", {}).get(metric, "not computed"))
            for e in entries
            if e.get(metric) is None
        ]
        return Value.of([e.get(metric) for e in entries], reasons[0] if reasons else "")

    def complete_seeds(self) -> list[int]:
        """Seeds with a run in every order of the track."""
        seeds = sorted({seed for _, seed in self.cells})
        return [s for s in seeds if all((order, s) in self.cells for order in self.orders)]

    def of_seed(self, metric: str, seed: int) -> float:
        """The metric of a complete seed, mean over the orders; NaN where one is undefined."""
        found = [self.cells[order, seed][1].get(metric) for order in self.orders]
        return float(np.mean([np.nan if v is None else v for v in found]))

    def final(self) -> dict[str, float]:
        """Task -> SRCC after the last stage, mean over runs."""
        values: dict[str, list[float]] = {}
        for run, entry in self.cells.values():
            for task, value in zip(run.tasks, entry["srcc"][-1], strict=True):
                values.setdefault(task, []).append(np.nan if value is None else value)
        return {task: float(np.mean(found)) for task, found in values.items()}

    def matrix(self) -> Array:
        """Mean SRCC matrix of a track of one order; NaN where any run has no value."""
        return np.asarray(self.rows[0].matrices("srcc").mean(axis=0))

    def curve(self) -> list[float | None]:
        """PSI after each stage, mean over runs, for one order; empty where it is undefined."""
        row = self.rows[0]
        pairs = zip(row.matrices("srcc"), row.matrices("stability"), strict=True)
        stages = self.first.learned_at
        psi = np.mean([plasticity_stability_index(S, R, stages) for S, R in pairs], axis=0)
        return [float(v) for v in psi]


def _scored(entry: dict[str, Any]) -> bool:
    """Whether the gate scored any set at any step, if only with constants."""
    reasons = entry.get("undefined", {})
    return any(
        cell is not None or not str(reasons.get(f"srcc[{t}][{k}]", "")).endswith("not evaluated")
        for t, row in enumerate(entry["srcc"])
        for k, cell in enumerate(row)
    )


def lines_of(rows: Sequence[Row], orders: Sequence[str]) -> tuple[list[Line], list[str]]:
    """Put the rows of several orders together by method and gate.

    Returns:
        The lines, and a sentence for each gate that scored nothing: a method whose main head is its
        only one has none for gates to weight.
    """
    found: dict[tuple[str, str], list[Row]] = {}
    silent: dict[str, None] = {}
    for row in rows:
        if row.order not in orders:
            continue
        if any(_scored(entry) for entry in row.entries):
            found.setdefault((row.method, row.gate), []).append(row)
        else:
            text = f"{row.name} has no row: it scored nothing"
            silent[f"{text}, for the method has no heads that a gate may weight."] = None
    return [
        Line(tuple(sorted(members, key=lambda r: orders.index(r.order))), tuple(orders))
        for members in found.values()
    ], list(silent)
