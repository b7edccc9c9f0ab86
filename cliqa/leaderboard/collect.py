"""From paths to verified runs; a fault of a bundle becomes its reason, never a crash."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from cliqa.errors import CliqaError
from cliqa.leaderboard.metrics import METRICS
from cliqa.leaderboard.model import Rejected
from cliqa.report import Run, as_run, group_runs
from cliqa.results import add_metrics
from cliqa.results.layout import SUMS, UNFINISHED
from cliqa.sweep import missing_runs
from cliqa.verification import StrictBundle, Verification

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

#: Looks at one bundle, a folder or a zip, and those in its `compare/`.
Verify: TypeAlias = Callable[[Path], Verification]
#: Folders below a named one in which bundles are looked for.
_DEEPEST: Final = 6


@dataclass(frozen=True)
class Accepted:
    """One verified run.

    Attributes:
        run: its records, with metrics computed here.
        trust: what the verification found out.
        sums: SHA-256 of its `SHA256SUMS`.
        notes: what the verification could not check.
    """

    run: Run
    trust: str
    sums: str
    notes: tuple[str, ...] = ()


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
    paths: Sequence[Path],
    verify: Verify,
    check: Callable[[Accepted], object] = shown_alone,
) -> Collected:
    """Verify every bundle that `paths` name or hold, with the methods trained beside each.

    A bundle is taken whole or not at all: a fault in one of `compare/` rejects it.

    Args:
        paths: bundles, folders or zips, or folders with bundles somewhere below.
        verify: `Verifier.verify`, or a verification of your own; an exception of any kind rejects
            that bundle.
        check: called with each verified run; likewise.
    """
    accepted: list[Accepted] = []
    rejected: dict[Path, str] = {}
    seen: set[Path] = set()
    for path in paths:
        for bundle, reason in _bundles(path):
            if bundle.resolve() in seen:
                continue
            seen.add(bundle.resolve())
            if reason:
                rejected[bundle] = reason
                continue
            try:
                found = list(_runs(bundle, verify(bundle)))
                for one in found:
                    check(one)
                accepted += found
            except Exception as error:  # a hostile bundle must not cost the others their page
                rejected[bundle] = explain(error)
    return Collected(
        tuple(accepted),
        tuple(Rejected(bundle=str(path), reason=reason) for path, reason in rejected.items()),
    )


def _bundles(top: Path) -> Iterator[tuple[Path, str]]:
    """Every bundle in or below a path, with the reason why one is none."""
    found = dict(_search(top, _DEEPEST)) | _lacking(top)
    yield from found.items() or [
        (top, "it holds no finished run" if top.exists() else "it is not there")
    ]


def _search(path: Path, depth: int) -> Iterator[tuple[Path, str]]:
    try:
        if path.is_file():
            yield path, "" if path.suffix.lower() == ".zip" else "it is no folder and no zip"
        elif (path / SUMS).exists():  # what it is worth is for the verification to say
            yield path, ""
        elif (path / UNFINISHED).exists():
            yield path, "it has not finished"
        elif path.is_dir() and depth:
            for inner in sorted(path.iterdir()):
                hidden = inner.is_symlink() or inner.name.startswith(".")
                if not hidden and (inner.is_dir() or inner.suffix.lower() == ".zip"):
                    yield from _search(inner, depth - 1)
    except OSError as error:
        yield path, f"cannot be looked into: {error.strerror or error}"


def _lacking(top: Path) -> dict[Path, str]:
    """Runs that sweeps in or below a folder should have and have not, with the reason."""
    try:
        return {run.folder: run.reason for run in missing_runs(top)}
    except OSError:
        return {}  # the search has said so


class _RefusedError(CliqaError):
    """The verification found faults."""


def _runs(path: Path, found: Verification) -> Iterator[Accepted]:
    if not found.accepted:
        faults = [str(fault) for fault in found.all_faults()] or ["it was rejected"]
        more = f"; and {len(faults) - 1} more" if len(faults) > 1 else ""
        raise _RefusedError(f"{faults[0]}{more}")
    everything: list[tuple[str | None, Verification]] = [(None, found), *found.beside.items()]
    for label, one in everything:
        shown = str(path) if label is None else f"{path}/compare/{label}"
        derived = add_metrics(one.metrics or {}, METRICS)
        bundle = StrictBundle(path, beside=label, derived=derived)
        run = as_run(shown, bundle)
        if not group_runs([run])[0].rows:
            raise _RefusedError(f"{shown} holds no predictions")
        sums = hashlib.sha256(bundle.sums).hexdigest()
        yield Accepted(run, one.trust.value, sums, one.notes)


def explain(error: Exception) -> str:
    """One line; a reader who is no programmer is told only what a `CliqaError` says."""
    lines = str(error).splitlines() or [""]
    if isinstance(error, CliqaError):
        return lines[0]
    return f"its records cannot be read: {type(error).__name__}: {lines[0]}"


def newest(runs: Iterable[Run]) -> str:
    """When the newest run says that it finished, UTC to the minute; empty if none says so."""
    from datetime import UTC, datetime

    times = []
    for run in runs:
        try:
            time = datetime.fromisoformat(str(run.record.get("finished")))
            times.append(time.astimezone(UTC))
        except (ValueError, OverflowError):
            continue
    return max(times).strftime("%Y-%m-%d %H:%M UTC") if times else ""
