"""A fault: what is wrong in a configuration, and where it was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from cliqa.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Fault", "FaultsError", "KeyPath", "Place", "dotted", "got", "raise_faults"]

#: Keys and list positions that lead from the top of a configuration to a value.
KeyPath: TypeAlias = tuple[str | int, ...]

_LONGEST = 60


@dataclass(frozen=True, order=True)
class Place:
    """Where something was written: a file with line and column (from 1), or an override."""

    origin: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """`file:line:column`, the form that terminals and editors can follow."""
        parts = (self.origin, self.line, self.column)
        return ":".join(str(part) for part in parts if part is not None)


@dataclass(frozen=True)
class Fault:
    """One mistake of the user."""

    place: Place
    path: KeyPath
    text: str

    def __str__(self) -> str:
        where = f"{self.place}: {dotted(self.path)}" if self.path else str(self.place)
        return f"{where}: {self.text}"


class FaultsError(ConfigError):
    """A configuration with faults; it keeps them apart, for who has several to report together."""

    def __init__(self, text: str, faults: Iterable[Fault]) -> None:
        super().__init__(text)
        self.faults = tuple(faults)


def dotted(path: KeyPath) -> str:
    """A key path as `--set` writes it.

    >>> dotted(("stream", "tasks", 0, "images"))
    'stream.tasks.0.images'
    """
    return ".".join(str(key) for key in path)


def got(value: Any) -> str:
    """A value as a message names it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {_short(repr(value))}"
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, (list, tuple)):
        return "a list" if value else "an empty list"
    return _short(str(value))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def raise_faults(faults: Iterable[Fault], about: str) -> None:
    """Raise one `FaultsError` that lists every fault in the order written; do nothing if none.

    Args:
        faults: the mistakes found.
        about: what was read, for the headline.
    """
    faults = list(faults)
    lines = [str(fault).replace("\n", "\n    ") for fault in _merged(faults)]
    if not lines:
        return
    if len(lines) == 1:
        raise FaultsError(lines[0], faults)
    raise FaultsError(f"{about}: {len(lines)} mistakes\n  " + "\n  ".join(lines), faults)


def _merged(faults: Iterable[Fault]) -> list[Fault]:
    """Sort by place; say once what one override (`tasks.*.x=1`) did wrong at many paths."""
    alike: dict[tuple[Place, str], list[Fault]] = {}
    for fault in sorted(faults, key=_reading_order):
        alike.setdefault((fault.place, fault.text), []).append(fault)
    merged = []
    for group in alike.values():
        first, count = group[0], len(group) - 1
        more = f" (and at {count} more place{'s' * (count > 1)})" if count else ""
        merged.append(Fault(first.place, first.path, first.text + more))
    return merged


def _reading_order(fault: Fault) -> tuple[bool, int, int]:
    """Faults of the file by position, then those of overrides in the order given."""
    place = fault.place
    return (place.line is None, place.line or 0, place.column or 0)
