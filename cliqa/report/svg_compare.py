"""Drawings that compare many rows: a scatter, a forest of intervals, a matrix of correlations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import escape

from cliqa.report.colors import heat, ink
from cliqa.report.svg import COLORS, Frame, drawing, tick_step, ticks, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup


@dataclass(frozen=True)
class Point:
    """One row of a scatter or a forest.

    Attributes:
        name: shown in full by a forest, and as the title of a scatter's mark.
        mark: a short label beside a scatter's mark.
        x: its value; of a forest, the middle of the interval.
        y: the second value of a scatter.
        low: lower end of a forest's interval; NaN: none.
        high: upper end.
        color: number of its colour.
        hollow: drawn as an outline.
    """

    name: str
    mark: str = ""
    x: float = float("nan")
    y: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    color: int = 0
    hollow: bool = False


def scatter(label: str, points: Sequence[Point], x_name: str, y_name: str) -> Markup:
    """Points in two dimensions, each with its short label where there is room for it."""
    shown = [p for p in points if p.x == p.x and p.y == p.y]
    width, height = 860.0, 460.0
    lows, highs = zip(*(_limits([getattr(p, a) for p in shown]) for a in "xy"), strict=True)
    frame = Frame(56, 24, width - 80, height - 74, lows[1], highs[1], 1)

    def across(value: float) -> float:
        return frame.left + frame.width * (value - lows[0]) / (highs[0] - lows[0])

    base = frame.top + frame.height
    parts = [
        _grid(across(v), base, frame.top, v, lows[0], highs[0]) for v in ticks(lows[0], highs[0])
    ]
    for v in ticks(lows[1], highs[1]):
        y = frame.y(v)
        parts.append(
            f'<line class="grid" x1="{frame.left:g}" x2="{frame.left + frame.width:g}" '
            f'y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(words(frame.left - 6, y + 4, _tick(v, lows[1], highs[1]), anchor="end"))
    middle = frame.left + frame.width / 2
    parts.append(words(middle, base + 38, x_name, anchor="middle", extra=' class="dim"'))
    parts.append(words(frame.left, 14, y_name, extra=' class="dim"'))
    places = [(across(p.x), frame.y(p.y)) for p in shown]
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in places]
    for point, (x, y) in zip(shown, places, strict=True):
        kind = "ring" if point.hollow else "dot"
        parts.append(
            f'<circle class="{kind} s{point.color % COLORS}" cx="{x:.1f}" cy="{y:.1f}" r="4.5">'
            f"<title>{escape(point.name)}</title></circle>"
        )
        parts += _near(point.mark, x, y, taken)
    return drawing(width, height, label, parts)


def _near(
    mark: str, x: float, y: float, taken: list[tuple[float, float, float, float]]
) -> list[str]:
    """The label at the first free place around its mark; with a line where that is far off."""
    room, tall = 7.0 * len(mark), 11.0
    for reach in (8, 18, 30, 44):
        for turn in (0, -1, 1, -2, 2, -3, 3, 4):
            angle = turn * math.pi / 4
            cx, cy = x + (reach + room / 2) * math.cos(angle), y + (reach + 3) * math.sin(angle)
            box = (cx - room / 2, cy - tall / 2, cx + room / 2, cy + tall / 2)
            if not any(_overlap(box, other) for other in taken):
                taken.append(box)
                line = f'<line class="grid" x1="{x:.1f}" x2="{cx:.1f}" y1="{y:.1f}" y2="{cy:.1f}"/>'
                text = words(cx, cy + 4, mark, anchor="middle")
                return [line, text] if reach > 8 else [text]
    return []


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def forest(label: str, points: Sequence[Point], unit: str) -> Markup:
    """An interval a row around its difference, with a line at 0."""
    left = 24 + min(330.0, 6.8 * max(len(p.name) for p in points))
    width, step, top = 860.0, 21.0, 30.0
    inner = width - left - 24
    ends = [v for p in points for v in (p.x, p.low, p.high, 0.0) if v == v]
    low, high = _limits(ends)
    base = top + len(points) * step

    def across(value: float) -> float:
        return left + inner * (value - low) / (high - low)

    parts = [_grid(across(v), base, top, v, low, high) for v in ticks(low, high)]
    parts.append(
        f'<line class="cut" x1="{across(0):.1f}" x2="{across(0):.1f}" y1="{top:g}" y2="{base:g}"/>'
    )
    parts.append(words(left, 16, unit, extra=' class="dim"'))
    for n, point in enumerate(points):
        y = top + (n + 0.5) * step
        name = point.name if len(point.name) <= 48 else point.name[:47] + "…"
        parts.append(words(left - 8, y + 4, name, anchor="end"))
        color = f"s{point.color % COLORS}"
        if point.low == point.low:
            parts.append(
                f'<line class="line {color}" x1="{across(point.low):.1f}" '
                f'x2="{across(point.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
            )
        if point.x == point.x:
            kind = "ring" if point.hollow else "dot"
            parts.append(
                f'<circle class="{kind} {color}" cx="{across(point.x):.1f}" cy="{y:.1f}" r="4"/>'
            )
    return drawing(width, base + 26, label, parts)


def heat_matrix(
    label: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
) -> Markup:
    """Correlations as coloured cells with their numbers."""
    left = 16 + 6.8 * min(18, max(map(len, rows)))
    wide, tall, top = 62.0, 24.0, 24.0
    parts = []
    for k, name in enumerate(columns):
        middle = left + (k + 0.5) * wide
        parts.append(words(middle, 15, _cut(name, 9), anchor="middle", extra=' class="dim"'))
    for t, (name, line) in enumerate(zip(rows, values, strict=True)):
        y = top + t * tall
        parts.append(words(left - 6, y + 16, _cut(name, 18), anchor="end", extra=' class="dim"'))
        for k, value in enumerate(line):
            if value is None or value != value:
                continue
            color, x = heat(value), left + k * wide
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide - 2:g}" height="{tall - 2:g}" '
                f'fill="{color}"/><text x="{x + wide / 2 - 1:.1f}" y="{y + 15:.1f}" '
                f'text-anchor="middle" style="fill:{ink(color)}">{value:.3f}</text>'
            )
    return drawing(left + len(columns) * wide, top + len(rows) * tall, label, parts)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _limits(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    if high - low < 1e-6:
        return low - 0.05, high + 0.05
    edge = 0.05 * (high - low)
    return low - edge, high + edge


def _tick(value: float, low: float, high: float) -> str:
    digits = max(0, -math.floor(math.log10(tick_step(low, high)) + 1e-9))
    return (
        f"{value:.{digits}f}".replace("-0.0", "0.0") if abs(value) < 1e-9 else f"{value:.{digits}f}"
    )


def _grid(x: float, base: float, top: float, value: float, low: float, high: float) -> str:
    line = f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top:g}" y2="{base:g}"/>'
    return line + words(x, base + 18, _tick(value, low, high), anchor="middle")
