"""Drawings as SVG text. Every word goes through `escape`; colours are classes of the page.

The classes `s0` ... `s7` are the page's series colours, which differ in light and dark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Number of series colours that the style sheet defines.
COLORS = 8
_DASHES = ("", "6 3", "2 3", "9 3 2 3", "1 4", "12 4")
#: Height of a line of text in the units of a drawing.
_LINE = 14.0


@dataclass(frozen=True)
class Series:
    """One line of a chart.

    Attributes:
        name: its label.
        values: one a place on the x axis; NaN leaves a gap.
        spread: half the height of the band around each value, or empty.
        color: number of its colour.
        dash: number of its dash pattern.
        thin: one of many, drawn without marks and label.
    """

    name: str
    values: Sequence[float]
    spread: Sequence[float] = ()
    color: int = 0
    dash: int = 0
    thin: bool = False


@dataclass(frozen=True)
class Frame:
    """Where a panel lies and what its axes span."""

    left: float
    top: float
    width: float
    height: float
    low: float
    high: float
    count: int

    def x(self, place: float) -> float:
        """Horizontal position of a place counted from 0."""
        return self.left + self.width * (place + 0.5) / self.count

    def y(self, value: float) -> float:
        """Vertical position of a value."""
        return self.top + self.height * (self.high - value) / (self.high - self.low)


def drawing(width: float, height: float, label: str, parts: Iterable[str]) -> Markup:
    """A whole drawing with a name for those who cannot see it."""
    head = (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        f'role="img" aria-label="{escape(label)}">'
    )
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704 (all parts are made here)


def words(x: float, y: float, text: object, *, anchor: str = "start", extra: str = "") -> str:
    """One line of text with its baseline at (x, y)."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(str(text))}</text>'


def line_chart(label: str, places: Sequence[str], series: Sequence[Series], unit: str) -> Markup:
    """Lines over named places, each labelled at its right end."""
    longest = max(len(s.name) for s in series)
    width, right = 860.0, min(330.0, 24 + 6.6 * longest)
    height = max(300.0, 78 + 2 * _LINE * len(series))
    low, high = _span(series)
    frame = Frame(50, 30, width - 50 - right, height - 78, low, high, len(places))
    parts = [*_axes(frame, unit), *_places(frame, places)]
    parts += [shape for one in series for shape in _line(frame, one)]
    parts += _end_labels(frame, series)
    return drawing(width, height, label, parts)


def _span(series: Sequence[Series]) -> tuple[float, float]:
    """Rounded limits around all values and bands."""
    ends = [
        value
        + sign * (one.spread[i] if i < len(one.spread) and one.spread[i] == one.spread[i] else 0)
        for one in series
        for i, value in enumerate(one.values)
        if value == value
        for sign in (-1, 1)
    ] or [0.0, 1.0]
    low, high = min(ends), max(ends)
    step = tick_step(low, high)
    low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return (low, high) if high > low else (low - step, high + step)


def tick_step(low: float, high: float) -> float:
    """A distance of 1, 2 or 5 times a power of ten that gives three to eight ticks."""
    rough = max(high - low, 1e-9) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next(m * power for m in (1, 2, 5, 10) if m * power >= rough))


