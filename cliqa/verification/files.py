"""Reaching into a folder or a zip: nothing is unpacked, no link followed, no size believed."""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cliqa.errors import ResultError
from cliqa.results.layout import COMPARE, SUMS
from cliqa.verification.names import clashes, name_fault, place_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cliqa.verification.limits import Limits
    from cliqa.verification.verdict import Faults

__all__ = ["Files", "UnreadableError", "open_files"]

_CHUNK: Final = 1 << 20
_END: Final = struct.Struct("<4s4H2LH")  # a zip's end record
_DIRECTORY: Final = 16 << 20  # bytes of a zip's directory
_LOCAL: Final = 30  # least bytes before a zipped file's data


class UnreadableError(Exception):
    """A file of the bundle cannot be had; the text says why."""


@dataclass
class Files:
    """The files of one bundle by their path in it.

    Attributes:
        sizes: path -> bytes.
        limits: how much may be read.
        reach: opens a file by its path in the whole container.
        prefix: of this bundle in the container, with its slash.
    """

    sizes: dict[str, int]
    limits: Limits
    reach: Callable[[str], Any] = field(repr=False)
    prefix: str = ""

    def __contains__(self, name: str) -> bool:
        return name in self.sizes

    def read(self, name: str) -> bytes:
        """The whole file.

        Raises:
            UnreadableError: it is larger than files of its kind may be, or damaged.
        """
        most = self.limits.of(name)
        if self.sizes[name] > most:
            raise UnreadableError(f"{self.sizes[name]:,} bytes; at most {most:,} are read")
        return b"".join(self._chunks(name, most))

    def digest(self, name: str) -> str:
        """SHA-256 in hex; as `read`."""
        most = self.limits.of(name)
        if self.sizes[name] > most:
            raise UnreadableError(f"{self.sizes[name]:,} bytes; at most {most:,} are read")
        total = hashlib.sha256()
        for chunk in self._chunks(name, most):
            total.update(chunk)
        return total.hexdigest()

    def head(self, name: str, count: int) -> bytes:
        """The first bytes of a file."""
        found = b""
        for chunk in self._chunks(name, self.limits.of(name)):
            found += chunk
            if len(found) >= count:
                break
        return found[:count]

    def _chunks(self, name: str, most: int) -> Iterator[bytes]:
        got = 0
        try:
            with self.reach(self.prefix + name) as file:
                while chunk := file.read(_CHUNK):
                    got += len(chunk)
                    if got > min(most, self.sizes[name]):
                        raise UnreadableError("it is longer than it was declared to be")
                    yield chunk
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise UnreadableError(f"cannot be read: {error}") from None
        if got != self.sizes[name]:
            raise UnreadableError("it is shorter than it was declared to be")

    def beside(self) -> dict[str, Files]:
        """Label -> the bundles in `compare/`."""
        found: dict[str, dict[str, int]] = {}
        for name, size in self.sizes.items():
            parts = name.split("/", 2)
            if parts[0] == COMPARE and len(parts) == 3:
                found.setdefault(parts[1], {})[parts[2]] = size
        return {
            label: Files(sizes, self.limits, self.reach, f"{self.prefix}{COMPARE}/{label}/")
            for label, sizes in sorted(found.items())
        }

    def own(self) -> dict[str, int]:
        """The files of this bundle alone."""
        return {n: size for n, size in self.sizes.items() if n.split("/")[0] != COMPARE}


@contextmanager
def open_files(path: Path, limits: Limits, faults: Faults) -> Iterator[Files]:
    """The files of a bundle, those with odd names left out and noted.

    Raises:
        ResultError: there is nothing at `path`.
    """
    if path.is_dir():
        sizes = _folder(path, limits, faults)
        yield _checked(sizes, limits, lambda name: _open_plain(path / name), faults)
    elif path.is_file():
        try:
            with path.open("rb") as file:
                archive = _archive(file, limits, faults)
                if archive is None:
                    yield Files({}, limits, lambda _: None)
                    return
                with archive:
                    sizes, prefix = _zipped(archive, limits, faults)
                    yield _checked(sizes, limits, archive.open, faults, prefix)
        except OSError as error:
            raise ResultError(f"cannot read {path}: {error.strerror or error}") from error
    else:
        raise ResultError(f"{path} does not exist; name a bundle: its folder, or a zip of it")


def _checked(
    sizes: dict[str, int],
    limits: Limits,
    reach: Callable[[str], Any],
    faults: Faults,
    prefix: str = "",
) -> Files:
    faults.some("", "", clashes(sizes))
    if sum(sizes.values()) > limits.total:
        faults.add("", "", f"{sum(sizes.values()):,} bytes in all; at most {limits.total:,}")
        sizes = {}
    fine = {}
    for name, size in sizes.items():
        if wrong := name_fault(name) or place_fault(name):
            faults.add(name, "", wrong)
        else:
            fine[name] = size
    return Files(fine, limits, reach, prefix)


