"""What the leaderboard asks of a verification, and the one it brings: its own recomputation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from cliqa.errors import ResultError
from cliqa.metrics import (
    MatrixMetric,
    mean_plasticity_index,
    mean_plasticity_stability_index,
    mean_srcc,
    mean_stability_index,
)
from cliqa.results import Bundle, check_sums, compute_metrics, load_bundle

#: Recomputed for every bundle; the first four columns of the TSN-IQA paper's tables.
METRICS: Final = (
    MatrixMetric(name="mSRCC", function=lambda r: mean_srcc(r.S, r.stages)),
    MatrixMetric(name="mPI", function=lambda r: mean_plasticity_index(r.S, r.stages)),
    MatrixMetric(
        name="mSI",
        function=lambda r: mean_stability_index(r.R, r.stages),
    ),
    MatrixMetric(
        name="mPSI",
        function=lambda r: mean_plasticity_stability_index(r.S, r.R, r.stages),
    ),
)


class Verified(Protocol):
    """The result of verifying one bundle.

    Attributes:
        faults: why it is rejected; empty if it is not.
        trust: `recomputed`, `reproduced`, or a lesser word of the verification's own.
        metrics: the content of `metrics.json`, derived again from the predictions; read only
            where there is no fault.
    """

    @property
    def faults(self) -> Sequence[str]: ...  # noqa: D102 - see the class

    @property
    def trust(self) -> str: ...  # noqa: D102

    @property
    def metrics(self) -> Mapping[str, Any]: ...  # noqa: D102


Verify: TypeAlias = Callable[[Path], Verified]


@dataclass(frozen=True)
class _Recomputed:
    faults: tuple[str, ...]
    trust: str
    metrics: Mapping[str, Any]


def recompute(folder: Path) -> Verified:
    """Derive the metrics again from a bundle's predictions and the labels that it brings.

    Its labels are not compared with anyone's, so the trust is only `own labels`.

    Raises:
        ResultError: it is no finished bundle, or its predictions do not fit its labels.
    """
    bundle = load_bundle(folder)
    if faults := check_sums(folder):
        return _Recomputed(tuple(faults), "", {})
    run = bundle.run
    try:
        found = compute_metrics(
            bundle.predictions,
            bundle.labels,
            tasks=run["tasks"],
            metrics=METRICS,
            evaluate_only=run["evaluate_only"],
            learned_at=run.get("learned_at"),
        )
    except KeyError as error:
        raise ResultError(f"run.json lacks {error}") from error
    return _Recomputed((), "own labels", found)


@dataclass(frozen=True)
class VerifiedBundle(Bundle):
    """A bundle whose `metrics.json` is not read: the recomputed one stands in for it."""

    derived: Mapping[str, Any]

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """What the verification derived."""
        return dict(self.derived)
