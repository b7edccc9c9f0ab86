"""From folders to verified runs; whatever is wrong with one becomes its reason, never a crash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cliqa.errors import CliqaError
from cliqa.leaderboard.model import Rejected
from cliqa.leaderboard.verified import VerifiedBundle, recompute
from cliqa.report import Run, group_runs, open_run, search_runs
from cliqa.results import load_bundle
from cliqa.sweep import missing_runs

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


def shown_alone(accepted: Accepted) -> None:
    """Build a board of one run: what cannot be shown alone would cost the others theirs."""
    from cliqa.leaderboard.build import Options, build_board

    build_board(Collected((accepted,), ()), Options())


def collect(
    folders: Sequence[Path],
    verify: Verify = recompute,
    check: Callable[[Accepted], object] = shown_alone,
) -> Collected:
    """Verify every bundle that `folders` name or hold, with the methods trained beside each.

    Args:
        folders: bundles, or folders with bundles somewhere below.
        verify: looks at one bundle; an exception of any kind rejects that bundle.
        check: called with each verified run; likewise.
    """
    accepted: dict[Path, Accepted] = {}
    rejected: dict[Path, str] = {}
    for folder in folders:
        try:
            found, unfinished = search_runs(folder)
            lacking = {run.folder: run.reason for run in missing_runs(folder)}
        except Exception as error:  # any fault of the folder is its reason
            rejected[folder] = explain(error)
            continue
        rejected |= dict.fromkeys(unfinished, "it has not finished") | lacking
        if not found and not unfinished and not lacking:
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


class _RefusedError(CliqaError):
    """The verification found faults."""


def _check_shape(record: dict[str, Any]) -> None:
    """Refuse tasks and stages that are none, before anyone makes a matrix of their number."""
    tasks, learned_at = record.get("tasks"), record.get("learned_at")
    if not isinstance(tasks, list) or not tasks or not all(isinstance(t, str) for t in tasks):
        raise _RefusedError("run.json: `tasks` is no list of names")
    if len(set(tasks)) < len(tasks):
        raise _RefusedError("run.json: `tasks` names a task twice")
    if not record.get("stages"):
        raise _RefusedError("run.json: `stages` is empty")
    if learned_at is None:
        return
    whole = isinstance(learned_at, list) and all(type(stage) is int for stage in learned_at)
    rising = whole and all(b - a in {0, 1} for a, b in pairwise([-1, *learned_at]))
    if not rising or len(learned_at) != len(tasks) or learned_at[0] != 0:
        raise _RefusedError("run.json: `learned_at` is no list of stages, one a task")


def _accept(path: Path, verify: Verify, check: Callable[[Accepted], object]) -> Accepted:
    _check_shape(load_bundle(path).run)
    result = verify(path)
    if result.faults:
        more = f"; and {len(result.faults) - 1} more" if len(result.faults) > 1 else ""
        raise _RefusedError(f"{result.faults[0]}{more}")
    opened = open_run(path)
    run = Run(opened.shown, VerifiedBundle(opened.bundle.folder, result.metrics))
    if not group_runs([run])[0].rows:
        raise _RefusedError("it holds no predictions")
    sums = hashlib.sha256((path / "SHA256SUMS").read_bytes()).hexdigest()
    accepted = Accepted(run, str(result.trust), sums)
    check(accepted)
    return accepted


def explain(error: Exception) -> str:
    """One line; a reader who is no programmer is told only what a `CliqaError` says."""
    lines = str(error).splitlines() or [""]
    if isinstance(error, CliqaError):
        return lines[0]
    return f"its records cannot be read: {type(error).__name__}: {lines[0]}"
