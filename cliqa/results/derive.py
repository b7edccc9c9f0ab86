"""Everything in `metrics.json`, derived from the stored predictions and given labels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cliqa.errors import PluginError, ResultError
from cliqa.metrics import MatrixRecord, unit_ranks, why_unrankable
from cliqa.results.align import align_predictions, read_qualities
from cliqa.results.layout import SCHEMA_VERSION, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from cliqa.metrics import Metric

    Array = NDArray[np.float64]
    Cells = Mapping[tuple[int, str], Array]

#: Keys of a gate's entry in `metrics.json` that no metric may take.
RESERVED: Final = frozenset({"srcc", "stability", "evaluate_only", "undefined"})


@dataclass
class _Ranked:
    """One gate's predictions, each ranked once, with the reasons where there is no rank order."""

    gate: str
    tasks: Sequence[str]
    learned_at: Sequence[int]
    cells: Cells
    qualities: Mapping[str, Array]
    undefined: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.cells = {key: _without_noise(scores) for key, scores in self.cells.items()}
        self.ranks = {key: unit_ranks(scores) for key, scores in self.cells.items()}
        self.truth = {task: unit_ranks(scores) for task, scores in self.qualities.items()}

    def why(self, step: int, task: str) -> str | None:
        """Why the predictions of that step on that set have no rank order."""
        where = f"gate {self.gate}, step {step}, {task}"
        if (step, task) not in self.cells:
            return f"{where}: not evaluated"
        reason = why_unrankable(self.cells[step, task], "predictions")
        return f"{where}: {reason}" if reason else None

    def with_truth(self, path: str, step: int, task: str) -> float:
        """SRCC with the quality scores; NaN with its reason kept under `path`."""
        truth = self.truth.get(task)
        reason = self.why(step, task)
        if reason is None and truth is not None and np.isnan(truth[0]):
            reason = f"{task}: {why_unrankable(self.qualities[task], 'quality scores')}"
        return self._dot(path, reason, self.ranks.get((step, task)), truth)

    def with_earlier(self, path: str, step: int, task: str, earlier: int) -> float:
        """SRCC with the predictions of an earlier step; NaN with its reason kept under `path`."""
        reason = self.why(step, task) or self.why(earlier, task)
        pair = (self.ranks.get((step, task)), self.ranks.get((earlier, task)))
        return self._dot(path, reason, *pair)

    def _dot(self, path: str, reason: str | None, a: Array | None, b: Array | None) -> float:
        if reason is None and a is not None and b is not None:
            return float(np.clip(a @ b, -1.0, 1.0))
        self.undefined[path] = reason or "no quality scores"
        return float("nan")

    def matrices(self) -> tuple[Array, Array]:
        """S and R of `cliqa.metrics`."""
        stages = max(self.learned_at) + 1
        S, R = np.full((2, stages, len(self.tasks)), np.nan)
        for t in range(stages):
            for k, (task, learned) in enumerate(zip(self.tasks, self.learned_at, strict=True)):
                S[t, k] = self.with_truth(f"srcc[{t}][{k}]", t + 1, task)
                if learned < t:
                    R[t, k] = self.with_earlier(f"stability[{t}][{k}]", t + 1, task, learned + 1)
        return S, R


def _without_noise(scores: Array) -> Array:
    """Scores, made equal where they differ by no more than float32 arithmetic does.

    A model that says the same of every image must be called constant, although the order of
    summation in a batch moves its last digit.
    """
    size = np.abs(scores).max(initial=0.0)
    noise = 4 * float(np.finfo(np.float32).eps) * size
    return np.full_like(scores, scores[0]) if 0 < np.ptp(scores) <= noise else scores


