"""Finds a set's files in the folder that a user has, whatever the case of names and the nesting.

A download is unpacked by hand: the folder given may be the set's own or one above it, archives
leave folders inside folders, and copies made on other systems change upper and lower case. So
files are found by name, not by path, and what could be two things is refused, not guessed.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cliqa_iqa.facts import DATA_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cliqa_iqa.config import FolderConfig
    from cliqa_iqa.facts import SetFacts

__all__ = ["File", "Folder"]

#: Folders are searched so many levels below the one given: enough for a set inside a folder of
#: sets, and archives that unpack into a folder of their own name.
_DEPTH: Final = 5
#: What macOS and file managers leave beside the real files.
_CLUTTER: Final = ("__macosx", "thumbs.db")
#: What to do about an archive without score file.
_ADD: Final = (
    "the archive may hold pictures only: get the published score file from the set's authors and "
    "name its folder as `root`, beside `source: hub`"
)


@dataclass(frozen=True)
class File:
    """A file below the folder given.

    Attributes:
        path: where it lies.
        name: its name in lower case.
        folders: names of the folders that lead to it from the folder given, in lower case.
    """

    path: str
    name: str
    folders: tuple[str, ...]


@dataclass(frozen=True)
class Folder:
    """The files of a set; make it with `Folder.find`.

    Attributes:
        facts: the set.
        root: where to look, for messages.
        files: what is there.
        origin: facts to keep with a result: the commit that was downloaded.
    """

    facts: SetFacts
    root: Path
    files: tuple[File, ...]
    origin: dict[str, str] = field(default_factory=dict)

    @classmethod
    def find(cls, facts: SetFacts, config: FolderConfig) -> Folder:
        """The folder given, that of the set in `CLIQA_DATA`, or what is on the Hub.

        Raises:
            DataError: there is no such folder; says what was looked for.
        """
        if config.source == "hub":
            return cls._from_hub(facts, config)
        root = config.root
        path = _given(facts, root) if root is not None else _in_data_folder(facts)
        return cls(facts, path, tuple(_walk(facts, str(path), ())))

    @classmethod
    def _from_hub(cls, facts: SetFacts, config: FolderConfig) -> Folder:
        """Unpacked archives and single files; those of `root` lie beside them."""
        from cliqa_iqa.hub import fetch  # here: most users have a folder

        own = None if config.root is None else _given(facts, config.root)
        fetched = fetch(facts, config)
        files = list(_walk(facts, str(own), ())) if own else []
        for path in fetched.paths:
            if path.is_dir():
                files += _walk(facts, str(path), ())
            else:
                files.append(File(str(path), path.name.casefold(), ()))
        return cls(facts, fetched.paths[0], tuple(files), fetched.info)

    def score_files(self, *names: str) -> dict[str, File]:
        """Those of the named score files that are there, in the order asked for.

        Spaces and underscores are equal: downloads of a name with spaces arrive in either form.

        Args:
            names: as published.

        Raises:
            DataError: one of them is there several times, at equal depth.
        """
        found = {}
        for name in names:
            wanted = _spelling(name)
            same = [file for file in self.files if _spelling(file.name) == wanted]
            if same:
                found[name] = self._nearest(name, same)
        return found

    def score_file(self, *names: str) -> File:
        """The first of the named score files that is there.

        Raises:
            DataError: none is there.
        """
        found = self.score_files(*names)
        if not found:
            raise self.facts.fault(
                f"no score file in `{self.root}`: looked for "
                f"{' or '.join(f'`{name}`' for name in names)} there and {_DEPTH} levels below; "
                f"{_ADD if self.origin else _how_to_get(self.facts)}"
            )
        return next(iter(found.values()))

    def images(self, names: Sequence[str], beside: File) -> list[str | None]:
        """Path of each image, None for those that are absent.

        They are looked for in the nearest folder above the score file below which there is any of
        them, so that sets which lie side by side and share names are kept apart.

        Args:
            names: file names, upper and lower case being equal; with folders (`jp2k/img1.bmp`)
                where the same name occurs in several.
            beside: the score file.

        Raises:
            DataError: an image could be any of several files.
        """
        for depth in range(len(beside.folders), -1, -1):
            by_name = self._by_name(beside.folders[:depth])
            paths = [self._one(name, by_name) for name in names]
            if any(path is not None for path in paths):
                return paths
        return [None] * len(names)

    def has(self, folder: str) -> bool:
        """Whether there are files in or below a folder of that name."""
        return any(folder.casefold() in file.folders for file in self.files)

    def count(self, folder: str, beside: File) -> int:
        """Highest number N of the images `imgN.*` in a folder below that of the score file."""
        place = (*beside.folders, folder)
        stems = (file.name.split(".")[0] for file in self.files if file.folders == place)
        return max((int(s[3:]) for s in stems if s[:3] == "img" and s[3:].isdigit()), default=0)

    def _nearest(self, name: str, same: list[File]) -> File:
        depth = min(len(file.folders) for file in same)
        nearest = [file for file in same if len(file.folders) == depth]
        if len(nearest) > 1:
            raise self.facts.fault(
                f"`{name}` lies in several places: {_listed(f.path for f in nearest)}; set `root` "
                "to the folder of the set that is meant"
            )
        return nearest[0]

    def _by_name(self, below: tuple[str, ...]) -> dict[str, list[File]]:
        index: dict[str, list[File]] = defaultdict(list)
        for file in self.files:
            if file.folders[: len(below)] == below:
                index[file.name].append(file)
        return index

    def _one(self, name: str, by_name: dict[str, list[File]]) -> str | None:
        *folders, base = name.casefold().split("/")
        files = by_name.get(base, [])
        if folders:
            files = [f for f in files if f.folders[-len(folders) :] == tuple(folders)]
        if len(files) > 1 or self.facts.only_there:
            published = [f for f in files if self.facts.image_folder.casefold() in f.folders]
            files = published if self.facts.only_there else published or files
        if len(files) > 1:
            raise self.facts.fault(
                f"the image `{name}` could be any of {_listed(f.path for f in files)}; keep one "
                f"copy, or put the published one into a folder `{self.facts.image_folder}`"
            )
        return files[0].path if files else None


def _given(facts: SetFacts, root: str) -> Path:
    """The folder that `root` names."""
    path = Path(root).expanduser()
    if not path.is_dir():
        what = "is no folder" if path.exists() else "does not exist"
        raise facts.fault(f"the folder `{path}` (`root`) {what}; {_how_to_get(facts)}")
    return path


def _in_data_folder(facts: SetFacts) -> Path:
    found = facts.find()
    if found.path is not None:
        return found.path
    if not os.environ.get(DATA_VARIABLE):
        raise facts.fault(
            f"no folder given: write `root: FOLDER`, or set the environment variable "
            f"{DATA_VARIABLE} to the folder that holds `{facts.name}`; {_how_to_get(facts)}"
        )
    raise facts.fault(f"{found.note}; {_how_to_get(facts)}")


def _how_to_get(facts: SetFacts) -> str:
    return (
        f"request the set at {facts.page}, unpack it, and name its folder `{facts.name}` inside "
        f"{DATA_VARIABLE} or give its path as `root`"
    )


def _walk(facts: SetFacts, path: str, folders: tuple[str, ...]) -> Iterator[File]:
    """Every file in a fixed order, without clutter."""
    try:
        with os.scandir(path) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        raise facts.fault(f"the folder `{path}` cannot be read: {error.strerror}") from None
    for entry in entries:
        name = entry.name.casefold()
        if name.startswith(".") or name in _CLUTTER:
            continue
        if not entry.is_dir():
            yield File(entry.path, name, folders)
        elif len(folders) < _DEPTH:
            yield from _walk(facts, entry.path, (*folders, name))


def _spelling(name: str) -> str:
    return name.casefold().replace("_", " ")


def _listed(paths: Iterable[str]) -> str:
    return ", ".join(f"`{path}`" for path in sorted(paths))
