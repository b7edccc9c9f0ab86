"""A verification that believes what made-up bundles say, but for their metrics."""

from __future__ import annotations

from cliqa.errors import ResultError
from cliqa.leaderboard.metrics import METRICS
from cliqa.results import check_sums, compute_metrics
from cliqa.verification import Fault, StrictBundle, Trust, Verification


def believe(path):
    """Compute the metrics of a bundle and those beside it, with the labels that they bring."""
    beside = {p.name: _one(path, p.name) for p in sorted((path / "compare").glob("*"))}
    return Verification(**{**vars(_one(path, None)), "beside": beside})


def _one(path, label):
    folder = path if label is None else path / "compare" / label
    if changed := check_sums(folder):
        faults = tuple(Fault("", "", text) for text in changed)
        return Verification(str(folder), Trust.REJECTED, faults)
    bundle = StrictBundle(path, beside=label)
    record = bundle.run
    if record.get("schema_version") != 1:
        raise ResultError("a bundle of another version")
    found = compute_metrics(
        bundle.predictions,
        bundle.labels,
        tasks=record["tasks"],
        metrics=METRICS,
        gates=list(record["gates"]),
        evaluate_only=record["evaluate_only"],
        learned_at=record.get("learned_at"),
    )
    return Verification(str(folder), Trust.RECOMPUTED, metrics=found)
