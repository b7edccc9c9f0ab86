"""Tables of results: plain data first, then text for a terminal or for Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from cliqa.results.spread import Spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.table import Table

#: The columns of the TSN-IQA paper's tables.
MAIN_METRICS: Final = ("mSRCC", "mPI", "mSI", "mPSI")
MISSING: Final = "–"
#: A reason that needs no footnote: half a matrix can have it.
NOT_EVALUATED: Final = "not evaluated"
_RAISED: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Undefined:
    """A cell without a value, and why."""

    reason: str


#: What a table's cell can hold.
TableCell: TypeAlias = str | int | float | Spread | Undefined


@dataclass(frozen=True)
class ResultTable:
    """A table as data.

    Attributes:
        title: what the table shows.
        header: one name a column.
        rows: text, a count, a number, a number over several seeds, or `Undefined`, one a column.
        names: how many leading columns name the row; default: method and gate, or one.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    names: int | None = None

    def formatted(self) -> tuple[list[list[str]], list[str]]:
        """Rows as text, three decimals as in the papers, and the footnotes they refer to."""
        notes: list[str] = []
        rows = [[_text(cell, notes) for cell in row] for row in self.rows]
        return rows, [f"{_mark(n)} {note}" for n, note in enumerate(notes, start=1)]


def _mark(number: int) -> str:
    return str(number).translate(_RAISED)


def _text(cell: TableCell, notes: list[str]) -> str:
    if isinstance(cell, str | int):
        return str(cell)
    if isinstance(cell, Spread):
        if cell.mean is None:
            return _text(Undefined(cell.reason), notes)
        deviation = "" if cell.deviation is None else f" ± {cell.deviation:.3f}"
        return _text(cell.mean, notes) + deviation
    if isinstance(cell, Undefined) and cell.reason == NOT_EVALUATED:
        return "·"
    if isinstance(cell, Undefined):
        if cell.reason not in notes:
            notes.append(cell.reason)
        return MISSING + _mark(notes.index(cell.reason) + 1)
    return f"{cell:.3f}".replace("-0.000", "0.000")


def _cell(entry: Mapping[str, Any], value: float | None, path: str) -> float | Undefined:
    if value is not None:
        return float(value)
    reason = entry.get("undefined", {}).get(path, "not computed")
    if path.startswith("srcc") and reason.endswith(f": {NOT_EVALUATED}"):
        return Undefined(NOT_EVALUATED)
    return Undefined(reason)


def summary_table(
    results: Iterable[tuple[str, Mapping[str, Any]]],
    columns: Sequence[str] = MAIN_METRICS,
    title: str = "Summary",
) -> ResultTable:
    """One row a method and gate.

    Args:
        results: the method's label and the content of its `metrics.json`.
        columns: names of metrics.
        title: what the table shows.
    """
    rows = tuple(
        (label, gate, *(_cell(entry, entry.get(name), name) for name in columns))
        for label, metrics in results
        for gate, entry in metrics["gates"].items()
    )
    return ResultTable(title, ("method", "gate", *columns), rows)


def unseen_table(
    results: Iterable[tuple[str, Mapping[str, Any]]], title: str = "SRCC on sets never learned"
) -> ResultTable | None:
    """One row a method and gate, one column a set that was only tested on; None if there is none.

    Args:
        results: the method's label and the content of its `metrics.json`.
        title: what the table shows.
    """
    entries = [
        (label, gate, entry)
        for label, metrics in results
        for gate, entry in metrics["gates"].items()
        if entry.get("evaluate_only")
    ]
    if not entries:
        return None
    sets = list(entries[0][2]["evaluate_only"])
    rows = tuple(
        (label, gate, *(_cell(e, e["evaluate_only"][s], f"evaluate_only.{s}") for s in sets))
        for label, gate, e in entries
    )
    return ResultTable(title, ("method", "gate", *sets), rows)


def cost_table(costs: Iterable[tuple[str, Mapping[str, Any]]], title: str = "Cost") -> ResultTable:
    """One row a method: what it stores a task, what it holds while it learns, what it took.

    Args:
        costs: the method's label and the entry `cost` of its `run.json`.
        title: what the table shows.
    """
    rows = tuple(
        (
            label,
            _thousands(max(cost["parameters"]["per_task"], default=0)),
            _megabytes(cost["held_bytes"]["peak"]),
            _thousands(cost["exemplar_images"]),
            _thousands(cost["trained_images"]),
            f"{cost['train_cpu_seconds']:.0f}",
        )
        for label, cost in costs
    )
    header = ("method", "values a task", "held MB", "exemplars", "images trained", "CPU s")
    return ResultTable(title, header, rows)


