"""Predictions: for exactly the images of each test set, finite, and what the heads add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from cliqa.errors import CliqaError
from cliqa.results.derive import compute_metrics
from cliqa.results.layout import HEADS, LABELS, METRICS, PREDICTIONS, WEIGHTS
from cliqa.verification.record import MAIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    import pyarrow as pa
    from numpy.typing import NDArray

    from cliqa.metrics import Metric
    from cliqa.verification.contents import Contents
    from cliqa.verification.verdict import Faults

__all__ = ["Grid", "check_labels", "check_scores", "derive"]

#: Largest relative difference between a stored score and the sum of weight x score of its heads,
#: both float32.
_SUM: Final = 1e-5
#: Largest difference between a metric in a bundle and the same one computed here: what summation
#: orders of linear algebra libraries differ by, and far less than any digit that is printed.
_SAME: Final = 1e-9


@dataclass(frozen=True)
class Grid:
    """The values of one table, sorted.

    Attributes:
        cells: key, such as (gate, step, task) -> values in the order of the test set's ids, and
            for weights and heads (N, H).
    """

    cells: dict[tuple[Any, ...], NDArray[np.float32]]


def check_labels(contents: Contents, faults: Faults) -> None:
    """Whether `labels.parquet` has one finite quality for each test image and no other."""
    found = _rows(contents, LABELS, ("task",), "quality", faults)
    for task in contents.record.sets:
        if (task,) not in found:
            faults.add(LABELS, task, "there are no labels of this test set")


def check_scores(contents: Contents, faults: Faults) -> tuple[Grid, Grid]:
    """Check predictions, heads and weights; returns those of heads and gates that are sound."""
    heads = _rows(contents, HEADS, ("step", "task", "head"), "score", faults)
    weights = _rows(contents, WEIGHTS, ("gate", "step", "task", "head"), "weight", faults)
    scores = _rows(contents, PREDICTIONS, ("gate", "step", "task"), "score", faults)
    by_head = _stack(heads, HEADS, faults)
    by_gate = _stack(weights, WEIGHTS, faults)
    _check_cells(contents, by_head, scores, by_gate, faults)
    for key, stored in scores.items():
        gate, step, task = key
        columns, shares = by_head.get((step, task)), by_gate.get(key)
        where = f"gate {gate}, step {step}, {task}"
        if columns is None or shares is None or columns.shape != shares.shape:
            faults.add(PREDICTIONS, where, "there are no heads and weights that it came from")
            continue
        sums = shares.sum(axis=1, dtype=np.float64)
        if np.any(np.abs(sums - 1) > 1e-4):
            faults.add(WEIGHTS, where, "the weights of an image do not sum to 1")
        expected = np.einsum("nh,nh->n", columns, shares, dtype=np.float64)
        size = max(1e-30, float(np.abs(columns).max()))
        far = np.abs(stored - expected) > _SUM * size
        if np.any(far):
            faults.add(
                PREDICTIONS,
                where,
                f"{int(far.sum())} of {len(far)} scores are not the weighted sum of their heads",
            )
    return Grid(by_head), Grid(scores)


def _rows(
    contents: Contents, name: str, keys: Sequence[str], value: str, faults: Faults
) -> dict[tuple[Any, ...], NDArray[Any]]:
    """Key -> values in the order of the test set's ids, of the groups that join exactly."""
    table = contents.tables[name]
    codes, words = [], []
    for name_of in keys:
        column = table[name_of].combine_chunks().dictionary_encode()
        words.append(column.dictionary.to_pylist())
        codes.append(column.indices.to_numpy(zero_copy_only=False))
    found: dict[tuple[Any, ...], NDArray[Any]] = {}
    order, starts = _grouped(codes)
    ids, places = table["sample_id"].combine_chunks(), {}
    values = table[value].to_numpy()
    for rows in np.split(order, starts):
        key = tuple(w[c[rows[0]]] for w, c in zip(words, codes, strict=True))
        where = ", ".join(f"{n} {k}" for n, k in zip(keys, key, strict=True))
        task = key[list(keys).index("task")]
        if task not in contents.splits:
            faults.add(name, where, f"{task} is no test set of the run")
            continue
        if task not in places:
            places[task] = _places(ids, contents.splits[task]["test"])
        place, count = places[task][rows], len(contents.splits[task]["test"])
        wrong = _join_faults(place, count)
        if not np.all(np.isfinite(values[rows])):
            wrong.append("a value is not finite")
        if wrong:
            faults.add(name, where, "; ".join(wrong))
            continue
        aligned = np.empty(count, values.dtype)
        aligned[place] = values[rows]
        found[key] = aligned
    return found


