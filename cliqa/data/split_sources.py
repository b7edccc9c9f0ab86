"""Divisions that a user brings: which files hold a task's, and what they say.

Three forms are read: `TASK.json` as every result holds it (`splits/`), `TASK.csv` with the columns
`sample_id,part`, and lists as authors release them, one text file a part. Of a list only the image
of each line is used.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cliqa.data.splits import PARTS
from cliqa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["Entry", "SplitSource", "find_split"]

#: What files call a part -> the part.
_SPELLINGS: Final = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
#: The list of images beats the list of pairs that lies beside it (`live_train_score.txt`,
#: `live_train.txt`).
_LIST: Final = re.compile(rf"(?P<set>.*?)_?(?P<part>{'|'.join(_SPELLINGS)})(?P<scores>_score)?")
_COLUMNS: Final = ("sample_id", "part")
_FORMS: Final = (
    "a .json file as results hold it in `splits/`, a .csv file with the columns sample_id,part, or "
    "a folder with one of them or with lists such as live_train.txt, live_val.txt, live_test.txt"
)


@dataclass(frozen=True)
class Entry:
    """One image that a file puts into a part; `place` is where it says so, as `file:line`."""

    image: str
    part: str
    place: str


@dataclass(frozen=True)
class SplitSource:
    """The files that hold one task's division.

    Attributes:
        files: each with the part whose list it is; None for a file that names the parts itself.
    """

    files: tuple[tuple[Path, str | None], ...]

    def entries(self) -> list[Entry]:
        """Every image that the files name, in their order.

        Raises:
            DataError: a file cannot be read or is of another form; says where.
        """
        return [entry for path, part in self.files for entry in _entries(path, part)]

    def digests(self) -> tuple[tuple[str, str], ...]:
        """Name without folder, and SHA-256, of each file: what a result may tell of them."""
        return tuple(
            (path.name, hashlib.sha256(_content(path)).hexdigest()) for path, _ in self.files
        )


def find_split(path: Path, task: str, *, own: bool) -> SplitSource:
    """The files that hold a task's division.

    Args:
        path: a file, or a folder in which the files begin with the task's name (upper and lower
            case, hyphens and underscores being equal) or lie in a folder of its name.
        task: the task's label.
        own: whether the folder was given for this task alone; then its lists may be called
            anything, for example `train.txt`.

    Raises:
        DataError: there is none, or there are several.
    """
    if path.is_file():
        if path.suffix.lower() not in {".json", ".csv"}:
            raise DataError(f"{path}: no division can be read from this file; expected {_FORMS}")
        return SplitSource(((path, None),))
    if not path.is_dir():
        raise DataError(f"{path}: no such file or folder; expected {_FORMS}")
    found = list(_candidates(path, task, own=own))
    if len(found) == 1:
        return found[0]
    if found:
        shown = "; ".join(", ".join(file.name for file, _ in one.files) for one in found)
        raise DataError(
            f"{path}: several divisions for the task `{task}`: {shown}; keep one of them, or name "
            f"its file: `files: {{{task}: FILE}}`"
        )
    raise DataError(
        f"{path}: no division for the task `{task}`; looked for {task}.json, {task}.csv, "
        f"{task}_train.txt beside {task}_val.txt and {task}_test.txt, and a folder {task}"
    )


def _candidates(folder: Path, task: str, *, own: bool) -> Iterator[SplitSource]:
    entries = sorted(folder.iterdir())
    for entry in entries:
        if _key(entry.stem) == _key(task) and entry.suffix.lower() in {".json", ".csv"}:
            yield SplitSource(((entry, None),))
    lists = _lists(entries)
    named = [prefix for prefix in lists if prefix == _key(task)]
    for prefix in named or (lists if own else ()):
        yield _complete(folder, lists[prefix])
    for entry in entries:
        if entry.is_dir() and _key(entry.name) == _key(task):
            yield from _candidates(entry, task, own=True)


def _lists(entries: Iterable[Path]) -> dict[str, dict[str, Path]]:
    """Beginning of the names -> part -> its list."""
    found: dict[str, dict[str, Path]] = {}
    scored: set[tuple[str, str]] = set()
    for entry in entries:
        match = _LIST.fullmatch(entry.stem.casefold())
        if entry.suffix.lower() != ".txt" or match is None:
            continue
        prefix, part = _key(match["set"]), _SPELLINGS[match["part"]]
        if (prefix, part) in scored:
            continue
        if match["scores"]:
            scored.add((prefix, part))
        elif part in found.get(prefix, {}):
            raise DataError(
                f"{entry}: the part {part} has a second list, {found[prefix][part].name}; keep one"
            )
        found.setdefault(prefix, {})[part] = entry
    return found


def _complete(folder: Path, lists: dict[str, Path]) -> SplitSource:
    missing = [part for part in PARTS if part not in lists]
    if missing:
        there = ", ".join(path.name for path in lists.values())
        raise DataError(
            f"{folder}: there is no list for {' and '.join(missing)} beside {there}; expected one "
            "text file for each of train, val and test, with the same beginning"
        )
    return SplitSource(tuple((lists[part], part) for part in PARTS))


def _entries(path: Path, part: str | None) -> Iterator[Entry]:
    content = _content(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # lines may end as on old Macs
    if part is not None:
        return _from_list(path, text, part)
    return _from_json(path, text) if path.suffix.lower() == ".json" else _from_csv(path, text)


def _from_list(path: Path, text: str, part: str) -> Iterator[Entry]:
    for number, line in enumerate(text.split("\n"), start=1):
        image, *scores = (cell.strip() for cell in line.split("\t"))
        if not image and not any(scores):
            continue
        if not image or not all(_is_number(score) for score in scores if score):
            raise DataError(
                f"{path}:{number}: expected an image and, after tabs, its scores; got "
                f"`{line.strip()[:60]}`. A list of pairs says nothing of which images belong to a "
                "part: use the list of single images"
            )
        yield Entry(image, part, f"{path}:{number}")


def _from_csv(path: Path, text: str) -> Iterator[Entry]:
    rows = csv.reader(io.StringIO(text))
    header = [name.strip().casefold() for name in next(rows, [])]
    if not set(_COLUMNS) <= set(header):
        raise DataError(
            f"{path}:1: the first line must name the columns {' and '.join(_COLUMNS)}, got "
            f"`{','.join(header)[:60]}`"
        )
    image_at, part_at = (header.index(name) for name in _COLUMNS)
    for row in rows:
        if not row:
            continue
        place = f"{path}:{rows.line_num}"
        if len(row) <= max(image_at, part_at) or not row[image_at].strip():
            raise DataError(f"{place}: expected a sample id and a part, got `{','.join(row)[:60]}`")
        part = _SPELLINGS.get(row[part_at].strip().casefold())
        if part is None:
            raise DataError(
                f"{place}: there is no part `{row[part_at].strip()}`; expected train, val or test"
            )
        yield Entry(row[image_at].strip(), part, place)


def _from_json(path: Path, text: str) -> Iterator[Entry]:
    try:
        pairs = json.loads(text, object_pairs_hook=lambda pairs: pairs)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: this is no JSON: {error.msg}") from None
    if not _is_division(pairs):
        raise DataError(
            f"{path}:1: expected an object with lists of sample ids, "
            '{"train": [...], "val": [...], "test": [...]}, and each of the three once'
        )
    lines = _lines_of_texts(text)
    for part, images in pairs:
        next(lines)  # the part's own name
        for image in images:
            yield Entry(image, part, f"{path}:{next(lines)}")


def _is_division(pairs: Any) -> bool:
    """Whether parsed JSON is an object, as pairs, of the three parts with a list of texts each."""
    try:
        names = sorted(name for name, _ in pairs)
        return names == sorted(PARTS) and all(
            isinstance(images, list) and all(isinstance(image, str) for image in images)
            for _, images in pairs
        )
    except (TypeError, ValueError):
        return False


def _lines_of_texts(text: str) -> Iterator[int]:
    """Line of each text in valid JSON, names included, in the order written."""
    line, end = 1, 0
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"', text):
        line += text.count("\n", end, match.start())
        end = match.start()
        yield line


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def _is_number(text: str) -> bool:
    try:
        return not math.isinf(float(text))
    except ValueError:
        return False


def _key(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
