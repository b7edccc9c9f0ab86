"""A track as the page shows it: cells with what they sort by, footnotes, drawings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cliqa.leaderboard import words
from cliqa.leaderboard.plain import interval_text
from cliqa.report.svg import Series, line_chart
from cliqa.report.svg_compare import Point, forest, heat_matrix, scatter

if TYPE_CHECKING:
    from markupsafe import Markup

    from cliqa.leaderboard.model import Board, Number, Row, Track

#: Lines of the chart of PSI curves, and matrices of long streams.
_SHOWN: Final = 8
_SMALL_MATRIX: Final = 100
_MISSING: Final = "–"
#: Column -> attribute of `Cost`, decimals.
_COSTS: Final = {
    "parameters a task": ("parameters_per_task", 0),
    "held, MB": ("held_mb", 1),
    "exemplars": ("exemplar_images", 0),
    "training, CPU s": ("train_cpu_seconds", 0),
    "passes an image": ("forwards_per_image", 1),
    "GMACs an image": ("gmacs_per_image", 3),
}


@dataclass(frozen=True)
class ViewCell:
    """One cell: its text, what it is sorted by (None: last), and its footnote's number."""

    text: str
    sort: float | str | None
    note: int = 0


@dataclass
class TrackView:
    """What the template shows of a track; `notes` are numbered from 1."""

    track: Track
    header: list[tuple[str, bool]]
    rows: list[tuple[Row, list[ViewCell]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, reason: str) -> int:
        """The number of a footnote."""
        if not reason:
            return 0
        if reason not in self.notes:
            self.notes.append(reason)
        return self.notes.index(reason) + 1


def track_view(board: Board, track: Track) -> TrackView:
    """Make every cell."""
    others = [name for name in board.metrics if name != board.metric]
    header = [
        *((name, False) for name in ("method", "gate")),
        *((name, True) for name in ("#", board.metric, f"{board.metric} - baseline", "p (Holm)")),
        *((name, True) for name in others),
        ("trust", False),
        *((name, True) for name in ("runs", *_COSTS)),
        *((name, False) for name in ("memory", "extra data", "backbone")),
        ("p (Wilcoxon)", True),
    ]
    view = TrackView(track, header)
    for n, row in enumerate(track.rows, start=1):
        view.rows.append((row, _cells(view, board, row, n)))
    return view


def _cells(view: TrackView, board: Board, row: Row, n: int) -> list[ViewCell]:
    c = row.comparison
    place = ViewCell(str(n), n) if row.place else ViewCell(f"({n})", n, view.note(_why(row)))
    runs = f"{row.submitted} of {row.declared}"
    return [
        *(ViewCell(text, text) for text in (row.method, row.gate)),
        place,
        _number(view, row.metrics[board.metric]),
        ViewCell(interval_text(c), c.difference, view.note(c.reason)),
        ViewCell(_p(c.p_holm), c.p_holm),
        *(_number(view, row.metrics[name]) for name in board.metrics if name != board.metric),
        ViewCell(row.trust, row.trust),
        ViewCell(runs, row.submitted),
        *(_plain(getattr(row.cost, name), digits) for name, digits in _COSTS.values()),
        *(ViewCell(t or "none", t) for t in (row.memory, row.extra_data, row.backbone)),
        ViewCell(_p(c.wilcoxon_p), c.wilcoxon_p, view.note(c.wilcoxon_reason)),
    ]


def _why(row: Row) -> str:
    return {
        "joint": "no place: learned several tasks at once, a bound",
        "told": "no place: told which task an image is from, a bound",
        "incomplete": "no place: lacks runs of the track's seeds or orders",
        "undefined": "no place: the ranking metric is undefined in a run",
    }.get(row.status, "")


def _number(view: TrackView, value: Number) -> ViewCell:
    if value.mean is None:
        return ViewCell(_MISSING, None, view.note(value.reason))
    spread = f" ± {value.std:.3f}" if value.std is not None else ""
    return ViewCell(f"{value.mean:.3f}{spread}", value.mean)


def _p(value: float | None) -> str:
    return _MISSING if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _plain(value: float | None, digits: int) -> ViewCell:
    return ViewCell(_MISSING if value is None else f"{value:,.{digits}f}", value)


def figures(board: Board, track: Track) -> list[tuple[str, str, Markup]]:
    """Title, how to read it, and the drawing."""
    found = []
    points = [
        Point(
            name=f"{row.method} · {row.gate}: plasticity {_p3(row, 'mPI')}, "
            f"stability {_p3(row, 'mSI')}",
            mark=str(n),
            x=_value(row, "mSI"),
            y=_value(row, "mPI"),
            hollow=row.place is None,
        )
        for n, row in enumerate(track.rows, start=1)
    ]
    if any(p.x == p.x and p.y == p.y for p in points):
        title = "Plasticity and stability"
        drawn = scatter(f"{title}, {track.title}", points, "mSI, stability", "mPI, plasticity")
        found.append((title, words.SCATTER, drawn))
    if series := _series(track):
        title = "PSI after each task"
        drawn = line_chart(f"{title}, {track.title}", track.stages, series, "PSI")
        found.append((title, words.CURVES, drawn))
    if compared := [row for row in track.rows if row.comparison.difference is not None]:
        title = f"{board.metric}: difference to {track.baseline}"
        unit = f"{board.metric} minus the baseline's, 95 % interval"
        drawn = forest(f"{title}, {track.title}", [_interval(r) for r in compared], unit)
        found.append((title, words.FOREST, drawn))
    return found


def _value(row: Row, metric: str) -> float:
    mean = row.metrics[metric].mean
    return float("nan") if mean is None else mean


def _p3(row: Row, metric: str) -> str:
    return f"{_value(row, metric):.3f}"


def _interval(row: Row) -> Point:
    c, none = row.comparison, float("nan")
    low, high = (none if v is None else v for v in (c.low, c.high))
    return Point(
        name=f"{row.method} · {row.gate}",
        x=none if c.difference is None else c.difference,
        low=low,
        high=high,
        hollow=not (c.p_holm is not None and c.p_holm < 0.05),
    )


def _series(track: Track) -> list[Series]:
    best: dict[str, Row] = {}
    for row in track.rows:
        if row.place and row.psi and None not in row.psi:
            best.setdefault(row.method, row)
    return [
        Series(f"{row.method} · {row.gate}", [v for v in row.psi if v is not None], (), n, n)
        for n, row in enumerate(list(best.values())[:_SHOWN])
    ]


def matrices(track: Track) -> list[tuple[str, Markup]]:
    """Name and SRCC matrix of each row of a track of one order."""
    rows = [row for row in track.rows if row.srcc]
    if len(track.tasks) * len(track.stages) > _SMALL_MATRIX:
        rows = rows[:_SHOWN]
    return [
        (
            name,
            heat_matrix(f"SRCC matrix, {name}", track.stages[-len(r.srcc) :], track.tasks, r.srcc),
        )
        for r in rows
        for name in (f"{r.method} · {r.gate}",)
    ]
