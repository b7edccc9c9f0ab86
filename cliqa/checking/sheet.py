"""The contact sheet: images from the worst to the best, each under its score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from cliqa.checking.scan import THUMBNAIL
from cliqa.sheets import Cell, draw_sheet

if TYPE_CHECKING:
    from PIL import Image

    from cliqa.checking.scan import Scan
    from cliqa.data import RatedDataset

__all__ = ["contact_sheet", "sheet_rows"]

_COLUMNS: Final = 7
_LINES: Final = 6


def sheet_rows(dataset: RatedDataset) -> list[int]:
    """Rows to show, from the worst to the best: evenly spaced in the order of quality.

    Evenly in order, not in value: so the sheet is full however the scores are spread.
    """
    quality = np.asarray(dataset.table["quality"][:], dtype=np.float64)
    order = np.argsort(quality, kind="stable")
    shown = min(len(order), _COLUMNS * _LINES)
    return [int(order[round(i)]) for i in np.linspace(0, len(order) - 1, shown)]


def contact_sheet(name: str, dataset: RatedDataset, scan: Scan) -> Image.Image:
    """Draw the sheet from the thumbnails of a scan.

    Args:
        name: what to call the set.
        dataset: the rated images.
        scan: of all of them, with thumbnails of `sheet_rows`.
    """
    rows = sheet_rows(dataset)
    low, high = dataset.quality_range
    title = f"{name}: {len(rows)} of {len(dataset.table):,} images, worst first ({low:g}..{high:g})"
    cells = [Cell(scan.thumbnails.get(row), *_captions(dataset, row)) for row in rows]
    return draw_sheet(title, cells, columns=_COLUMNS, side=THUMBNAIL)


def _captions(dataset: RatedDataset, row: int) -> tuple[str, str]:
    table = dataset.table
    quality, std, raw = (table[c][row] for c in ("quality", "score_std", "score_raw"))
    score = f"{quality:.4g}" + ("" if std is None else f" ± {std:.3g}")
    if raw != quality:
        score += f"  (score {raw:.4g})"
    return score, str(table["sample_id"][row]).partition("/")[2] or str(table["sample_id"][row])
