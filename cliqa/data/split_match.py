"""From the images that files name to the rows of a dataset."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from cliqa.data.splits import PARTS, Split, SplitRecord
from cliqa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.data.rated import RatedDataset
    from cliqa.data.split_sources import SplitSource

__all__ = ["read_split"]

#: So many faults are told one by one.
_SHOWN: Final = 10


def read_split(
    dataset: RatedDataset, source: SplitSource, *, allow_unlisted: int = 0
) -> tuple[Split, SplitRecord]:
    """Divide a dataset's rows as files say.

    An image is named by its sample id or by the end of it, `img1.bmp` or `jp2k/img1.bmp`, upper
    and lower case being equal. Folders that the set does not have are ignored
    (`1024x768/10004473376.jpg`), and what could be two images is refused.

    Args:
        dataset: the rated images.
        source: the files.
        allow_unlisted: at most so many images may be in no part; they are left out.

    Raises:
        DataError: images that are unknown, ambiguous or named twice, each with file and line;
            images in no part, or a part without images.
    """
    ids: list[str] = dataset.table["sample_id"][:]
    finder, faults = _Finder(ids), list[str]()
    part_of: list[str | None] = [None] * len(ids)
    places: dict[int, str] = {}
    for entry in source.entries():
        rows = finder.rows(entry.image)
        if len(rows) != 1:
            faults.append(f"{entry.place}: {_told(entry.image, rows, ids, dataset.name)}")
        elif rows[0] in places:
            before = f"{part_of[rows[0]]}, {places[rows[0]]}"
            faults.append(
                f"{entry.place}: `{entry.image}` is put into {entry.part}, but was named before "
                f"({before})"
            )
        else:
            part_of[rows[0]], places[rows[0]] = entry.part, entry.place
    files = ", ".join(str(path) for path, _ in source.files)
    # What concerns the division as a whole stands first, and is never cut off.
    faults = [*_coverage(dataset.name, part_of, ids, files, allow_unlisted), *faults]
    if faults:
        raise DataError(_gathered(f"the split of dataset `{dataset.name}` cannot be used", faults))
    split = Split(**{p: tuple(i for i, part in enumerate(part_of) if part == p) for p in PARTS})
    record = SplitRecord(source="files", files=source.digests(), left_out=part_of.count(None))
    return split, record


class _Finder:
    """Finds rows by the end of their sample ids."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._exact = {sample_id: row for row, sample_id in enumerate(ids)}
        self._by_end: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for row, sample_id in enumerate(ids):
            parts = _parts(sample_id)
            for start in range(len(parts)):
                self._by_end[parts[start:]].append(row)

    def rows(self, image: str) -> list[int]:
        """The rows that a name stands for: one, if all is well."""
        if image in self._exact:
            return [self._exact[image]]
        parts = _parts(image)
        ends = (parts[start:] for start in range(len(parts)))
        return next((self._by_end[end] for end in ends if end in self._by_end), [])


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part for part in name.casefold().replace("\\", "/").split("/") if part != ".")


def _told(image: str, rows: Sequence[int], ids: Sequence[str], name: str) -> str:
    if not rows:
        return f"`{image}` is no image of dataset `{name}`"
    several = ", ".join(f"`{ids[row]}`" for row in rows[:3])
    return f"`{image}` could be any of {len(rows)} images: {several}, ...; write its sample id"


def _coverage(
    name: str, part_of: Sequence[str | None], ids: Sequence[str], files: str, allowed: int
) -> list[str]:
    """What is wrong with the division as a whole."""
    counts = Counter(part_of)
    empty = [part for part in PARTS if not counts[part]]
    faults = [f"{files}: no image is in {part}; each part needs one" for part in empty]
    if counts[None] > allowed:
        unlisted = [i for i, part in zip(ids, part_of, strict=True) if part is None]
        first = ", ".join(f"`{sample_id}`" for sample_id in unlisted[:3])
        faults.append(
            f"{files}: {counts[None]} of {len(ids)} images of `{name}` are in no part, first "
            f"{first}; add them, or leave them out with "
            f"`stream.split.allow_unlisted: {counts[None]}`"
        )
    return faults


def _gathered(title: str, faults: Sequence[str]) -> str:
    more = [f"... and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
    return "\n  ".join([f"{title}:", *faults[:_SHOWN], *more])
