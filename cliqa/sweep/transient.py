"""Which failures are worth another try: those of the machine, not those of the run.

A run is a function of its settings and data, so what it raised by itself it would raise again: a
mistake in a configuration, a method that diverged, a defect in a plugin. What is tried again is

* a worker that is gone: killed by a signal (as the kernel does when memory runs out), crashed in
  native code, lost with its machine;
* too little memory, of the machine or of a GPU, which others may have used;
* an error of a GPU, which a fresh process may not meet;
* an error of the file system or the network that may pass. A full disk, a file that is not there
  and a missing permission do not pass by themselves.

A worker that is gone raises nothing: `cliqa.sweep.pool` says so where it is noticed.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from cliqa.errors import CliqaError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_transient"]

#: Errors of the system that may be gone a moment later.
_PASSING: Final = frozenset(
    getattr(errno, name)
    for name in (
        "EAGAIN", "EBUSY", "ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EHOSTDOWN",
        "EHOSTUNREACH", "EINTR", "EIO", "EMFILE", "ENETDOWN", "ENETRESET", "ENETUNREACH", "ENFILE",
        "ENOLCK", "ENOMEM", "ENXIO", "EPIPE", "EREMOTEIO", "ESTALE", "ETIMEDOUT", "ETXTBSY",
    )
    if hasattr(errno, name)
)  # fmt: skip
#: By name: torch need not be loaded to have raised nothing.
_TORCH: Final = frozenset({"OutOfMemoryError", "AcceleratorError"})


def is_transient(error: BaseException) -> bool:
    """Whether the same run may succeed if it is simply tried again.

    Args:
        error: what ended it. Of a `CliqaError` its cause counts, which is where it keeps what the
            system said.

    >>> is_transient(MemoryError()), is_transient(ZeroDivisionError())
    (True, False)
    """
    return any(_passes(e) for e in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and, while it is only the words for another one, that one."""
    yield error
    if isinstance(error, CliqaError) and error.__cause__ is not None:
        yield from _chain(error.__cause__)


def _passes(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if any(c.__module__.partition(".")[0] == "torch" and c.__name__ in _TORCH
           for c in type(error).__mro__):  # fmt: skip
        return True
    if isinstance(error, OSError) and not isinstance(error, CliqaError):
        timed_out = isinstance(error, TimeoutError) or "Timeout" in type(error).__name__
        return error.errno in _PASSING or timed_out
    return False
