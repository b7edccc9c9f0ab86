"""What methods and gates cost (Table XII of the TSN-IQA paper), and how training went."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cliqa.report import words
from cliqa.report.blocks import Cell, Figure, Part, Table, text
from cliqa.report.svg import Mark, Series, progress_chart

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cliqa.report.groups import Group, Row
    from cliqa.report.runs import Run

_COLUMNS = (
    "backbone parameters",
    "own parameters of a head",
    "own values of a head",
    "bytes of a head",
    "held after the last task, MB",
    "held at most, MB",
    "exemplar images",
    "images trained on",
    "training, s",
    "training, CPU s",
    "peak memory, MB",
)


def cost_part(group: Group) -> Part:
    """One table for methods, one for gates."""
    by_method: dict[str, Row] = {}
    for row in group.main_rows:
        by_method.setdefault(row.method, row)
    rows = [(method, _method_cost(row.runs)) for method, row in by_method.items()]
    macs = list(dict.fromkeys(key for row in by_method.values() for key in _macs(row.runs[0])))
    table = Table(
        "Methods",
        ("method", *_COLUMNS, *(f"MACs an image: {key}, G" for key in macs)),
        tuple(
            (
                text(method),
                *cells,
                *(_cell([_macs(by_method[method].runs[0]).get(key)], 1e-9, 3) for key in macs),
            )
            for method, cells in rows
        ),
    )
    gates = Table(
        "Gates",
        (
            "method",
            "gate",
            "forwards an image",
            "MACs an image, G",
            "values stored",
            "values of its network",
        ),
        _gate_rows(group),
        (words.GATE_COST,),
    )
    tables = (table, gates) if gates.rows else (table,)
    return Part("cost", "Cost", words.COST, tables, opened=False)


def _get(record: dict[str, Any], *path: str) -> Any:
    value: Any = record
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _numbers(values: Iterable[Any]) -> list[float]:
    return [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]


def _cell(values: Sequence[Any], scale: float = 1, digits: int = 0) -> Cell:
    """The mean of what is there; a range where `values` differ and belong to one run."""
    found = _numbers(values)
    if not found:
        return Cell("", number=True)
    return Cell(f"{sum(found) / len(found) * scale:,.{digits}f}", number=True)


def _range(values: Iterable[Any]) -> Cell:
    found = sorted(set(_numbers(values)))
    ends = found if len(found) < 2 else [found[0], found[-1]]
    return Cell(" to ".join(f"{value:,.0f}" for value in ends), number=True)


def _method_cost(runs: Sequence[Run]) -> list[Cell]:
    records = [run.record for run in runs]
    first = records[0]
    heads = _get(first, "parameters", "heads") or []
    learned = [_sum(h, "head_parameters", "own_parameters") for h in heads]
    kept = [_sum(h, "head_parameters", "own_values") for h in heads]
    shared = _get(first, "cost", "parameters", "backbone")
    values = _get(first, "cost", "parameters", "per_task") or kept
    stored = _get(first, "cost", "bytes_per_task") or []
    return [
        _cell([shared if shared is not None else _get(first, "parameters", "backbone")]),
        _range(learned),
        _range(values),
        _range(stored),
        _cell([_get(r, "cost", "held_bytes", "final") for r in records], 1e-6, 2),
        _cell([_get(r, "cost", "held_bytes", "peak") for r in records], 1e-6, 2),
        _cell([_get(r, "cost", "exemplar_images") for r in records]),
        _cell([_get(r, "cost", "trained_images") for r in records]),
        _cell([_train_seconds(r) for r in records]),
        _cell([_get(r, "cost", "train_cpu_seconds") for r in records]),
        _cell([r.get("peak_memory_mb") for r in records]),
    ]


def _sum(head: dict[str, Any], *keys: str) -> float | None:
    found = _numbers(head.get(key) for key in keys)
    return sum(found) if len(found) == len(keys) else None


def _train_seconds(record: dict[str, Any]) -> float | None:
    seconds = _get(record, "cost", "train_seconds")
    if seconds is not None:
        return float(seconds)
    stages = _numbers(s.get("train_seconds") for s in record.get("stage_seconds", []))
    return sum(stages) if stages else None


def _macs(run: Run) -> dict[str, float]:
    found = _get(run.record, "cost", "macs_per_image")
    return {k: v for k, v in found.items() if _numbers([v])} if isinstance(found, dict) else {}


def _gate_rows(group: Group) -> tuple[tuple[Cell, ...], ...]:
    rows = []
    for row in group.main_rows:
        cells = _gate_cost(row)
        if any(cell.text for cell in cells):
            rows.append((text(row.method), text(row.gate), *cells))
    return tuple(rows)


def _gate_cost(row: Row) -> tuple[Cell, Cell, Cell, Cell]:
    records = [run.record for run in row.runs]
    entry = [_get(r, "cost", "gates", row.gate_key) for r in records]
    stored = [_get(r, "parameters", "gates", row.gate_key) for r in records]
    forwards = [_get(e, "forwards_per_image") for e in entry if e]
    values = [_get(e, "values") for e in entry if e]
    return (
        _cell(forwards, digits=1),
        _cell([_get(e, "macs_per_image") for e in entry if e], 1e-9, 3),
        _cell(values if _numbers(values) else stored),
        _cell([_get(e, "network_values") for e in entry if e]),
    )


def training_part(group: Group) -> Part | None:
    """Loss and validation SRCC over all epochs, a chart a method."""
    figures = []
    done = set()
    for row in group.main_rows:
        if row.method in done:
            continue
        done.add(row.method)
        if chart := _training_chart(row):
            figures.append(chart)
    if not figures:
        return None
    return Part("training", "Training", words.TRAINING, tuple(figures), opened=False)


def _training_chart(row: Row) -> Figure | None:
    logs = [[r for r in run.bundle.train_log if r.get("event") == "epoch"] for run in row.runs]
    logs = [log for log in logs if log]
    if not logs:
        return None
    loss, rating = (
        [
            Series("", [_value(r.get(key)) for r in log], color=n, thin=True)
            for n, log in enumerate(logs)
        ]
        for key in ("loss", "validation_srcc")
    )
    longest = max(len(log) for log in logs)
    loss, rating = ([_padded(s, longest) for s in series] for series in (loss, rating))
    panels: list[tuple[str, Sequence[Series]]] = [("loss", loss)]
    if any(v == v for s in rating for v in s.values):
        panels.append(("validation SRCC", rating))
    title = f"Training of {row.method}"
    return Figure(title, progress_chart(title, panels, _marks(logs[0])))


def _value(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _padded(series: Series, length: int) -> Series:
    return replace(series, values=[*series.values, *[float("nan")] * (length - len(series.values))])


def _marks(log: Sequence[dict[str, Any]]) -> list[Mark]:
    marks = []
    before: tuple[Any, Any] = (None, None)
    for place, record in enumerate(log):
        now = (record.get("step"), record.get("phase"))
        if now[0] != before[0]:
            marks.append(Mark(place, str(record.get("task", record.get("step")))))
        elif now != before:
            marks.append(Mark(place))
        before = now
    return marks
