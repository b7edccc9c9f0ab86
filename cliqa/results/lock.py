"""One process at a time in a folder; the second is told who the first is."""

from __future__ import annotations

import json
import os
import socket
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cliqa.errors import ResultError
from cliqa.results.files import explained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["folder_lock", "is_locked", "waiting_lock"]


@contextmanager
def folder_lock(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file `path`; it goes when the process is done, and holds nobody after a kill.

    Args:
        path: the file, in a folder that exists.
        what: what holds it, for the message: `run`, `sweep`.

    Raises:
        ResultError: another process holds it; its number, machine and start are named.
    """

    def refuse(holder: str) -> None:
        raise ResultError(
            f"another {what} is running in {path.parent}{holder}; wait for it, or name "
            "another --out"
        )

    with _held(path, refuse):
        yield


@contextmanager
def waiting_lock(path: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """The same, but a second process waits until the first one is done, or dead.

    Args:
        path: the file, in a folder that exists.
        tell: told once who holds it, if anybody does: `: process ...`, or nothing if unknown.
    """
    with _held(path, tell):
        yield


@contextmanager
def _held(path: Path, taken: Callable[[str], None]) -> Iterator[None]:
    handle = _take(path, taken)
    try:
        yield
    finally:
        # Removed while held: `_take` sees that the file it has locked is no longer the path's.
        path.unlink(missing_ok=True)
        os.close(handle)


def is_locked(path: Path) -> bool:
    """Whether another process holds that lock now; changes nothing."""
    import fcntl  # not on Windows, which cliqa does not run on

    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


def _take(path: Path, taken: Callable[[str], None]) -> int:
    """Lock the file; where another process has, `taken` is told, and refuses or lets us wait."""
    told = False
    while True:
        with explained("write to", path.parent):
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            if not _locked_now(handle):
                if not told:
                    taken(_holder(handle))
                    told = True
                _wait(handle)
        except BaseException:
            os.close(handle)
            raise
        if _is_at(path, handle):
            break
        os.close(handle)
    _sign(handle)
    return handle


def _locked_now(handle: int) -> bool:
    """Lock a file unless another process has."""
    import fcntl  # not on Windows, which cliqa does not run on

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # some network file systems have no locks: only the check is lost
    return True


def _wait(handle: int) -> None:
    import fcntl  # not on Windows, which cliqa does not run on

    fcntl.flock(handle, fcntl.LOCK_EX)  # a signal's exception ends the wait


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _sign(handle: int) -> None:
    """Write down who holds the lock."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since})
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, text.encode(), 0)
    except OSError:
        pass  # a full disk must not keep a run from saying so itself


def _holder(handle: int) -> str:
    try:
        found = json.loads(os.pread(handle, 4096, 0))
        return f": process {found['pid']} on {found['host']}, since {found['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
