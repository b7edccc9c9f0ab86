"""Pseudo-MOS: human means of KADID-10k, and a content term from a full-reference measure."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["QUALITY_RANGE", "Cell", "cell_means", "chain_cell", "pseudo_mos"]

QUALITY_RANGE: Final = (1.0, 5.0)

#: Bound of the content term, in standard deviations.
_MOST: Final = 2.0

#: The cell of KADID-10k that leaves the picture as it is: mean shift by 0.
_UNCHANGED: Final = ("mean_shift", 3)


@dataclass(frozen=True)
class Cell:
    """Mean and standard deviation of quality over contents, on the scale of 1 (bad) to 5."""

    mean: float
    std: float


@cache
def cell_means() -> dict[tuple[str, int], Cell]:
    """Return the human mean and spread of each (type, level) of KADID-10k."""
    text = files("cliqa_embedded").joinpath("data", "kadid10k_cell_means.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {
        (row["type"], int(row["level"])): Cell(float(row["mean"]), float(row["std"]))
        for row in rows
    }


def chain_cell(steps: Sequence[tuple[str, int]]) -> Cell:
    """Combine the cells of distortions applied one after the other.

    Above the bottom of the scale, each step keeps the share of an unchanged picture's quality
    that it keeps when applied alone; shares multiply. This is an assumption, not a measurement.
    The spread is that of the product to first order. One step alone is its own cell.

    Args:
        steps: (type, level), at least one.
    """
    low = QUALITY_RANGE[0]
    full = cell_means()[_UNCHANGED].mean - low
    cells = [cell_means()[step] for step in steps]
    shares = np.array([(cell.mean - low) / full for cell in cells])
    spreads = np.array([cell.std for cell in cells])
    kept = float(shares.prod())
    return Cell(low + full * kept, float(np.linalg.norm(spreads * kept / shares)))


def pseudo_mos(
    cells: Sequence[tuple[object, Cell]], deviations: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Score images: cell mean - cell spread x z, clipped to `QUALITY_RANGE`.

    z is an image's deviation from its reference, standardised over the images of its cell and
    bounded by two; the average of a cell thus stays at the human mean.

    Args:
        cells: a hashable name of each image's cell, and its human mean and spread; length n.
        deviations: full-reference deviation of each image, higher is worse; shape (n,).

    Returns:
        Float64 of shape (n,).
    """
    scores = np.empty(len(cells))
    names = [name for name, _ in cells]
    for name, cell in dict(cells).items():
        members = [i for i, other in enumerate(names) if other == name]
        scores[members] = cell.mean - cell.std * _standardised(deviations[members])
    return np.clip(scores, *QUALITY_RANGE)


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return z values bounded by `_MOST`; zeros where the values do not vary."""
    spread = values.std()
    if spread < 1e-12:
        return np.zeros_like(values)
    return np.clip((values - values.mean()) / spread, -_MOST, _MOST)
