"""From folders to verified runs; whatever is wrong with one becomes its reason, never a crash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cliqa.errors import CliqaError
from cliqa.leaderboard.model import Rejected
from cliqa.leaderboard.verified import VerifiedBundle, recompute
from cliqa.report import Run, group_runs, open_run, search_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from cliqa.leaderboard.verified import Verify


@dataclass(frozen=True)
class Accepted:
    """One verified run.

    Attributes:
        run: its records, with recomputed metrics.
        trust: what the verification found out.
        sums: SHA-256 of its `SHA256SUMS`.
    """

    run: Run
    trust: str
    sums: str


@dataclass(frozen=True)
class Collected:
    """All bundles that were named: shown, or rejected with a reason."""

    accepted: tuple[Accepted, ...]
    rejected: tuple[Rejected, ...]


def collect(
    folders: Sequence[Path],
    verify: Verify = recompute,
    check: Callable[[Run], object] | None = None,
) -> Collected:
    """Verify every bundle that `folders` name or hold, with the methods trained beside each.

    Args:
        folders: bundles, or folders with bundles somewhere below.
        verify: looks at one bundle; an exception of any kind rejects that bundle.
        check: called with each verified run, to see that it can be shown alone; likewise.
    """
    accepted: dict[Path, Accepted] = {}
    rejected: dict[Path, str] = {}
    for folder in folders:
        try:
            found, unfinished = search_runs(folder)
        except Exception as error:  # any fault of the folder is its reason
            rejected[folder] = explain(error)
            continue
        rejected |= dict.fromkeys(unfinished, "it has not finished")
        if not found and not unfinished:
            rejected[folder] = "it holds no finished run" if folder.exists() else "it is not there"
        for path in found:
            if path.resolve() in {p.resolve() for p in (*accepted, *rejected)}:
                continue
            try:
                accepted[path] = _accept(path, verify, check)
            except Exception as error:  # a hostile bundle must not cost the others their page
                rejected[path] = explain(error)
    return Collected(
        tuple(accepted.values()),
        tuple(Rejected(bundle=str(path), reason=reason) for path, reason in rejected.items()),
    )


class _Refused(CliqaError):
    """The verification found faults."""


def _accept(path: Path, verify: Verify, check: Callable[[Run], object] | None) -> Accepted:
    result = verify(path)
    if result.faults:
        more = f"; and {len(result.faults) - 1} more" if len(result.faults) > 1 else ""
        raise _Refused(f"{result.faults[0]}{more}")
    opened = open_run(path)
    run = Run(opened.shown, VerifiedBundle(opened.bundle.folder, result.metrics))
    if not group_runs([run])[0].rows:
        raise _Refused("it holds no predictions")
    if check:
        check(run)
    sums = hashlib.sha256((path / "SHA256SUMS").read_bytes()).hexdigest()
    return Accepted(run, str(result.trust), sums)


def explain(error: Exception) -> str:
    """One line; a reader who is no programmer is told only what a `CliqaError` says."""
    lines = str(error).splitlines() or [""]
    if isinstance(error, CliqaError):
        return lines[0]
    return f"its records cannot be read: {type(error).__name__}: {lines[0]}"
