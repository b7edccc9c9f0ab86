"""What a run may do to the folder it was given: never delete a file that cliqa did not write.

A folder is cliqa's if it holds `UNFINISHED` with cliqa's first line, or a complete bundle. Its
files are those of the fixed layout and those listed in `SHA256SUMS` or claimed in `UNFINISHED`.
"""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING

from cliqa.errors import ResultError
from cliqa.results.files import explained, sync, write_atomic
from cliqa.results.layout import (
    COMPARE,
    LOCK,
    RESUME,
    RUN,
    SUMS,
    TEMPORARY,
    TRACKERS,
    UNFINISHED,
    check_relative,
    is_own,
)

if TYPE_CHECKING:
    from pathlib import Path

_HEADER = "cliqa: this run has not finished"
_MARKER = (
    f"{_HEADER}\n"
    "# This file goes when the run is complete. Below: files of this run with names of its own.\n"
)


class FolderState(Enum):
    """What a folder is to a run that wants to write there."""

    NEW = "absent or empty"
    UNFINISHED = "a run that has not finished"
    FINISHED = "a finished run"
    FOREIGN = "not cliqa's"


def folder_state(folder: Path) -> FolderState:
    """Look at `folder` without changing it; `ResultError` if it is a file or unreadable."""
    with explained("look into", folder):
        if not folder.exists() and not folder.is_symlink():
            return FolderState.NEW
        if not folder.is_dir():
            raise ResultError(f"{folder} is a file, not a folder; name another --out")
        # A run killed in its very first write leaves nothing but a temporary file; one that was
        # cleared, what its trackers wrote.
        left = {LOCK, TRACKERS}
        if all(p.name.startswith(TEMPORARY) or p.name in left for p in folder.iterdir()):
            return FolderState.NEW
        if (folder / SUMS).is_file() and _is_run_record(folder / RUN):
            return FolderState.FINISHED
        return FolderState.UNFINISHED if _has_marker(folder) else FolderState.FOREIGN


def is_finished(folder: Path) -> bool:
    """Whether `folder` holds a complete bundle."""
    return folder.is_dir() and folder_state(folder) is FolderState.FINISHED


def _is_run_record(path: Path) -> bool:
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and isinstance(record.get("schema_version"), int)


def _has_marker(folder: Path) -> bool:
    try:
        with (folder / UNFINISHED).open(encoding="utf-8") as file:
            return file.readline().rstrip("\n") == _HEADER
    except (OSError, UnicodeDecodeError):
        return False


def read_claims(folder: Path) -> set[str]:
    """Paths with names outside the fixed layout that the unfinished run has claimed."""
    if not _has_marker(folder):
        return set()
    with explained("read", folder / UNFINISHED):
        lines = (folder / UNFINISHED).read_text("utf-8").splitlines()[1:]
    return {check_relative(line) for line in lines if line and not line.startswith("#")}


def write_claims(folder: Path, claims: set[str]) -> None:
    """Mark `folder` as an unfinished run that owns `claims` besides the fixed layout."""
    text = _MARKER + "".join(f"{claim}\n" for claim in sorted(claims))
    write_atomic(folder / UNFINISHED, lambda file: file.write(text.encode()))


def read_sums(folder: Path) -> dict[str, str]:
    """`SHA256SUMS` as path -> digest; `ResultError` on a line that is not one of ours."""
    path = folder / SUMS
    with explained("read", path):
        lines = path.read_text("utf-8").splitlines()
    sums = {}
    for number, line in enumerate(lines, start=1):
        digest, separator, relative = line.partition("  ")
        if len(digest) != 64 or not separator:
            raise ResultError(
                f"{path}, line {number}: expected a SHA-256 digest, two spaces and a path"
            )
        sums[check_relative(relative)] = digest
    return sums


def own_files(folder: Path, claims: set[str]) -> list[str]:
    """Files in `folder` that the run wrote, as sorted relative paths; links are never ours."""
    found = set(claims)
    for parent in {folder, folder / "splits", folder / "checkpoints", *_parents(folder, claims)}:
        found |= {p.relative_to(folder).as_posix() for p in parent.glob("*")} - found
    return sorted(f for f in found if (f in claims or is_own(f)) and is_plain_file(folder, f))


def _parents(folder: Path, claims: set[str]) -> set[Path]:
    return {(folder / claim).parent for claim in claims}


def is_plain_file(folder: Path, relative: str) -> bool:
    """Whether that path is a file reached without following a link inside `folder`."""
    return (folder / relative).is_file() and not has_link(folder, relative)


def has_link(folder: Path, relative: str) -> bool:
    """Whether any part of `relative`, below `folder`, is a symbolic link."""
    parts = relative.split("/")
    return any((folder / "/".join(parts[:n])).is_symlink() for n in range(1, len(parts) + 1))


def check_folder(folder: Path, *, force: bool = False) -> None:
    """Raise `ResultError` if `prepare_folder` would refuse `folder`; changes nothing."""
    state = folder_state(folder)
    if state is FolderState.FOREIGN:
        raise ResultError(
            f"{folder} is not empty and holds no cliqa run, so nothing is written there; "
            "name a new or empty folder with --out"
        )
    if state is FolderState.FINISHED and not force:
        raise ResultError(
            f"{folder} already holds a finished run; use --force to replace it, or another --out"
        )


def prepare_folder(folder: Path, *, force: bool = False) -> None:
    """Make `folder` ready for a new run, or say why it cannot be.

    Absent or empty: made. An unfinished run: started over (to go on with it, `BundleWriter` opens
    it as it is). A finished run: refused, or with
    `force` cleared. Anything else: refused, with or without `force`. Clearing removes what cliqa
    wrote and leaves every other file; runs nested in `compare/` are parts of the run and go too.

    Raises:
        ResultError: the folder is refused, or the system does not let us write.
    """
    check_folder(folder, force=force)
    with explained("make", folder):
        folder.mkdir(parents=True, exist_ok=True)
    _clear_nested(folder / COMPARE)
    _clear(folder)
    clear_checkpoints(folder)
    write_claims(folder, set())


def clear_checkpoints(folder: Path) -> None:
    """Remove a run's checkpoints: it is finished, or starts over."""
    if (folder / RESUME).is_dir():
        from cliqa.resume import ResumeStore  # loads torch, which a reader of results never needs

        ResumeStore(folder).clear()


def _clear_nested(compare: Path) -> None:
    """Clear the runs in `compare/`: those of an earlier attempt would be shown with this one."""
    if not compare.is_dir() or compare.is_symlink():
        return
    with explained("clear", compare):
        runs = [p for p in compare.iterdir() if p.is_dir() and not p.is_symlink()]
        for run in runs:
            if folder_state(run) in {FolderState.FINISHED, FolderState.UNFINISHED}:
                _clear(run)
                (run / UNFINISHED).unlink()
            _remove_empty(run)
        _remove_empty(compare)


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
        folder.rmdir()


def _clear(folder: Path) -> None:
    """Remove what a run wrote, but for the marker, which makes a crash in here recoverable."""
    claims = read_claims(folder)
    if (folder / SUMS).is_file():
        claims |= set(read_sums(folder))
    write_claims(folder, claims)
    with explained("clear", folder):
        (folder / SUMS).unlink(missing_ok=True)
        for relative in own_files(folder, claims):
            if relative != UNFINISHED:
                (folder / relative).unlink()
        parents = _parents(folder, {*claims, "splits/-", "checkpoints/-"}) - {folder}
        for parent in sorted(parents, reverse=True):
            _remove_empty(parent)
        sync(folder)
