"""Finished stages on the disk, by address: whole or not there, each written once.

STORE/CLIQA-STAGES               says what this folder is
STORE/3f/3fa0.../manifest.json   plain values, and the digest of every file and of itself
STORE/3f/3fa0.../tensors-NNN.safetensors
STORE/3f/3fa0....lock            while somebody trains, takes or removes it

An entry is written into a folder of another name, manifest last, and renamed when all of it is on
the disk. Nothing in it is executed when it is read.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cliqa.errors import ResultError
from cliqa.results.files import explained, sync, write_atomic
from cliqa.results.layout import TEMPORARY
from cliqa.results.lock import waiting_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cliqa.resume import Checkpoint

__all__ = ["MARKER", "StageStore"]

MARKER: Final = "CLIQA-STAGES"
_ABOUT: Final = (
    "Stages that cliqa has trained, each in a folder named by the hash of all that determines it.\n"
    "Runs that are given this folder take them over; `cliqa store --help` lists and removes them.\n"
)
_SHARD: Final = re.compile(r"[0-9a-f]{2}")
_ADDRESS: Final = re.compile(r"[0-9a-f]{64}")
_LEFT: Final = re.compile(re.escape(TEMPORARY) + r"([0-9a-f]{64})-[0-9a-f]{8}")


def chosen_store(folder: str | Path | None) -> StageStore | None:
    """The store of that folder, from the current one; None for none."""
    return None if folder is None else StageStore(Path(folder).expanduser().absolute())


@dataclass(frozen=True)
class StageStore:
    """A folder of stages that any number of runs and processes share.

    Args:
        root: the folder; made when something is first kept.
        wanted: keys of the planned stages (`PlannedStage.key`) to look up and keep; None: all.
    """

    root: Path
    wanted: frozenset[str] | None = None

    def open(self) -> None:
        """Make the folder ready to be written to.

        Raises:
            ResultError: it cannot be written to, or holds something else.
        """
        with explained("look into", self.root):
            new = not self.root.exists() or (self.root.is_dir() and not any(self.root.iterdir()))
        if not new:
            self.check_own()
        elif not (self.root / MARKER).exists():
            write_atomic(self.root / MARKER, lambda file: file.write(_ABOUT.encode()))

    def check_own(self) -> None:
        """Raise `ResultError` if the folder is not a store."""
        with explained("look into", self.root):
            if (self.root / MARKER).is_file():
                return
            # Another process may be making it at this moment.
            if self.root.is_dir() and all(
                p.name.startswith(TEMPORARY) or p.name == MARKER for p in self.root.iterdir()
            ):
                return
        what = "is no folder" if not self.root.is_dir() else f"holds no `{MARKER}`"
        raise ResultError(
            f"{self.root} is no store of stages: it {what}; name a new or empty folder, or one "
            "that --store was given before"
        )

    def wants(self, key: str | None) -> bool:
        """Whether the planned stage of that key is one to look up and keep; None: not known."""
        return self.wanted is None or key is None or key in self.wanted

    def place(self, address: str) -> Path:
        """The folder of an entry, there or not."""
        return self.root / address[:2] / address

    def lock(self, address: str) -> Path:
        """Its lock file."""
        return self.root / address[:2] / f"{address}.lock"

    @contextmanager
    def held(self, address: str, tell: Callable[[str], None]) -> Iterator[None]:
        """Be the only one who trains, takes or removes a stage; waits for whoever is.

        Args:
            address: the stage.
            tell: told once who has it now, if anybody has.
        """
        lock = self.lock(address)
        with explained("write to", self.root):
            lock.parent.mkdir(parents=True, exist_ok=True)
        with waiting_lock(lock, tell):
            yield

    def get(self, address: str) -> Checkpoint | None:
        """What is kept of a stage, all of it checked; None if there is nothing.

        Raises:
            Damaged: it is not as it was written.
        """
        from cliqa.resume import Damaged, read_checkpoint

        place = self.place(address)
        if not place.exists():
            return None
        found = read_checkpoint(place)
        if found.state.get("address") != address:
            raise Damaged("it is the entry of another stage")
        self._note_use(place)
        return found

    def put(self, address: str, entry: Checkpoint) -> int:
        """Keep a stage; one that is there, which then was damaged, is replaced. Returns the bytes.

        The caller holds its lock.

        Raises:
            ResultError: the system does not let us, for example because the disk is full.
        """
        from cliqa.resume import write_checkpoint

        place = self.place(address)
        staged = place.with_name(f"{TEMPORARY}{address}-{secrets.token_hex(4)}")
        with explained("write", place):
            try:
                staged.mkdir(parents=True)
                size = write_checkpoint(staged, entry)
                _remove(place)
                staged.rename(place)
            except BaseException:
                shutil.rmtree(staged, ignore_errors=True)
                raise
            sync(place.parent)
        return size

    def values(self, address: str) -> dict[str, Any]:
        """The plain values of an entry; its tensors are not read.

        Raises:
            Damaged: there are none, or they are not as they were written.
        """
        from cliqa.resume import Damaged, read_values

        found = read_values(self.place(address))
        if found.get("address") != address:
            raise Damaged("it is the entry of another stage")
        return found

    def check(self, address: str) -> None:
        """Raise `Damaged` if an entry is not as it was written."""
        from cliqa.resume import check_files

        self.values(address)
        check_files(self.place(address))

    def addresses(self) -> list[str]:
        """Every entry, damaged ones included, in alphabetical order."""
        return [p.name for p in self._inside() if _ADDRESS.fullmatch(p.name)]

    def leftovers(self) -> list[tuple[str, Path]]:
        """Address and folder of what killed processes have left of entries they were writing."""
        named = [(_LEFT.fullmatch(p.name), p) for p in self._inside()]
        return [(match.group(1), p) for match, p in named if match]

    def size(self, address: str) -> int:
        """Bytes of an entry's files."""
        return folder_bytes(self.place(address))

    def used(self, address: str) -> float:
        """When an entry was last written or taken, in seconds since 1970."""
        try:
            return self.place(address).stat().st_mtime
        except OSError:
            return 0.0

    def remove(self, address: str) -> None:
        """Remove an entry, its manifest first; the caller holds its lock."""
        with explained("clear", self.place(address)):
            _remove(self.place(address))

    def remove_leftover(self, path: Path) -> None:
        """Remove one of `leftovers`; the caller holds the lock of its address."""
        with explained("clear", path):
            _remove(path)

    def _inside(self) -> list[Path]:
        with explained("look into", self.root):
            inside = [p for p in self.root.iterdir() if _SHARD.fullmatch(p.name)]
            # Through a link we would come to look at, and remove, what is not ours.
            shards = [p for p in inside if p.is_dir() and not p.is_symlink()]
            return sorted(p for shard in shards for p in shard.iterdir() if _is_of(p, shard.name))

    def _note_use(self, place: Path) -> None:
        with suppress(OSError):  # somebody else's store, which we may read only
            os.utime(place)


def _is_of(path: Path, shard: str) -> bool:
    left = _LEFT.fullmatch(path.name)
    return (path.name if left is None else left.group(1)).startswith(shard)


def folder_bytes(folder: Path) -> int:
    """Bytes of the files directly inside; 0 for what is no folder."""
    try:
        with os.scandir(folder) as entries:
            return sum(e.stat().st_size for e in entries if e.is_file(follow_symlinks=False))
    except OSError:
        return 0


def _remove(place: Path) -> None:
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.exists():
        (place / "manifest.json").unlink(missing_ok=True)  # what is left of it is no entry
        shutil.rmtree(place)
