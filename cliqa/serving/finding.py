"""Images that files, folders and patterns name, in an order that does not change."""

from __future__ import annotations

import glob
import os
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cliqa.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["FoundImages", "find_images", "shown_path"]

#: What cameras and phones write that Pillow does not read: told, not passed over in silence.
_UNREADABLE: Final = frozenset(
    [
        ".3fr",
        ".arw",
        ".cr2",
        ".cr3",
        ".dng",
        ".erf",
        ".heic",
        ".heif",
        ".jxl",
        ".kdc",
        ".mrw",
        ".nef",
        ".nrw",
        ".orf",
        ".pef",
        ".raf",
        ".raw",
        ".rw2",
        ".sr2",
        ".srf",
        ".srw",
        ".x3f",
    ]
)
_MAGIC: Final = frozenset("*?[")


@dataclass
class FoundImages:
    """What was found.

    Attributes:
        paths: each file once, as it was named or reached, sorted within each argument.
        repeated: how many more names led to a file that was there already.
        unreadable: extension -> how many files of a camera format that cannot be read.
    """

    paths: list[Path] = field(default_factory=list)
    repeated: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)


def find_images(
    named: Sequence[str | Path], *, recursive: bool = True, pattern: str | None = None
) -> FoundImages:
    """Look for images.

    In folders, files count whose extension is of a format that Pillow reads; names that begin with
    a dot are passed over. A file that is named itself counts whatever it is called. Links are
    followed, each folder being entered once.

    Args:
        named: files, folders, and patterns such as `photos/**/*.jpg` that no file is called.
        recursive: look into folders inside folders.
        pattern: in folders, only files whose name matches, such as `IMG_*`; upper case counts.

    Raises:
        DataError: there is no such file, or no image at all.
    """
    found = FoundImages()
    seen: set[str] = set()
    finder = _Finder(found, recursive, pattern)
    for name in named:
        for path in finder.of(str(name)):
            real = os.path.realpath(path)
            if real in seen:
                found.repeated += 1
            else:
                seen.add(real)
                found.paths.append(path)
    if not found.paths:
        raise DataError(_nothing(named, found, pattern))
    return found


class _Finder:
    def __init__(self, found: FoundImages, recursive: bool, pattern: str | None) -> None:
        from cliqa.serving.pictures import extensions

        self._found, self._recursive, self._pattern = found, recursive, pattern
        self._extensions = extensions()

    def of(self, name: str) -> Iterator[Path]:
        """Images that one argument names."""
        path = Path(name)
        if not name:  # of a variable that is not set; `Path` takes it for the current folder
            raise DataError("a path is empty; write . for the folder where you are")
        if path.is_dir():
            yield from self._inside(path)
        elif os.path.lexists(path):
            yield path
        elif _MAGIC & set(name):
            matches = sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - of a whole path
            if not matches:
                raise DataError(f"no file matches {shown_path(path)}")
            for match in map(Path, matches):
                if match.is_file() and self._counts(match):
                    yield match
        else:
            raise DataError(f"there is no file or folder {shown_path(path)}")

    def _inside(self, folder: Path) -> Iterator[Path]:
        """Images in a folder, in the order of their paths."""
        entered: set[str] = set()
        images = []
        # A folder that cannot be looked into stands for its pictures: its row says why.
        closed: list[Path] = []
        note = lambda error: closed.append(Path(error.filename))  # noqa: E731
        for parent, folders, files in os.walk(folder, onerror=note, followlinks=True):
            real = os.path.realpath(parent)
            if real in entered or not self._recursive:
                folders.clear()
            if real in entered:
                continue  # a link that leads back to where we were
            entered.add(real)
            folders[:] = sorted(f for f in folders if not f.startswith("."))
            images += [Path(parent, file) for file in files if self._is_wanted(file)]
        return iter(sorted([*closed, *(path for path in images if self._counts(path))]))

    def _is_wanted(self, file: str) -> bool:
        return not file.startswith(".") and (self._pattern is None or fnmatch(file, self._pattern))

    def _counts(self, path: Path) -> bool:
        extension = path.suffix.lower()
        if extension in _UNREADABLE and extension not in self._extensions:
            self._found.unreadable[extension] += 1
        return extension in self._extensions


def shown_path(path: Path | str) -> str:
    r"""A path as text that any file and any terminal can hold.

    Bytes that are no UTF-8 and control characters are written as `\xff`; equal paths give equal
    text.
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() or c == " " else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _nothing(named: Sequence[str | Path], found: FoundImages, pattern: str | None) -> str:
    where = ", ".join(shown_path(Path(name)) for name in named) or "nothing"
    wanted = "" if pattern is None else f" whose name matches {pattern}"
    text = f"no image{wanted} in {where}"
    if found.unreadable:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found.unreadable.items()))
        text += f"; there are camera files ({kinds}), which Pillow does not read: convert them"
    else:
        text += "; expected files that Pillow reads, such as .jpg, .png, .tif or .webp"
    return text
