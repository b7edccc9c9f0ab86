"""Content-independent splits that are the same on every platform, for ever."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cliqa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.data.rated import RatedDataset

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Split:
    """Row numbers of a dataset's table in each part, ascending and disjoint.

    Together all rows, but for those that a user's own division leaves out.
    """

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class SplitRecord:
    """How a division came about, as a result tells it: no path of the machine is in it.

    Attributes:
        source: the protocol (`70/10/20`, `official`, `all-test`), or `files` for one's own.
        by: what a drawn division keeps together; None if none was drawn.
        seed: of a drawn division.
        files: name and SHA-256 of each file of one's own.
        left_out: images in no part.
    """

    source: str
    by: str | None = None
    seed: int | None = None
    files: tuple[tuple[str, str], ...] = ()
    left_out: int = 0

    def dump(self) -> dict[str, Any]:
        """The record as plain JSON values, without what was not the case."""
        drawn = {} if self.by is None else {"by": self.by, "seed": self.seed}
        files = [{"name": name, "sha256": digest} for name, digest in self.files]
        own = {"files": files, "left_out": self.left_out} if files else {}
        return {"source": self.source, **drawn, **own}


def make_split(
    dataset: RatedDataset, protocol: str, *, by: Literal["reference", "image"], seed: int
) -> Split:
    """Divide a dataset's rows.

    Groups are put in the order of a hash of (seed, group name) and cut at the rounded percentages
    of their number. The order of one group thus depends on no other group, no file order and no
    random number generator: datasets with the same contents share their division.

    Args:
        dataset: the rated images.
        protocol: `"70/10/20"` (percent of groups in train/val/test), `"official"`, or
            `"all-test"` for a set that is only tested on.
        by: `reference` keeps content groups together; an image without one is its own group.
        seed: the split's seed; another seed gives another division.

    Raises:
        DataError: too few groups for three parts, or no official split in the table.
    """
    if protocol == "official":
        return _official(dataset)
    if protocol == "all-test":
        return Split((), (), tuple(range(len(dataset.table))))
    groups = _groups(dataset, by)
    ordered = sorted(set(groups), key=lambda g: hashlib.sha256(f"{seed}\x1f{g}".encode()).digest())
    train, val = _cuts(dataset, protocol, len(ordered), by)
    part_of = {
        group: "train" if i < train else "val" if i < val else "test"
        for i, group in enumerate(ordered)
    }
    return _collect([part_of[group] for group in groups])


def split_record(protocol: str, *, by: str, seed: int) -> SplitRecord:
    """The record of what `make_split` does with these arguments."""
    if protocol in {"official", "all-test"}:
        return SplitRecord(source=protocol)
    return SplitRecord(source=protocol, by=by, seed=seed)


def split_digest(sample_ids: Sequence[str], split: Split) -> str:
    """SHA-256 of a division: of part and id of each image, whatever their order."""
    lines = sorted(
        f"{part}\x1f{sample_ids[row]}\x1e" for part in PARTS for row in getattr(split, part)
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def parted_groups(dataset: RatedDataset, split: Split) -> list[str]:
    """Content groups of which there are images in more than one part, in alphabetical order."""
    references = dataset.table["reference"][:]
    parts_of: dict[str, set[str]] = {}
    for part in PARTS:
        for row in getattr(split, part):
            if references[row] is not None:
                parts_of.setdefault(references[row], set()).add(part)
    return sorted(group for group, parts in parts_of.items() if len(parts) > 1)


def _groups(dataset: RatedDataset, by: str) -> list[str]:
    ids: list[str] = dataset.table["sample_id"][:]
    if by == "image":
        return ids
    references = dataset.table["reference"][:]
    # The prefixes keep an ungrouped image apart from a group that happens to bear its name.
    return [
        f"image:{i}" if ref is None else f"group:{ref}"
        for i, ref in zip(ids, references, strict=True)
    ]


def _cuts(dataset: RatedDataset, protocol: str, count: int, by: str) -> tuple[int, int]:
    """Where validation and test begin; every part gets at least one group."""
    train, val, _ = (int(part) for part in protocol.split("/"))
    if count < len(PARTS):
        raise DataError(
            f"dataset `{dataset.name}`: {count} {by} group(s) cannot be divided {protocol} into "
            "three non-empty parts; use more images, or `stream.split.by: image`"
        )
    first = min(max(1, round(count * train / 100)), count - 2)
    second = min(max(first + 1, first + round(count * val / 100)), count - 1)
    return first, second


def _official(dataset: RatedDataset) -> Split:
    parts = dataset.table["official_split"][:]
    unknown = sorted({str(part) for part in parts} - set(PARTS))
    if unknown:
        raise DataError(
            f"dataset `{dataset.name}` publishes no complete split: `official_split` holds "
            f"{', '.join(unknown)}, expected only {', '.join(PARTS)}; "
            "use `stream.split.protocol: 70/10/20`"
        )
    return _collect(parts)


def _collect(parts: Sequence[str]) -> Split:
    rows = {name: tuple(i for i, part in enumerate(parts) if part == name) for name in PARTS}
    return Split(**rows)