def srcc_matrices(
    predictions: pa.Table,
    labels: pa.Table,
    *,
    tasks: Sequence[str],
    gate: str,
    learned_at: Sequence[int] | None = None,
) -> tuple[Array, Array, dict[str, str]]:
    """Both matrices of one gate, from its stored predictions.

    Args:
        predictions: the columns of `predictions.parquet`, rows in any order.
        labels: the columns of `labels.parquet`, from a source you trust.
        tasks: names of the tasks in the order they were learned.
        gate: name of the gate.
        learned_at: for each task the stage, from 0, that learned it; row t of the matrices is stage
            t, step t + 1 of the predictions. Default: stage k learned task k.

    Returns:
        S, R (see `cliqa.metrics`) and, for each entry that is NaN and need not be, its path such
        as `srcc[0][1]` with the reason.
    """
    known = read_qualities(labels)
    scores = align_predictions(predictions, known)
    stages = _stages(tasks, learned_at)
    _check_steps(scores, max(stages) + 1)
    quality = {task: values for task, (_, values) in known.items()}
    ranked = _Ranked(gate, tasks, stages, scores.get(gate, {}), quality)
    S, R = ranked.matrices()
    return S, R, ranked.undefined


def compute_metrics(
    predictions: pa.Table,
    labels: pa.Table,
    *,
    tasks: Sequence[str],
    metrics: Iterable[Metric],
    gates: Sequence[str] | None = None,
    evaluate_only: Sequence[str] = (),
    learned_at: Sequence[int] | None = None,
) -> dict[str, Any]:
    """The content of `metrics.json`.

    A metric that is undefined, fails or leaves its bounds becomes None with a reason: a run is
    never lost to a summary, which can be derived again from the predictions.

    Args:
        predictions: the columns of `predictions.parquet`, rows in any order.
        labels: the columns of `labels.parquet`, from a source you trust.
        tasks: names of the tasks in the order they were learned.
        metrics: the metrics to compute.
        gates: names of the gates; default: those in `predictions`, in order of appearance.
        evaluate_only: sets that were only tested on, after the last task.
        learned_at: for each task the stage, from 0, that learned it; default: stage k learned task
            k.

    Raises:
        ResultError: predictions and labels do not fit each other.
        PluginError: two metrics have one name, or one takes a reserved name.
    """
    metrics = _check_names(metrics)
    known = read_qualities(labels)
    quality = {task: values for task, (_, values) in known.items()}
    scores = align_predictions(predictions, known)
    stages = _stages(tasks, learned_at)
    _check_steps(scores, max(stages) + 1)
    _check_tasks(scores, (*tasks, *evaluate_only))
    entries = {}
    for gate in scores if gates is None else gates:
        ranked = _Ranked(gate, tasks, stages, scores.get(gate, {}), quality)
        entries[gate] = _entry(ranked, metrics, evaluate_only)
    return {
        "schema_version": SCHEMA_VERSION,
        "tasks": list(tasks),
        "learned_at": list(stages),
        "gates": entries,
    }


def _check_names(metrics: Iterable[Metric]) -> list[Metric]:
    metrics = list(metrics)
    names = [metric.name for metric in metrics]
    bad = sorted({n for n in names if n in RESERVED or names.count(n) > 1})
    if bad:
        raise PluginError(
            f"metric names must be distinct and none of {', '.join(sorted(RESERVED))}; "
            f"got {', '.join(bad)}"
        )
    return metrics


def _stages(tasks: Sequence[str], learned_at: Sequence[int] | None) -> Sequence[int]:
    """Refuses what is no list of stages before anyone makes a matrix of their number."""
    stages = range(len(tasks)) if learned_at is None else learned_at
    if not isinstance(stages, list | tuple | range) or len(stages) != len(tasks) or not tasks:
        raise ResultError(f"expected the stage of each of {len(tasks)} tasks; got no such list")
    whole = all(type(stage) is int for stage in stages)
    if not whole or not all(b - a in {0, 1} for a, b in pairwise([-1, *stages])) or stages[0] != 0:
        raise ResultError(
            "the stages that learned the tasks must be whole numbers that begin at 0 and rise by "
            "at most 1 from task to task"
        )
    return stages


def _check_steps(scores: Mapping[str, Cells], stages: int) -> None:
    steps = {step for cells in scores.values() for step, _ in cells}
    beyond = sorted(steps - set(range(1, stages + 1)))
    if beyond:
        raise ResultError(f"there are {stages} stages but predictions of step {beyond[-1]}")


def _check_tasks(scores: Mapping[str, Cells], known: Iterable[str]) -> None:
    strange = sorted({task for cells in scores.values() for _, task in cells} - set(known))
    if strange:
        raise ResultError(f"there are predictions for {strange[0]}, which is no task of the run")


