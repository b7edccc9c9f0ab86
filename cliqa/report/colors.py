"""Colours that stay apart for colour-blind readers, and text that stays readable on them."""

from __future__ import annotations

_BLUES = ((255, 255, 255), (158, 202, 225), (49, 130, 189), (8, 48, 107))
_ORANGES = ((255, 255, 255), (253, 184, 99), (179, 88, 6))


def heat(value: float) -> str:
    """The colour of a correlation: white at 0, blue towards 1, orange towards -1."""
    return _hex(_between(_BLUES if value >= 0 else _ORANGES, min(abs(value), 1.0)))


def depth(share: float) -> str:
    """The colour of a quantity: white at 0, dark blue at 1."""
    return _hex(_between(_BLUES, min(max(share, 0.0), 1.0)))


def ink(background: str) -> str:
    """Black or white, whichever has more contrast on `background` by the measure of WCAG 2.2."""
    light = luminance(background)
    return "#ffffff" if 1.05 / (light + 0.05) > (light + 0.05) / 0.05 else "#000000"


def luminance(color: str) -> float:
    """Relative luminance of `#rrggbb`, 0 to 1."""
    channels = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _between(stops: tuple[tuple[int, int, int], ...], share: float) -> tuple[float, float, float]:
    place = share * (len(stops) - 1)
    first = min(int(place), len(stops) - 2)
    part = place - first
    low, high = stops[first], stops[first + 1]
    red, green, blue = (a + part * (b - a) for a, b in zip(low, high, strict=True))
    return red, green, blue


def _hex(color: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(channel):02x}" for channel in color)