def _folder(top: Path, limits: Limits, faults: Faults) -> dict[str, int]:
    """Plain files below a folder with their sizes."""
    found: dict[str, int] = {}
    waiting = [(top, "")]
    seen = 0
    while waiting:
        folder, before = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda e: e.name)
        except OSError as error:
            faults.add(before, "", f"cannot be listed: {error.strerror}")
            continue
        for entry in entries:
            seen += 1
            if seen > limits.files:
                faults.add("", "", f"more than {limits.files:,} files and folders")
                return found
            name = before + entry.name
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                if name.count("/") < 4:
                    waiting.append((Path(entry.path), f"{name}/"))
                else:
                    faults.add(name, "", "folders are nested too deeply")
            elif not stat.S_ISREG(status.st_mode):
                kind = "a link" if stat.S_ISLNK(status.st_mode) else "no plain file"
                faults.add(name, "", f"it is {kind}; a bundle holds plain files only")
            elif status.st_nlink > 1:
                faults.add(name, "", "it is a hard link, a file with several names; copy it")
            else:
                found[name] = status.st_size
    return found


def _open_plain(path: Path) -> Any:
    """Open a file, but not what it may have been replaced with since it was listed."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, flags | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError("it is no plain file any more")
    return os.fdopen(handle, "rb")


def _archive(file: Any, limits: Limits, faults: Faults) -> zipfile.ZipFile | None:
    """Open a zip after a look at its end: a hostile directory may not even be parsed."""
    size = file.seek(0, 2)
    if size > limits.total:
        faults.add("", "", f"the zip has {size:,} bytes; at most {limits.total:,}")
        return None
    file.seek(max(0, size - _END.size))
    tail = file.read()
    if len(tail) < _END.size or not tail.startswith(b"PK\5\6"):
        faults.add("", "", "it is no zip, or one with a comment or bytes after its end")
        return None
    _, disk, first, here, count, length, begin, _ = _END.unpack(tail)
    if disk or first or here != count or 0xFFFF in (count,) or 0xFFFFFFFF in (length, begin):
        faults.add("", "", "it is a zip in several parts or in the zip64 form, which is not read")
    elif count > limits.files or length > _DIRECTORY:
        faults.add("", "", f"{count:,} files; at most {limits.files:,}")
    elif begin + length + _END.size != size:
        faults.add("", "", "the zip holds bytes that belong to none of its files")
    else:
        try:
            return zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, struct.error, UnicodeError) as error:
            faults.add("", "", f"the zip is damaged: {error}")
    return None


def _zipped(archive: zipfile.ZipFile, limits: Limits, faults: Faults) -> tuple[dict[str, int], str]:
    """Files of a zip with their declared sizes, and the folder that all lie in."""
    entries = archive.infolist()
    found: dict[str, int] = {}
    repeated = []
    for entry in entries:
        name = entry.orig_filename
        if wrong := _entry_fault(entry, limits):
            faults.add(name, "", wrong)
        elif not entry.is_dir():
            if name in found:
                repeated.append(f"{name} occurs twice")
            found[name] = entry.file_size
    faults.some("", "", repeated)
    faults.some("", "", _overlaps(entries, archive.start_dir))
    tops = {name.split("/")[0] for name in found}
    prefix = f"{next(iter(tops))}/" if len(tops) == 1 and SUMS not in found else ""
    return {name.removeprefix(prefix): size for name, size in found.items()}, prefix


def _entry_fault(entry: zipfile.ZipInfo, limits: Limits) -> str:
    name, mode = entry.orig_filename, entry.external_attr >> 16
    if entry.is_dir():
        return name_fault(name.rstrip("/")) or ("a folder with content" if entry.file_size else "")
    if wrong := name_fault(name):
        return wrong
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        return "it is a link or another thing that is no plain file"
    if entry.flag_bits & 0x1:
        return "it is encrypted"
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return f"it is packed by method {entry.compress_type}; expected stored or deflated"
    if entry.file_size > _CHUNK and entry.file_size > limits.ratio * max(entry.compress_size, 1):
        return f"{entry.compress_size:,} bytes unpack to {entry.file_size:,}"
    return ""


def _overlaps(entries: list[zipfile.ZipInfo], end: int) -> list[str]:
    """Files that share bytes, with which a small zip can unpack to anything."""
    ordered = sorted(entries, key=lambda e: e.header_offset)
    found = []
    for entry, following in zip(ordered, [*ordered[1:], None], strict=True):
        last = entry.header_offset + _LOCAL + len(entry.orig_filename) + entry.compress_size
        if last > (end if following is None else following.header_offset):
            found.append(f"{entry.orig_filename} shares bytes with another file of the zip")
    return found
