"""From a line to a row of the board: costs, what it was allowed, and where it stands."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from cliqa.leaderboard.model import Comparison, Cost, Number, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cliqa.leaderboard.units import Line
    from cliqa.report import Run, Value

Status: TypeAlias = Literal["ranked", "baseline", "joint", "told", "incomplete", "undefined"]
Memory: TypeAlias = Literal["none", "exemplars", "unknown"]


def get(record: Any, *path: str) -> Any:
    """An entry of nested mappings, None where any of them is none."""
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return record


def real(value: Any) -> float | None:
    """A finite number, or None for whatever else a bundle says."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _mean(values: Iterable[Any], scale: float = 1.0) -> float | None:
    known = [v for v in map(real, values) if v is not None]
    return scale * sum(known) / len(known) if known else None


def cost_of(line: Line) -> Cost:
    """Means over the runs that recorded each."""
    records = [run.record for run in line.runs]
    gate = line.rows[0].gate_key

    def mean(*path: str, scale: float = 1.0) -> float | None:
        return _mean((get(record, "cost", *path) for record in records), scale)

    lists = [get(record, "cost", "parameters", "per_task") for record in records]
    largest = [_largest(found) for found in lists if isinstance(found, list)]
    return Cost(
        parameters_per_task=_mean(largest),
        held_mb=mean("held_bytes", "peak", scale=1e-6),
        exemplar_images=mean("exemplar_images"),
        train_cpu_seconds=mean("train_cpu_seconds"),
        train_seconds=mean("train_seconds"),
        forwards_per_image=mean("gates", gate, "forwards_per_image"),
        gmacs_per_image=mean("gates", gate, "macs_per_image", scale=1e-9),
    )


def _largest(values: Sequence[Any]) -> float:
    return max((v for v in map(real, values) if v is not None), default=0.0)


def memory_of(line: Line) -> Memory:
    """Whether it keeps images of old tasks."""
    kept = [real(get(run.record, "cost", "exemplar_images")) for run in line.runs]
    if any(kept):
        return "exemplars"
    return "unknown" if None in kept else "none"


def extra_data_of(line: Line) -> str:
    """What beside the stream the runs say they used: for their network, and for the gate."""
    found: list[str] = []
    for run in line.runs:
        declared = run.record.get("extra_data")
        found += [str(d) for d in declared] if isinstance(declared, list) else ["not recorded"]
        source = get(run.record["gates"], line.rows[0].gate_key, "normalization", "source")
        found += [f"gate: {source}"] if source is not None else []
    return ", ".join(dict.fromkeys(found))


def backbone_of(run: Run) -> str:
    """Name of the backbone component."""
    entry = run.record["config"].get("backbone")
    return str(entry.get("name", "unknown") if isinstance(entry, dict) else entry or "unknown")


def number(value: Value) -> Number:
    """Mean and standard deviation as the board writes them."""
    return Number(mean=value.mean, std=value.std, n=value.n, reason=value.reason)


def status_of(line: Line, metric: str, seeds: Sequence[int], *, baseline: bool) -> Status:
    """Why a row is ranked or not."""
    if any(row.told for row in line.rows):
        return "told"
    if line.rows[0].joint:
        return "joint"
    if set(line.complete_seeds()) != set(seeds):
        return "incomplete"
    if line.value(metric).mean != line.value(metric).mean:
        return "undefined"
    return "baseline" if baseline else "ranked"


def row_of(
    line: Line,
    comparison: Comparison,
    status: Status,
    *,
    place: int | None,
    seeds: Sequence[int],
    trust: Mapping[int, str],
    metrics: Sequence[str],
) -> Row:
    """The row as the board holds it; `trust` is by `id` of the run."""
    one_order = len(line.orders) == 1
    return Row(
        place=place,
        status=status,
        method=line.rows[0].method,
        gate=line.rows[0].gate,
        backbone=backbone_of(line.first),
        trust=", ".join(dict.fromkeys(trust[id(run)] for run in line.runs)),
        told=any(row.told for row in line.rows),
        memory=memory_of(line),
        extra_data=extra_data_of(line),
        seeds=sorted({seed for _, seed in line.cells}),
        submitted=len(line.cells),
        declared=len(seeds) * len(line.orders),
        metrics={name: number(line.value(name)) for name in metrics},
        comparison=comparison,
        cost=cost_of(line),
        psi=line.curve() if one_order else [],
        srcc=[list(r) for r in line.matrix()] if one_order else [],
        bundles=[str(run.record.get("run_id", "")) for run in line.runs],
    )