def _thousands(count: int) -> str:
    return f"{count:,}"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f}"


def stage_names(metrics: Mapping[str, Any]) -> list[str]:
    """What each stage learned: its task, or the first one and how many more.

    Args:
        metrics: the content of a `metrics.json`.
    """
    tasks = metrics["tasks"]
    learned_at = metrics.get("learned_at") or range(len(tasks))
    names = []
    for stage in range(max(learned_at) + 1):
        own = [task for task, at in zip(tasks, learned_at, strict=True) if at == stage]
        names.append(own[0] if len(own) == 1 else f"{own[0]} and {len(own) - 1} more")
    return names


def matrix_table(label: str, metrics: Mapping[str, Any], gate: str) -> ResultTable:
    """SRCC after each task on each test set, as Table IV of the TSN-IQA paper.

    Args:
        label: the method's label.
        metrics: the content of its `metrics.json`.
        gate: name of the gate.
    """
    entry, tasks = metrics["gates"][gate], metrics["tasks"]
    rows = tuple(
        (task, *(_cell(entry, v, f"srcc[{t}][{k}]") for k, v in enumerate(entry["srcc"][t])))
        for t, task in enumerate(stage_names(metrics))
    )
    return ResultTable(f"SRCC: {label}, gate {gate}", ("after task", *tasks), rows)


def final_table(
    results: Iterable[tuple[str, Mapping[str, Any]]],
    title: str = "SRCC on each task after the last stage",
) -> ResultTable:
    """One row a task, one column a method and gate, and the mean: for streams of many tasks.

    Args:
        results: the method's label and the content of its `metrics.json`; all of one stream.
        title: what the table shows.
    """
    header, columns = ["task"], []
    tasks: Sequence[str] = ()
    for label, metrics in results:
        tasks = metrics["tasks"]
        for gate, entry in metrics["gates"].items():
            header.append(f"{label} {gate}" if len(metrics["gates"]) > 1 else label)
            last = len(entry["srcc"]) - 1
            values = entry["srcc"][last]
            cells = [_cell(entry, v, f"srcc[{last}][{k}]") for k, v in enumerate(values)]
            missing = next((cell for cell in cells if isinstance(cell, Undefined)), None)
            columns.append([*cells, missing or sum(values) / len(values)])
    rows = [
        (name, *(column[place] for column in columns))
        for place, name in enumerate((*tasks, "mean"))
    ]
    return ResultTable(title, tuple(header), tuple(rows), names=1)


def to_markdown(table: ResultTable) -> str:
    """The table as Markdown, with its title before and its footnotes after it."""
    rows, notes = table.formatted()
    numbers = len(table.header) - _texts(table)
    lines = [
        f"**{_escape(table.title)}**",
        "",
        _line(table.header),
        "|" + "---|" * _texts(table) + "---:|" * numbers,
        *(_line(row) for row in rows),
    ]
    if notes:
        lines += ["", "  \n".join(_escape(note) for note in notes)]
    return "\n".join(lines) + "\n"


def _texts(table: ResultTable) -> int:
    """How many leading columns hold text."""
    if table.names is not None:
        return table.names
    return 2 if table.header[:2] == ("method", "gate") else 1


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_escape(cell) for cell in cells) + " |"


def _escape(text: str) -> str:
    text = " ".join(text.split())
    for sign in "\\|*_`<[":
        text = text.replace(sign, "\\" + sign)
    return text


def to_rich(table: ResultTable) -> Table:
    """The table for `rich.console.Console.print`, with its footnotes as the caption."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows, notes = table.formatted()
    drawn = Table(
        title=Text(table.title),
        title_justify="left",
        # Narrow, so that six tasks fit a terminal of 80 columns.
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        caption=Text("\n".join(notes)) if notes else None,
        caption_justify="left",
    )
    for place, name in enumerate(table.header):
        drawn.add_column(
            Text(name), justify="left" if place < _texts(table) else "right", overflow="fold"
        )
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    return drawn
