"""The same picture several times: in one set, and in two parts of its division."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cliqa.data.splits import PARTS

if TYPE_CHECKING:
    from cliqa.checking.scan import Scan
    from cliqa.data import RatedDataset, Split

__all__ = ["find_duplicates"]


def find_duplicates(dataset: RatedDataset, scan: Scan, split: Split | None) -> list[dict[str, Any]]:
    """Groups of images whose decoded pixels are equal.

    Returns:
        For each group its `sample_ids`; `same_file`, whether the files are equal byte by byte;
        `same_content`, whether all belong to one content group; `parts`, those of the division
        that hold any of them; and `quality`, each image's.
    """
    rows_of = _equal_rows(scan)
    if not rows_of:
        return []
    table = dataset.table.select_columns(["sample_id", "reference", "quality"])
    ids, references, quality = (table[c][:] for c in ("sample_id", "reference", "quality"))
    part_of = {} if split is None else {r: p for p in PARTS for r in getattr(split, p)}
    return [
        {
            "sample_ids": [ids[row] for row in rows],
            "same_file": bool((scan.files[rows] == scan.files[rows[0]]).all()),
            "same_content": references[rows[0]] is not None
            and len({references[row] for row in rows}) == 1,
            "parts": [p for p in PARTS if p in {part_of.get(row) for row in rows}],
            "quality": [quality[row] for row in rows],
        }
        for rows in rows_of
    ]


def _equal_rows(scan: Scan) -> list[list[int]]:
    """Rows of each picture that there is several times, in the order of the first."""
    rows = np.flatnonzero(scan.readable)
    if not len(rows):
        return []
    _, group, counts = np.unique(scan.pixels[rows], axis=0, return_inverse=True, return_counts=True)
    several = np.flatnonzero(counts > 1)
    found = [rows[group.ravel() == number].tolist() for number in several]
    return sorted(found)