def ticks(low: float, high: float) -> list[float]:
    """The values of the ticks from `low` to `high`."""
    step = tick_step(low, high)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _axes(frame: Frame, unit: str) -> list[str]:
    step = tick_step(frame.low, frame.high)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    parts = [words(frame.left - 42, frame.top - 14, unit, extra=' class="dim"')]
    for value in ticks(frame.low, frame.high):
        y = frame.y(value)
        parts.append(
            f'<line class="grid" x1="{frame.left:.1f}" x2="{frame.left + frame.width:.1f}" '
            f'y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(words(frame.left - 6, y + 4, f"{value:.{digits}f}", anchor="end"))
    return parts


def _places(frame: Frame, places: Sequence[str]) -> list[str]:
    room = frame.width / max(len(places), 1)
    base = frame.top + frame.height
    parts = []
    for n, name in enumerate(places):
        most = int((room - 8) / 6.6)  # leaves a gap to the neighbour
        shown = name if len(name) <= most else name[: max(3, most - 1)] + "…"
        parts.append(words(frame.x(n), base + 18, n + 1, anchor="middle"))
        parts.append(words(frame.x(n), base + 34, shown, anchor="middle", extra=' class="dim"'))
    return parts


def _runs(values: Sequence[float]) -> list[list[int]]:
    """Stretches of places that have a value."""
    stretches: list[list[int]] = [[]]
    for place, value in enumerate(values):
        if value == value:
            stretches[-1].append(place)
        elif stretches[-1]:
            stretches.append([])
    return [stretch for stretch in stretches if stretch]


def _line(frame: Frame, one: Series) -> list[str]:
    color = f"s{one.color % COLORS}"
    parts = []
    for stretch in _runs(one.values):
        points = [(frame.x(n), frame.y(one.values[n])) for n in stretch]
        if one.spread:
            half = [one.spread[n] if one.spread[n] == one.spread[n] else 0.0 for n in stretch]
            ends = [(n, one.values[n], h) for n, h in zip(stretch, half, strict=True)]
            band = [(frame.x(n), frame.y(v + h)) for n, v, h in ends]
            band += [(frame.x(n), frame.y(v - h)) for n, v, h in reversed(ends)]
            parts.append(f'<polygon class="band {color}" points="{_points(band)}"/>')
        dash = _DASHES[one.dash % len(_DASHES)]
        style = f' stroke-dasharray="{dash}"' if dash else ""
        kind = "line thin" if one.thin else "line"
        parts.append(f'<polyline class="{kind} {color}"{style} points="{_points(points)}"/>')
        if not one.thin:
            parts += [
                f'<circle class="dot {color}" cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>'
                for x, y in points
            ]
    return parts


def _points(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def spread_out(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions near the wanted ones, at least `gap` apart, in the same order of height."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = [0.0] * len(wanted)
    edge = low - gap
    for i in order:
        placed[i] = edge = max(wanted[i], edge + gap)
    edge = high + gap
    for i in reversed(order):  # push back what ran over the far end
        placed[i] = edge = min(placed[i], edge - gap)
    return placed


def _end_labels(frame: Frame, series: Sequence[Series]) -> list[str]:
    ended = [
        (s, stretches[-1][-1]) for s in series if not s.thin and (stretches := _runs(s.values))
    ]
    heights = [frame.y(s.values[n]) for s, n in ended]
    placed = spread_out(heights, _LINE, frame.top, frame.top + frame.height)
    edge = frame.left + frame.width + 8
    parts = []
    for (one, n), at, y in zip(ended, heights, placed, strict=True):
        color = f"s{one.color % COLORS}"
        parts.append(
            f'<polyline class="lead" points="{frame.x(n) + 4:.1f},{at:.1f} {edge:.1f},{y:.1f}"/>'
        )
        parts.append(words(edge + 3, y + 4, one.name, extra=f' class="label {color}"'))
    return parts


def stacked_bars(
    label: str, rows: Sequence[tuple[str, Sequence[float]]], parts_of: Sequence[str]
) -> Markup:
    """One bar a row, cut into shares that add up to 1, with a legend above."""
    left = 20 + 6.8 * max(len(name) for name, _ in rows)
    width, bar = 760.0, 24.0
    inner = width - left - 10
    shapes, top = _legend(parts_of, width)
    for n, (name, shares) in enumerate(rows):
        y = top + n * (bar + 8)
        shapes.append(words(left - 8, y + 16, name, anchor="end"))
        x = left
        for part, share in enumerate(shares):
            share = share if share == share else 0.0
            shapes.append(
                f'<rect class="fill s{part % COLORS}" x="{x:.1f}" y="{y:.1f}" '
                f'width="{inner * share:.1f}" height="{bar:g}"/>'
            )
            if inner * share > 32:
                middle = x + inner * share / 2
                shapes.append(
                    words(middle, y + 16, f"{share:.2f}", anchor="middle", extra=' class="on"')
                )
            x += inner * share
    return drawing(width, top + len(rows) * (bar + 8), label, shapes)


def _legend(names: Sequence[str], width: float) -> tuple[list[str], float]:
    shapes, x, y = [], 8.0, 4.0
    for n, name in enumerate(names):
        room = 26 + 6.8 * len(name)
        if x + room > width:
            x, y = 8.0, y + 20
        shapes.append(
            f'<rect class="fill s{n % COLORS}" x="{x:g}" y="{y:g}" width="12" height="12"/>'
        )
        shapes.append(words(x + 17, y + 11, name))
        x += room
    return shapes, y + 26


def head_bars(label: str, rows: Sequence[tuple[str, float, float]], own: int | None) -> Markup:
    """One row a head: its tasks, a bar of its weight, the weight and the head's score."""
    left, width, step = 96.0, 300.0, 19.0
    inner = width - left - 100
    shapes = [
        words(left + inner + 8, 11, "weight", extra=' class="dim"'),
        words(width - 2, 11, "score", anchor="end", extra=' class="dim"'),
    ]
    for n, (name, weight, score) in enumerate(rows):
        y = 18 + n * step
        kind = ' class="own"' if n == own else ""
        shown = name if len(name) <= 14 else name[:13] + "…"
        shapes.append(words(left - 6, y + 12, shown, anchor="end", extra=kind))
        shapes.append(
            f'<rect class="track" x="{left:g}" y="{y + 1:.1f}" width="{inner:g}" height="13"/>'
        )
        shapes.append(
            f'<rect class="fill s{n % COLORS}" x="{left:g}" y="{y + 1:.1f}" '
            f'width="{inner * max(weight, 0):.1f}" height="13"/>'
        )
        shapes.append(words(left + inner + 8, y + 12, f"{weight:.2f}"))
        shapes.append(words(width - 2, y + 12, f"{score:.3f}", anchor="end"))
    return drawing(width, 20 + len(rows) * step, label, shapes)


@dataclass(frozen=True)
class Mark:
    """A vertical line before a place, with a name to its right."""

    place: int
    name: str = ""


def progress_chart(
    label: str, panels: Sequence[tuple[str, Sequence[Series]]], marks: Sequence[Mark]
) -> Markup:
    """Panels above each other over the same epochs, with marks where a task begins."""
    count = max((len(s.values) for _, series in panels for s in series), default=1)
    width, high, gap = 860.0, 120.0, 40.0
    parts = []
    for n, (unit, series) in enumerate(panels):
        low, top_value = _span(series)
        frame = Frame(50, 30 + n * (high + gap), width - 60, high, low, top_value, count)
        parts += _axes(frame, unit)
        for mark in marks:
            x = frame.left + frame.width * mark.place / count
            kind = "cut" if mark.name else "cut faint"
            parts.append(
                f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{frame.top:g}" '
                f'y2="{frame.top + high:g}"/>'
            )
            if mark.name and not n:
                parts.append(words(x + 3, frame.top - 14, mark.name, extra=' class="dim"'))
        parts += [shape for one in series for shape in _line(frame, one)]
    return drawing(width, 30 + len(panels) * (high + gap) - 10, label, parts)