def _entry(
    ranked: _Ranked, metrics: Sequence[Metric], evaluate_only: Sequence[str]
) -> dict[str, Any]:
    S, R = ranked.matrices()
    place = {task: k for k, task in enumerate(ranked.tasks)}
    record = MatrixRecord(
        S=S,
        R=R,
        tasks=tuple(ranked.tasks),
        learned_at=tuple(ranked.learned_at),
        gate=ranked.gate,
        predictions={(t - 1, place[n]): v for (t, n), v in ranked.cells.items() if n in place},
        qualities={place[n]: v for n, v in ranked.qualities.items() if n in place},
    )
    undefined = dict(ranked.undefined)
    entry: dict[str, Any] = {}
    for metric in metrics:
        value, reason = _value(metric, record)
        entry[metric.name] = value
        if value is None:
            undefined[metric.name] = reason or _blame(metric, record, ranked.undefined)
    entry |= {"srcc": plain(S), "stability": plain(R)}
    if evaluate_only:
        last, path = len(S), "evaluate_only.{}".format
        found = {name: ranked.with_truth(path(name), last, name) for name in evaluate_only}
        entry["evaluate_only"] = plain(found)
    return entry | {"undefined": {**ranked.undefined, **undefined}}


def add_metrics(found: Mapping[str, Any], metrics: Iterable[Metric]) -> dict[str, Any]:
    """The content of a `metrics.json` with further metrics, from the matrices that it holds.

    Args:
        found: what `compute_metrics` gave.
        metrics: they see the matrices alone; one of a name that is there replaces it.
    """
    metrics = _check_names(metrics)
    names = {metric.name for metric in metrics}
    gates = {}
    for gate, entry in found["gates"].items():
        S, R = (np.array(plain(entry[m]), dtype=np.float64) for m in ("srcc", "stability"))
        record = MatrixRecord(
            S=S, R=R, tasks=tuple(found["tasks"]), learned_at=tuple(found["learned_at"]), gate=gate
        )
        undefined = {k: why for k, why in entry["undefined"].items() if k not in names}
        cells = {k: why for k, why in undefined.items() if k.startswith(("srcc[", "stability["))}
        added = {}
        for metric in metrics:
            value, reason = _value(metric, record)
            added[metric.name] = value
            if value is None:
                undefined[metric.name] = reason or _blame(metric, record, cells)
        gates[gate] = {**entry, **added, "undefined": undefined}
    return {**found, "gates": gates}


def _value(metric: Metric, record: MatrixRecord) -> tuple[float | None, str]:
    """The metric's value, or None with a reason; no reason where the metric gave NaN."""
    try:
        value = float(metric.compute(record))
    except Exception as error:  # a plugin's defect must not cost the run
        return None, f"the metric failed: {type(error).__name__}: {error}"
    low, high = metric.bounds
    if np.isnan(value):
        return None, ""
    if not low - 1e-9 <= value <= high + 1e-9 or np.isinf(value):
        return None, f"the metric gave {value}, outside its bounds {low} to {high}"
    return value, ""


def _blame(metric: Metric, record: MatrixRecord, undefined: Mapping[str, str]) -> str:
    """Name the undefined entries that alone make the metric undefined."""
    filled = {"srcc": np.nan_to_num(record.S), "stability": np.nan_to_num(record.R)}

    def undefined_with(path: str | None) -> bool:
        S, R = filled["srcc"].copy(), filled["stability"].copy()
        if path is not None:
            name, t, k = path.replace("]", "").split("[")
            (S if name == "srcc" else R)[int(t), int(k)] = np.nan
        return _value(metric, replace(record, S=S, R=R))[0] is None

    if not undefined:
        return f"not defined for {len(record.tasks)} task(s)"
    if undefined_with(None):  # it reads something else than the matrices
        return "; ".join(list(dict.fromkeys(undefined.values()))[:3])
    needed = [undefined[path] for path in undefined if undefined_with(path)]
    reasons = list(dict.fromkeys(needed))
    more = f"; and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    return f"needs what is undefined: {reasons[0]}{more}" if reasons else "undefined"
