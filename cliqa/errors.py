"""Every mistake that a user can make, as one exception class each.

All derive from `CliqaError`; the command line prints their text without a traceback and exits
with `exit_code`. A message says what was wrong, where, what was expected and what to do.
Anything else that escapes is a defect of cliqa and keeps its traceback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "CacheError",
    "CapabilityError",
    "CliqaError",
    "ConfigError",
    "DataError",
    "MissingImagesError",
    "MissingPackageError",
    "MissingWeightsError",
    "PluginError",
    "ResultError",
    "ScaffoldError",
    "UnknownComponentError",
]


class CliqaError(Exception):
    """Base of all errors that name a user's mistake; `exit_code` is the process's exit code."""

    exit_code = 2


class ConfigError(CliqaError, ValueError):
    """A configuration cannot be used; the text lists every fault with its file, line and column."""


class PluginError(CliqaError, RuntimeError):
    """A plugin is broken, clashes with another, or breaks the contract of its kind."""


class UnknownComponentError(CliqaError, LookupError):
    """No component of that kind has that name."""


class CapabilityError(CliqaError, TypeError):
    """Two components cannot work together (for example TSN on a backbone without normalization)."""


class MissingWeightsError(CliqaError, FileNotFoundError):
    """Pre-trained weights are neither on this machine nor reachable."""


class MissingPackageError(CliqaError, ImportError):
    """What was asked for takes a package that is not installed; the text names the extra for it."""


class CacheError(CliqaError, OSError):
    """The cache of decoded images cannot be read or emptied, as the user asked for."""


class DataError(CliqaError, ValueError):
    """A dataset is missing, incomplete, unreadable, or breaks the table contract."""


class MissingImagesError(DataError):
    """Images that a set lists are not there; it names all of them, its text only the first.

    A dataset whose settings have `allow_missing: int` leaves so many out instead of raising it.
    """

    def __init__(self, text: str, images: Iterable[str]) -> None:
        super().__init__(text)
        self.images = tuple(images)


class ResultError(CliqaError, OSError):
    """A result folder is already finished, is not a result folder, or is damaged."""


class ScaffoldError(CliqaError, ValueError):
    """New files cannot be written as asked: a name is taken or is none, or a file is in the way."""
