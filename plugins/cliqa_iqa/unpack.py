"""Unpacks zip and tar archives that strangers made."""

from __future__ import annotations

import contextlib
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cliqa.errors import DataError

__all__ = ["is_archive", "unpack"]

#: More files than any set has.
_FILES: Final = 100_000
#: Pictures hardly shrink when packed. What grows further than this is made to fill a disk.
_GROWTH: Final = 20
#: Allowed whatever the archive's size: single-coloured test pictures do shrink.
_ALWAYS: Final = 64 << 20
_CHUNK: Final = 1 << 20
_DAMAGED: Final = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    gzip.BadGzipFile,
    NotImplementedError,  # a zip method that is not known
    RuntimeError,  # an encrypted zip
)


@dataclass(frozen=True)
class _Member:
    """A file in an archive; `kind` says what else than a plain file it is."""

    name: str
    kind: str | None
    open: Callable[[], IO[bytes] | None]


def is_archive(path: Path) -> bool:
    """Whether a file is a zip or tar archive by its content; a spreadsheet counts as none."""
    if path.suffix.casefold() == ".xlsx":
        return False
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def unpack(archive: Path, target: Path, *, fault: Callable[[str], DataError]) -> None:
    """Unpack an archive into a new folder, all of it or nothing.

    Only plain files are made, only inside the folder, none twice, and no more bytes than pictures
    could need. A process that is killed leaves `TARGET.part`, which the next one removes.

    Args:
        archive: a zip or tar file, compressed or not.
        target: the folder to make; only one process may do so at a time.
        fault: makes the error from its text.

    Raises:
        DataError: the archive is damaged, holds anything but plain files inside the folder, or is
            too large.
    """
    part = target.with_name(f"{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    limit = _ALWAYS + _GROWTH * archive.stat().st_size
    try:
        for count, member in enumerate(_members(archive), start=1):
            if told := _refused(member, count):
                raise fault(f"the archive `{archive.name}` is refused: {told}")
            limit -= _write(member, part, limit)
            if limit < 0:
                raise fault(
                    f"the archive `{archive.name}` is refused: its files would be more than "
                    f"{_GROWTH} times its own size"
                )
        os.replace(part, target)  # noqa: PTH105  # says that it is atomic
    except FileExistsError as error:
        name = Path(str(error.filename)).name
        raise fault(f"the archive `{archive.name}` is refused: it holds `{name}` twice") from None
    except _DAMAGED as error:
        raise fault(
            f"the archive `{archive.name}` cannot be unpacked: {error}; delete "
            f"`{archive.resolve()}`, so that it is downloaded again"
        ) from None
    except OSError as error:
        raise fault(f"`{archive.name}` cannot be unpacked: {error}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _refused(member: _Member, count: int) -> str | None:
    """Why an archive with this member is not unpacked."""
    shown = f"`{member.name[:80]}`"
    if count > _FILES:
        return f"it holds more than {_FILES:,} files"
    if member.kind:
        return f"{shown} is {member.kind}, expected plain files only"
    path = PurePosixPath(member.name)
    windows = PureWindowsPath(member.name)
    # Backslashes and drives would lead out on Windows, and are in no set's names.
    if path.is_absolute() or windows.drive or "\\" in member.name or "\0" in member.name:
        return f"{shown} is no relative path"
    return f"{shown} leads out of the folder" if ".." in path.parts else None


def _write(member: _Member, folder: Path, limit: int) -> int:
    """Write a member's bytes, at most one chunk beyond the limit; their number."""
    path = folder / member.name
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with contextlib.ExitStack() as stack:
        source = member.open()
        if source is None:
            return 0
        stack.enter_context(source)
        with path.open("xb") as file:  # x: never over another member, in whatever case
            while written <= limit and (chunk := source.read(_CHUNK)):
                file.write(chunk)
                written += len(chunk)
    return written


def _members(archive: Path) -> Iterator[_Member]:
    """Everything in an archive but its folders, read from front to back."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            for info in packed.infolist():
                if not info.is_dir():
                    yield _Member(info.filename, _zip_kind(info), partial(packed.open, info))
    else:
        with tarfile.open(archive, "r:*") as tar:
            for entry in tar:
                if not entry.isdir():
                    yield _Member(entry.name, _tar_kind(entry), partial(tar.extractfile, entry))
            # The sum over the whole stands behind the last file, where tarfile stops reading.
            while tar.fileobj is not None and tar.fileobj.read(_CHUNK):
                pass


def _zip_kind(info: zipfile.ZipInfo) -> str | None:
    mode = info.external_attr >> 16
    kind = stat.S_IFMT(mode)  # 0 where the archive was made on Windows
    if stat.S_ISLNK(mode):
        return "a link"
    return None if kind in (0, stat.S_IFREG) else "no plain file"


def _tar_kind(entry: tarfile.TarInfo) -> str | None:
    if entry.issym() or entry.islnk():
        return "a link"
    return None if entry.isreg() else "a device or the like"
