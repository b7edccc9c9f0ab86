"""CSIQ, the Categorical Subjective Image Quality database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from cliqa_iqa.folder import File, Folder
from cliqa_iqa.rated import Ratings, rated_dataset
from cliqa_iqa.sets import CSIQ as FACTS
from cliqa_iqa.tables import number, other_version, read_sheet, read_text

if TYPE_CHECKING:
    from cliqa.data import RatedDataset
    from cliqa_iqa.config import FolderConfig

__all__ = ["FACTS", "build"]

#: The tag in file names -> what score files call the type, without spaces and hyphens.
_TAGS: Final = {
    "AWGN": ("awgn", "noise"),
    "BLUR": ("blur",),
    "contrast": ("contrast",),
    "fnoise": ("fnoise",),
    "JPEG": ("jpeg",),
    "jpeg2000": ("jpeg2000",),
}
_TAG_OF: Final = {alias: tag for tag, aliases in _TAGS.items() for alias in aliases}

_SHEETS: Final = ("csiq.DMOS.xlsx", "csiq.beta.xlsx", "csiq.DMOS.xls", "csiq.beta.xls")
_LISTS: Final = ("csiq.beta.txt", "csiq.DMOS.txt", "csiq_dmos.txt")
_LABELS: Final = ("csiq_label.txt",)


class _Row(NamedTuple):
    """What a score file says of one image; a list of labels gives no deviation."""

    image: str
    kind: str
    level: int
    dmos: float
    std: float | None


def build(config: FolderConfig) -> RatedDataset:
    """Build the set from `dst_imgs` and the first of its score files that is there.

    Only listed images count: `contrast` has 116, the other types 150 each.

    Raises:
        DataError: folder, score file or images are missing or not as published.
    """
    folder = Folder.find(FACTS, config)
    file = folder.score_file(*_SHEETS, *_LISTS, *_LABELS)
    rows = _from_text(file) if file.name.endswith(".txt") else _from_sheet(file)
    tags = [_tag(file, row.kind) for row in rows]
    ratings = Ratings(
        images=[f"{r.image}.{tag}.{r.level}.png" for r, tag in zip(rows, tags, strict=True)],
        score=[row.dmos for row in rows],
        std=[row.std for row in rows],
        reference=[row.image for row in rows],
        distortion=tags,
        level=[row.level for row in rows],
    )
    return rated_dataset(FACTS, config, folder, file, ratings)


def _from_sheet(file: File) -> list[_Row]:
    """The sheet `all_by_image`; its header is in row 4 from column D."""
    columns = ("image", "dst_type", "dst_lev", "dmos_std", "dmos")
    table = read_sheet(FACTS, file, *columns, sheet="all_by_image")
    cells = zip(
        table.text("image"),  # a photograph is called 1600, which a spreadsheet takes for a number
        table.text("dst_type"),
        table.numbers("dst_lev"),
        table.numbers("dmos"),
        table.numbers("dmos_std"),
        strict=True,
    )
    return [_Row(image, kind, int(level), dmos, std) for image, kind, level, dmos, std in cells]


def _from_text(file: File) -> list[_Row]:
    """Lines of `image index type level std dmos`, or of `file dmos`."""
    rows = []
    for line, text in enumerate(read_text(FACTS, file).splitlines(), start=1):
        words = text.split()
        if not words or (line == 1 and number(words[-1]) is None):  # blank, or a header
            continue
        row = _labelled(words) if len(words) == 2 else _listed(words)
        if row is None:
            raise other_version(
                FACTS,
                file.path,
                found=f"line {line}, `{text.strip()[:60]}`",
                expected="`image index type level std dmos` or `image.TYPE.level.png dmos`",
            )
        rows.append(row)
    return rows


def _listed(words: list[str]) -> _Row | None:
    """One line of six columns; a type may be two words (`jpeg 2000`)."""
    level, std, dmos = (number(word) for word in words[-3:]) if len(words) > 5 else [None] * 3
    if level is None or std is None or dmos is None:
        return None
    return _Row(words[0], " ".join(words[2:-3]), int(level), dmos, std)


def _labelled(words: list[str]) -> _Row | None:
    """One line of file name and DMOS."""
    parts = words[0].replace("\\", "/").split("/")[-1].split(".")
    dmos = number(words[1])
    if len(parts) != 4 or not parts[2].isdecimal() or dmos is None:
        return None
    return _Row(parts[0], parts[1], int(parts[2]), dmos, None)


def _tag(file: File, kind: str) -> str:
    key = kind.casefold().translate(str.maketrans("", "", " -_"))
    if key not in _TAG_OF:
        raise other_version(
            FACTS, file.path, found=f"the type `{kind}`", expected=f"one of {', '.join(_TAGS)}"
        )
    return _TAG_OF[key]