def _grouped(codes: Sequence[NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
    combined = np.zeros(len(codes[0]), dtype=np.int64)
    for code in codes:
        _, combined = np.unique(combined * (int(code.max()) + 1) + code, return_inverse=True)
    order = np.argsort(combined, kind="stable")
    return order, np.flatnonzero(np.diff(combined[order])) + 1


def _places(ids: pa.Array, wanted: list[str]) -> NDArray[np.int64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.index_in(ids, value_set=pa.array(wanted, pa.string()))
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _join_faults(place: NDArray[np.int64], count: int) -> list[str]:
    hits = np.bincount(place[place >= 0], minlength=count)
    numbers = {
        "missing": int((hits == 0).sum()),
        "given twice": int((hits > 1).sum()),
        "not in the test set": int((place < 0).sum()),
    }
    return [f"{n} of {count} sample ids are {word}" for word, n in numbers.items() if n]


def _stack(
    cells: Mapping[tuple[Any, ...], NDArray[Any]], name: str, faults: Faults
) -> dict[tuple[Any, ...], NDArray[Any]]:
    """Columns of the heads from 1 on side by side."""
    numbers: dict[tuple[Any, ...], list[int]] = {}
    for *group, head in cells:
        numbers.setdefault(tuple(group), []).append(head)
    found = {}
    for key, heads in numbers.items():
        if sorted(heads) != list(range(1, len(heads) + 1)):
            faults.add(name, ", ".join(map(str, key)), f"has the heads {sorted(heads)}")
            continue
        found[key] = np.stack([cells[(*key, head)] for head in sorted(heads)], axis=1)
    return found


def _check_cells(
    contents: Contents,
    heads: Mapping[tuple[Any, ...], NDArray[Any]],
    scores: Mapping[tuple[Any, ...], NDArray[Any]],
    weights: Mapping[tuple[Any, ...], NDArray[Any]],
    faults: Faults,
) -> None:
    """Whether every step was evaluated on every set by every gate that could be."""
    record = contents.record
    steps = [stage.step for stage in record.stages]
    wanted = {(step, task) for step in steps for task in record.tasks}
    wanted |= {(steps[-1], task) for task in record.evaluate_only}
    _same(HEADS, wanted, set(heads), faults)
    if heads and (last := heads.get((steps[-1], record.tasks[0]))) is not None:
        told = len(record.parameters.heads)
        if last.shape[1] != told:
            faults.add(HEADS, "", f"{last.shape[1]} heads, but run.json tells of {told}")
    for label, gate in record.gates.items():
        have = {(step, task) for g, step, task in scores if g == label}
        must = wanted
        if record.multi_head and label != MAIN:
            must = _weightable(contents, heads, wanted, told=gate.uses_task_id)
        _same(f"{PREDICTIONS}: gate {label}", must, have & must, faults)
        beyond = have - wanted
        if beyond:
            faults.add(PREDICTIONS, f"gate {label}", f"scores of {sorted(beyond)[0]}, never tested")
    strange = sorted({g for g, _, _ in scores} - set(record.gates))
    if strange:
        faults.add(PREDICTIONS, f"gate {strange[0]}", "is no gate of the run")
    if spare := sorted(set(weights) - set(scores)):
        faults.add(WEIGHTS, ", ".join(map(str, spare[0])), "weights without predictions")


def _weightable(
    contents: Contents,
    heads: Mapping[tuple[Any, ...], NDArray[Any]],
    wanted: set[tuple[int, str]],
    *,
    told: bool,
) -> set[tuple[int, str]]:
    """Where a gate must have weighted heads: where there were any that are its to weight.

    The main head of a method is no gate's, so there may be none at all. A gate that is told the
    task needs a head of that task, and the task learned.
    """
    record = contents.record
    aside = 1 if record.main_head else 0
    learned_at = dict(zip(record.tasks, record.learned_at, strict=False))
    found = set()
    for step, task in wanted:
        columns = heads.get((step, task))
        there = record.parameters.heads[aside : 0 if columns is None else columns.shape[1]]
        if told:
            there = [head for head in there if task in head.tasks]
            if learned_at.get(task, step) >= step:
                continue
        if there:
            found.add((step, task))
    return found


def _same(file: str, wanted: set[Any], have: set[Any], faults: Faults) -> None:
    name, _, place = file.partition(": ")
    missing = sorted(wanted - have)
    texts = [f"step {step}, {task}: is missing" for step, task in missing]
    texts += [f"step {step}, {task}: was never tested" for step, task in sorted(have - wanted)]
    faults.some(name, place, texts)


def derive(
    contents: Contents,
    labels: pa.Table,
    metrics: Iterable[Metric],
    unknown: Sequence[str],
    faults: Faults,
) -> dict[str, Any] | None:
    """Compute every metric again and compare it with the one in the bundle.

    Args:
        contents: the bundle.
        labels: the columns of `labels.parquet`, from the best source there is.
        metrics: those of the configuration that are known here.
        unknown: names of the others.
        faults: gets a line for every number that differs.
    """
    record = contents.record
    try:
        found = compute_metrics(
            contents.tables[PREDICTIONS],
            labels,
            tasks=record.tasks,
            learned_at=record.learned_at,
            metrics=metrics,
            gates=list(record.gates),
            evaluate_only=record.evaluate_only,
        )
    except (CliqaError, ValueError) as error:
        faults.add(PREDICTIONS, "", f"no metrics can be computed: {error}")
        return None
    differences: list[str] = []
    _compare("", found, contents.metrics, set(unknown), differences)
    for text in differences[:40]:
        place, _, what = text.partition(": ")
        faults.add(METRICS, place, what)
    if len(differences) > 40:
        faults.add(METRICS, "", f"... and {len(differences) - 40} more differences")
    return found


def _compare(place: str, own: Any, told: Any, unknown: set[str], differences: list[str]) -> None:
    if isinstance(own, dict) and isinstance(told, dict):
        _compare_keys(place, own, told, unknown, differences)
    elif isinstance(own, list) and isinstance(told, list) and len(own) == len(told):
        for number, pair in enumerate(zip(own, told, strict=True)):
            _compare(f"{place}[{number}]", *pair, unknown, differences)
    elif not _equal(own, told):
        differences.append(f"{place}: {told!r}, but the predictions give {own!r}")


def _compare_keys(
    place: str,
    own: dict[str, Any],
    told: dict[str, Any],
    unknown: set[str],
    differences: list[str],
) -> None:
    for key in {**own, **told}:
        inner = f"{place}.{key}" if place else key
        if key in own and key in told:
            _compare(inner, own[key], told[key], unknown, differences)
        elif key in own:
            differences.append(f"{inner}: is missing")
        elif key not in unknown:
            differences.append(f"{inner}: nothing of that name can be computed here")


def _equal(own: Any, told: Any) -> bool:
    if isinstance(own, float) and type(told) in {int, float}:
        return bool(abs(own - told) <= _SAME)
    return type(own) is type(told) and bool(own == told)
