"""The check of one set: what is looked at, and what counts as a fault."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cliqa.checking.duplicates import find_duplicates
from cliqa.checking.report import SetReport
from cliqa.checking.scores import (
    distortion_table,
    group_sizes,
    levels_against_quality,
    score_facts,
)
from cliqa.data import parted_groups, split_digest
from cliqa.data.splits import PARTS
from cliqa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cliqa.checking.scan import Scan
    from cliqa.data import RatedDataset, Split, SplitRecord

__all__ = ["check_set"]

#: Stored forms that lose what they hold when they become 8-bit RGB.
_CLIPPED: Final = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
#: A set whose qualities fill less of their range than this was perhaps read on another scale.
_LITTLE: Final = 0.25


def check_set(
    name: str,
    dataset: RatedDataset,
    scan: Scan,
    divide: Callable[[RatedDataset], tuple[Split, SplitRecord]],
    *,
    missing: Sequence[str] = (),
) -> SetReport:
    """Judge a set by its table and by what decoding its images showed.

    Args:
        name: what to call it.
        dataset: the rated images.
        scan: of all of them.
        divide: makes the division under which equal pictures must not be parted.
        missing: images that the set lists and that were left out because they are absent.
    """
    report = SetReport(name, len(dataset.table), dataset.pseudo_scores, info=dict(dataset.info))
    absent = [_absent(image) for image in missing]
    report.bad = [*absent, *(asdict(bad) for bad in scan.bad)]
    if report.bad:
        count = len(report.bad)
        report.faults.append(
            f"{count} image{'s are' if count > 1 else ' is'} missing or unreadable"
        )
    _scores(report, dataset)
    report.groups = group_sizes(dataset)
    _distortions(report, dataset)
    _sizes(report, dataset, scan)
    split = _split(report, dataset, divide)
    _duplicates(report, dataset, scan, split)
    return report


def _absent(image: str) -> dict[str, str]:
    return {"sample_id": image, "path": "", "kind": "missing", "cause": "found in no folder"}


def _scores(report: SetReport, dataset: RatedDataset) -> None:
    report.scores = scores = score_facts(dataset)
    low, high = scores["quality"]
    if low == high:
        report.faults.append(f"every image has the quality {low:g}: there is nothing to learn")
    elif scores["used"] is not None and scores["used"] < _LITTLE:
        report.warnings.append(
            f"qualities lie in {low:g}..{high:g}, {scores['used']:.0%} of the declared range: is "
            "the scale right?"
        )
    if scores["direction"] == "not a function of the published score":
        report.warnings.append("quality neither rises nor falls steadily with the published score")
    if 0 < scores["deviations"] < report.images:
        report.warnings.append(
            f"only {scores['deviations']} of {report.images} images have a standard deviation"
        )


def _distortions(report: SetReport, dataset: RatedDataset) -> None:
    report.distortions = distortion_table(dataset)
    trends = levels_against_quality(dataset)
    report.scores["falls_with_level"] = [sum(v < 0 for v in trends.values()), len(trends)]
    rising = [kind for kind, value in trends.items() if value > 0]
    if 2 * len(rising) > len(trends):
        report.warnings.append(
            f"quality rises with the level for {len(rising)} of {len(trends)} distortions: if a "
            "higher level is a stronger distortion, the direction of the scores is reversed"
        )


def _sizes(report: SetReport, dataset: RatedDataset, scan: Scan) -> None:
    width, height = (side[scan.readable].astype(np.int64) for side in (scan.width, scan.height))
    if not len(width):
        return
    order = np.argsort(width * height, kind="stable")
    places = {"smallest": 0, "median": (len(order) - 1) // 2, "largest": -1}
    turned = int((scan.orientation[scan.readable] > 1).sum())
    report.sizes = {
        **{key: [int(width[order[at]]), int(height[order[at]])] for key, at in places.items()},
        "different": len(set(zip(width.tolist(), height.tolist(), strict=True))),
        "portrait": int((height > width).sum()),
        "exif_rotated": turned,
        "exif_transpose": dataset.exif_transpose,
        "modes": dict(scan.modes.most_common()),
    }
    if turned and not dataset.exif_transpose:
        report.warnings.append(
            f"{turned} image{'s' if turned > 1 else ''} are to be turned as their EXIF data say, "
            "and are used as stored"
        )
    if clipped := sum(scan.modes[mode] for mode in _CLIPPED):
        report.warnings.append(
            f"{clipped} images are stored with more than 8 bits a channel, and are cut off at 255 "
            "when they are read; convert them first"
        )


def _split(
    report: SetReport,
    dataset: RatedDataset,
    divide: Callable[[RatedDataset], tuple[Split, SplitRecord]],
) -> Split | None:
    try:
        split, record = divide(dataset)
    except DataError as error:
        report.faults.append(str(error))
        return None
    parted = parted_groups(dataset, split)
    report.split = {
        **record.dump(),
        **{part: len(getattr(split, part)) for part in PARTS},
        "parted_groups": parted,
        "sha256": split_digest(dataset.table["sample_id"][:], split),
    }
    if parted:
        report.warnings.append(
            f"{len(parted)} contents have images in more than one part of the split, for example "
            f"`{parted[0]}`"
        )
    return split


def _duplicates(report: SetReport, dataset: RatedDataset, scan: Scan, split: Split | None) -> None:
    report.duplicates = find_duplicates(dataset, scan, split)
    parted = [group for group in report.duplicates if len(group["parts"]) > 1]
    if parted:
        report.faults.append(
            f"{_pictures(parted)} in more than one part of the split: "
            f"{_examples(parted)}; give equal pictures one `reference`, or leave them out"
        )
    apart = [g for g in report.duplicates if not g["same_content"] and g not in parted]
    if apart:
        report.warnings.append(
            f"{_pictures(apart)} several times, and not as one content, so that a split may part "
            f"them: {_examples(apart)}"
        )
    unlike = [g for g in report.duplicates if max(g["quality"]) - min(g["quality"]) > 1e-9]
    if unlike:
        report.warnings.append(
            f"{_pictures(unlike)} under different qualities: {_examples(unlike)}"
        )


def _pictures(groups: Sequence[dict[str, Any]]) -> str:
    return f"{len(groups)} picture{'s are' if len(groups) > 1 else ' is'} there"


def _examples(groups: Sequence[dict[str, Any]]) -> str:
    return "; ".join(" = ".join(f"`{i}`" for i in g["sample_ids"][:3]) for g in groups[:2])
