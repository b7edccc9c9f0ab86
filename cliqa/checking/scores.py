"""Scores, contents and distortions of a set, from its table alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cliqa.metrics import srcc

if TYPE_CHECKING:
    from cliqa.data import RatedDataset

__all__ = ["distortion_table", "group_sizes", "levels_against_quality", "score_facts"]

_EXTREMES: Final = 3


def score_facts(dataset: RatedDataset) -> dict[str, Any]:
    """Ranges found and declared, how quality comes from the score, deviations, extreme images."""
    quality = np.asarray(dataset.table["quality"][:], dtype=np.float64)
    raw = np.asarray(dataset.table["score_raw"][:], dtype=np.float64)
    stds = [value for value in dataset.table["score_std"][:] if value is not None]
    low, high = dataset.quality_range
    order = np.argsort(quality, kind="stable")
    return {
        "declared": [low, high],
        "quality": [float(quality.min()), float(quality.max())],
        "score_raw": [float(raw.min()), float(raw.max())],
        "used": float(np.ptp(quality) / (high - low)) if high > low else None,
        "direction": _direction(raw, quality),
        "deviations": len(stds),
        "deviation": None if not stds else _spread(stds),
        "worst": _named(dataset, order[:_EXTREMES]),
        "best": _named(dataset, order[::-1][:_EXTREMES]),
    }


def _direction(raw: np.ndarray, quality: np.ndarray) -> str:
    """How quality comes from the published score."""
    if np.array_equal(raw, quality):
        return "as published"
    agreement = srcc(raw, quality)
    if agreement > 0.999:
        return "rescaled"
    return "turned round" if agreement < -0.999 else "not a function of the published score"


def _spread(values: list[float]) -> list[float]:
    return [float(v) for v in (np.min(values), np.median(values), np.max(values))]


def _named(dataset: RatedDataset, rows: np.ndarray) -> list[dict[str, Any]]:
    table = dataset.table
    return [
        {key: table[key][int(row)] for key in ("sample_id", "quality", "score_raw")} for row in rows
    ]


def group_sizes(dataset: RatedDataset) -> dict[str, int] | None:
    """Number of content groups, images in the smallest and the largest, images without one."""
    references = dataset.table["reference"][:]
    counts = Counter(reference for reference in references if reference is not None)
    if not counts:
        return None
    return {
        "groups": len(counts),
        "smallest": min(counts.values()),
        "largest": max(counts.values()),
        "ungrouped": references.count(None),
    }


def distortion_table(dataset: RatedDataset) -> dict[str, dict[str, int]]:
    """Distortion type -> level -> images; an unknown level is `-`."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    kinds, levels = dataset.table["distortion"][:], dataset.table["level"][:]
    for kind, level in zip(kinds, levels, strict=True):
        if kind is not None or level is not None:
            table[str(kind or "-")]["-" if level is None else str(level)] += 1
    return {
        kind: dict(sorted(row.items(), key=lambda item: (len(item[0]), item[0])))
        for kind, row in sorted(table.items())
    }


def levels_against_quality(dataset: RatedDataset) -> dict[str, float]:
    """Distortion type -> SRCC of level and quality; types with one level are left out.

    Where levels count how strong a distortion is, quality falls as they rise.
    """
    rows: dict[str, list[tuple[int, float]]] = defaultdict(list)
    columns = (dataset.table[name][:] for name in ("distortion", "level", "quality"))
    for kind, level, quality in zip(*columns, strict=True):
        if kind is not None and level is not None:
            rows[kind].append((level, quality))
    found = {kind: srcc(*zip(*pairs, strict=True)) for kind, pairs in sorted(rows.items())}
    return {kind: value for kind, value in found.items() if not np.isnan(value)}
