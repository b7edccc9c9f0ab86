"""The board as JSON, as CSV, and as Markdown for a README."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cliqa.report import csv_text
from cliqa.report.plain import escape
from cliqa.results import ResultTable, Spread, Undefined
from cliqa.results import to_markdown as table_markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.leaderboard.model import Board, Comparison, Number, Row, Track

#: Methods of a track in the Markdown table; the page has all.
_TOP: Final = 20
_COST: Final = (
    "parameters_per_task",
    "held_mb",
    "exemplar_images",
    "train_cpu_seconds",
    "train_seconds",
    "forwards_per_image",
    "gmacs_per_image",
)


def board_json(board: Board) -> str:
    """`leaderboard.json`; `board_schema` describes it."""
    return board.model_dump_json(indent=1) + "\n"


def board_csv(board: Board) -> str:
    """`leaderboard.csv`: one line a row of a track, an empty cell where there is no value."""
    compared = ("difference", "low", "high", "p", "p_holm", "wilcoxon_p")
    header = [
        *("track", "track_title", "orders", "place", "status", "method", "gate", "backbone"),
        *("trust", "memory", "extra_data", "submitted", "declared"),
        *(f"{name}_{part}" for name in board.metrics for part in ("mean", "std", "n")),
        *("baseline", *compared, "procedure"),
        *_COST,
    ]
    lines: list[Sequence[str]] = [header]
    for track in board.tracks:
        for row in track.rows:
            numbers = [row.metrics[name] for name in board.metrics]
            lines.append(
                [
                    *(track.id, track.title, " ".join(track.orders), _cell(row.place), row.status),
                    *(row.method, row.gate, row.backbone, row.trust, row.memory, row.extra_data),
                    *(str(row.submitted), str(row.declared)),
                    *(_cell(v) for number in numbers for v in (number.mean, number.std, number.n)),
                    track.baseline,
                    *(_cell(getattr(row.comparison, name)) for name in compared),
                    row.comparison.procedure,
                    *(_cell(getattr(row.cost, name)) for name in _COST),
                ]
            )
    return csv_text(lines)


def _cell(value: float | None) -> str:
    return "" if value is None else repr(value)


def board_markdown(board: Board) -> str:
    """A table a track, to be pasted into a README."""
    newest = f" Newest run: {escape(board.newest)}." if board.newest else ""
    parts = [f"## {escape(board.title)}\n\nRanked by {board.metric}.{newest}\n"]
    for track in board.tracks:
        parts.append(table_markdown(_table(board, track)))
        note = f"Difference to {track.baseline or 'no baseline'}: {track.procedure}"
        left_out = len(track.rows) - _TOP
        more = f" {left_out} further rows are on the page." if left_out > 0 else ""
        parts.append(escape(note + more) + "\n")
    if board.rejected:
        parts.append(f"{len(board.rejected)} bundles were rejected; the page says why.\n")
    return "\n".join(parts)


def _table(board: Board, track: Track) -> ResultTable:
    header = ("place", "method", "gate", *board.metrics, "difference [95 %]", "trust")
    rows = tuple(_markdown_row(board, row) for row in track.rows[:_TOP])
    return ResultTable(track.title, header, rows, names=3)


def _markdown_row(board: Board, row: Row) -> tuple[str | Spread | Undefined, ...]:
    place = str(row.place) if row.place else row.status
    numbers = [_spread(row.metrics[name]) for name in board.metrics]
    named = (place, row.method, row.gate)
    return (*named, *numbers, interval_text(row.comparison), f"{row.trust}, n = {row.submitted}")


def _spread(number: Number) -> Spread:
    return Spread(number.mean, number.std, (), number.reason)


def interval_text(found: Comparison) -> str:
    """`+0.012 [-0.003, 0.027]`, or the part of it that there is."""
    if found.difference is None:
        return "–"
    text = f"{found.difference:+.3f}"
    if found.low is None or found.high is None:
        return text
    return f"{text} [{found.low:.3f}, {found.high:.3f}]"
