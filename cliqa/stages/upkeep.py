"""What a store holds, and what of it may go; needs no torch."""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cliqa.errors import ResultError
from cliqa.results.layout import RUN
from cliqa.results.lock import folder_lock, is_locked
from cliqa.resume.manifest import Damaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from cliqa.stages.store import StageStore

__all__ = ["Listed", "Removed", "listed", "referenced", "remove", "to_remove"]

DAY: Final = 86_400


@dataclass(frozen=True)
class Listed:
    """An entry of a store.

    Attributes:
        address: its address.
        size: bytes.
        used: when it was last written or taken, in seconds since 1970.
        fault: what is wrong with it; empty if nothing is known to be.
        values: its plain values; empty if they cannot be read.
    """

    address: str
    size: int
    used: float
    fault: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    def about(self, key: str) -> str:
        """What its maker wrote about it, fit for a terminal; empty if nothing."""
        told = self.values.get("about")
        found = told.get(key, "") if isinstance(told, dict) else ""
        text = "+".join(map(str, found)) if isinstance(found, list) else str(found)
        return "".join(c if c.isprintable() else "?" for c in text)

    @property
    def parent(self) -> str:
        """Address of the stage it goes on from; empty if there is none."""
        parent = self.values.get("parent")
        return parent if isinstance(parent, str) and parent.isalnum() else ""


def listed(store: StageStore, *, check: bool = False) -> list[Listed]:
    """Every entry, the one used last first.

    Args:
        store: the store.
        check: read all files and compare them with their digests; otherwise only manifests.
    """
    store.check_own()
    found = [_look(store, address, check=check) for address in store.addresses()]
    return sorted(found, key=lambda entry: -entry.used)


def _look(store: StageStore, address: str, *, check: bool) -> Listed:
    size, used = store.size(address), store.used(address)
    try:
        if check:
            store.check(address)
        return Listed(address, size, used, values=store.values(address))
    except Damaged as error:
        return Listed(address, size, used, fault=str(error))


def referenced(folders: Iterable[Path]) -> set[str]:
    """Addresses of the stages that finished runs in these folders consist of.

    Args:
        folders: of runs, of sweeps, or of whatever holds them.

    Raises:
        ResultError: there is no run in one, or one that cannot be read: then nothing is certain.
    """
    found: set[str] = set()
    for folder in folders:
        runs = sorted(folder.rglob(RUN)) if folder.is_dir() else []
        if not runs:
            raise ResultError(f"{folder} holds no run; name the folder of a run or of a sweep")
        for path in runs:
            found |= _stages_of(path)
    return found


def _stages_of(path: Path) -> set[str]:
    try:
        stages = json.loads(path.read_bytes()).get("stage_seconds", [])
        return {str(stage["address"]) for stage in stages if "address" in stage}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ResultError(f"{path} cannot be read ({type(error).__name__}: {error})") from None


def to_remove(
    entries: Sequence[Listed],
    *,
    kept: set[str],
    unused_days: float | None = None,
    unreferenced: bool = False,
    max_bytes: int | None = None,
    now: float | None = None,
) -> list[Listed]:
    """What may go, the longest unused first.

    Damaged entries always may. Of the others, those that meet every condition given by
    `unused_days` and `unreferenced`; and then, to come down to `max_bytes`, the longest unused.

    Args:
        entries: all of the store.
        kept: addresses that stay in any case.
        unused_days: those not used for so many days.
        unreferenced: those not in `kept`.
        max_bytes: what may be left, in all.
        now: seconds since 1970; default: the clock's.
    """
    now = time.time() if now is None else now
    oldest_first = sorted(entries, key=lambda entry: entry.used)
    free = [entry for entry in oldest_first if entry.address not in kept and not entry.fault]
    gone = [entry for entry in oldest_first if entry.fault]
    if unused_days is not None or unreferenced:
        before = now if unused_days is None else now - unused_days * DAY
        gone += [entry for entry in free if entry.used <= before]
    if max_bytes is not None:
        chosen = {entry.address for entry in gone}
        left = sum(entry.size for entry in entries if entry.address not in chosen)
        for entry in free:
            if left > max_bytes and entry.address not in chosen:
                gone.append(entry)
                left -= entry.size
    return gone


@dataclass
class Removed:
    """What a removal did.

    Attributes:
        gone: addresses of removed entries.
        bytes: what they took.
        in_use: addresses of those that a run is at work on, which stay.
        leftovers: folders removed that killed processes had left half written.
    """

    gone: list[str] = field(default_factory=list)
    bytes: int = 0
    in_use: list[str] = field(default_factory=list)
    leftovers: int = 0


def remove(store: StageStore, entries: Iterable[Listed], *, dry_run: bool = False) -> Removed:
    """Remove entries that nobody is at work on, and what killed processes have left.

    Args:
        store: the store.
        entries: what may go.
        dry_run: change nothing, only say what would be done.
    """
    done = Removed()
    for entry in entries:
        if _with_lock(store, entry.address, dry_run=dry_run):
            done.gone.append(entry.address)
            done.bytes += entry.size
        else:
            done.in_use.append(entry.address)
    for address, path in store.leftovers():
        if _with_lock(store, address, path, dry_run=dry_run):
            done.leftovers += 1
    return done


def _with_lock(
    store: StageStore, address: str, leftover: Path | None = None, *, dry_run: bool
) -> bool:
    """Remove an entry, or a leftover of it, unless somebody holds its lock; whether nobody did."""
    lock = store.lock(address)
    if dry_run or is_locked(lock):
        return not is_locked(lock)
    with ExitStack() as held:
        try:
            held.enter_context(folder_lock(lock, "run"))
        except ResultError:
            if not os.access(lock.parent, os.W_OK):
                raise
            return False  # somebody was quicker
        if leftover is None:
            store.remove(address)
        else:
            store.remove_leftover(leftover)
    return True
