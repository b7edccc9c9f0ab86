"""Writing so that a file always holds its old or its new content, whatever kills the process."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cliqa.errors import ResultError
from cliqa.results.layout import TEMPORARY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

_CAUSES = {
    errno.ENOSPC: "no space is left on the device; free some, or name another --out",
    errno.EDQUOT: "your disk quota is used up; free some, or name another --out",
    errno.EFBIG: "a file may not become that large here; raise the limit, or name another --out",
    errno.EACCES: "permission denied; name a folder that you may write to",
    errno.EPERM: "permission denied; name a folder that you may write to",
    errno.EROFS: "the file system is read-only; name another --out",
    errno.ENOTDIR: "a part of the path is a file, not a folder; name another --out",
    errno.EEXIST: "a part of the path is a file, not a folder; name another --out",
    errno.EISDIR: "it is a folder where a file is expected",
}


@contextmanager
def explained(action: str, path: Path) -> Iterator[None]:
    """Turn an error of the operating system into one sentence about `action` on `path`."""
    try:
        yield
    except ResultError:
        raise
    except OSError as error:
        cause = _CAUSES.get(error.errno or 0, error.strerror or str(error))
        if action != "write" and error.errno in {errno.EACCES, errno.EPERM}:
            cause = "permission denied; it must be made readable for you first"
        raise ResultError(f"cannot {action} {path}: {cause}") from error


def sync(path: Path) -> None:
    """Make a file's content, or the renames in a folder, survive a power cut."""
    if os.name != "posix" and path.is_dir():
        return  # Windows offers no such thing for folders
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some network file systems
            raise
    finally:
        os.close(handle)


def write_atomic(path: Path, fill: Callable[[BinaryIO], Any]) -> None:
    """Let `fill` write the content to a file beside `path`, then put it in its place.

    The file is made with `open`, so that its mode follows the umask.
    """
    with explained("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
        try:
            with temporary.open("xb") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync(path.parent)


def sha256(path: Path) -> str:
    """The file's digest in hex."""
    with explained("read", path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
