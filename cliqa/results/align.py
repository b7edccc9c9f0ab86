"""Joining stored predictions with quality scores by exact sample id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cliqa.errors import ResultError
from cliqa.results.layout import LABELS, PREDICTIONS
from cliqa.results.parquet import as_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    #: gate -> (step from 1, task) -> scores in the order of the task's labels.
    Scores = dict[str, dict[tuple[int, str], Array]]


def _encode(column: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int64]]:
    """Distinct values in order of appearance, and each row's position among them."""
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def read_qualities(labels: pa.Table) -> dict[str, tuple[pa.Array, Array]]:
    """Task -> (sample ids, quality scores), both in the order of the table."""
    import pyarrow.compute as pc

    labels = as_table(LABELS, labels)
    found = {}
    for task in labels["task"].unique():
        rows = labels.filter(pc.equal(labels["task"], task))
        ids = rows["sample_id"].combine_chunks()
        if len(ids.unique()) != len(ids):
            raise ResultError(f"the labels of {task.as_py()} name a sample twice")
        found[task.as_py()] = (ids, rows["quality"].to_numpy())
    return found


def align_predictions(
    predictions: pa.Table, qualities: dict[str, tuple[pa.Array, Array]]
) -> Scores:
    """Sort every evaluated (gate, step, task) into the order of the task's labels.

    Args:
        predictions: the columns of `predictions.parquet`, rows in any order.
        qualities: the result of `read_qualities`.

    Raises:
        ResultError: a task has no labels, or its predictions are not for exactly its samples.
    """
    table = as_table(PREDICTIONS, predictions)
    gates, gate = _encode(table["gate"])
    tasks, task = _encode(table["task"])
    ids, sample = _encode(table["sample_id"])
    unknown = sorted(set(tasks.to_pylist()) - set(qualities))
    if unknown:
        raise ResultError(f"there are predictions but no labels for {', '.join(unknown)}")
    step, score = table["step"].to_numpy(), table["score"].to_numpy()
    places = [_places(ids, qualities[name][0]) for name in tasks.to_pylist()]
    scores: Scores = {name: {} for name in gates.to_pylist()}
    for rows in _groups(gate, task, step):
        first = rows[0]
        name, at = tasks[task[first]].as_py(), int(step[first])
        owner = gates[gate[first]].as_py()
        place, count = places[task[first]][sample[rows]], len(qualities[name][0])
        _check_join(place, count, f"gate {owner}, step {at}, {name}")
        aligned = np.empty(count)
        aligned[place] = score[rows]
        scores[owner][at, name] = aligned
    return scores


def _places(ids: pa.Array, wanted: pa.Array) -> NDArray[np.int64]:
    import pyarrow.compute as pc

    found = pc.index_in(ids, value_set=wanted).to_numpy(zero_copy_only=False)
    return np.nan_to_num(found, nan=-1).astype(np.int64)  # absent ids come as NaN


def _groups(*keys: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Row numbers of each distinct combination of the keys."""
    if not len(keys[0]):
        return
    combined = np.zeros(len(keys[0]), dtype=np.int64)
    for key in keys:
        _, code = np.unique(key, return_inverse=True)
        combined = combined * (int(code.max()) + 1) + code
    order = np.argsort(combined, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(combined[order])) + 1)


def _check_join(place: NDArray[np.int64], count: int, where: str) -> None:
    hits = np.bincount(place[place >= 0], minlength=count)
    faults = {
        "missing": int((hits == 0).sum()),
        "given twice": int((hits > 1).sum()),
        "not in the test set": int((place < 0).sum()),
    }
    text = ", ".join(f"{number} {fault}" for fault, number in faults.items() if number)
    if text:
        raise ResultError(
            f"{where}: expected one prediction for each of {count} samples; of the ids, {text}"
        )
