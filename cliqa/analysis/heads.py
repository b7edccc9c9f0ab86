"""What the heads of the final model say, and how its gates weight them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cliqa.errors import ResultError
from cliqa.metrics import srcc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_OWN = re.compile(r"set/(\d+)/(.+)\.running_mean")
#: Weights closer together than float32 arithmetic are the same weights.
_SAME = 1e-6


@dataclass(frozen=True)
class NormalizationStatistics:
    """The running statistics of one normalization layer, one row a head.

    Attributes:
        layer: the layer's name in the backbone.
        means: (H, C).
        variances: (H, C).
    """

    layer: str
    means: Array
    variances: Array


def last_normalization(
    checkpoint: Path, layer: str | None = None
) -> NormalizationStatistics | None:
    """Read each head's own statistics of the last normalization layer from a model's checkpoint.

    Args:
        checkpoint: `checkpoints/model.safetensors` of a bundle.
        layer: the layer's name; None: the last in sorted order, which is the last of the network
            where layers are numbered from input to output.

    Returns:
        None if the checkpoint is absent, has fewer than two heads, or not every head owns
        statistics of that layer (the method shares them, or normalizes without statistics).

    Raises:
        ResultError: the file is no checkpoint.
    """
    from safetensors import SafetensorError, safe_open

    if not checkpoint.is_file():
        return None
    try:
        with safe_open(checkpoint, framework="np") as file:
            found = [match for key in file.keys() if (match := _OWN.fullmatch(key))]  # noqa: SIM118
            heads = sorted({int(match[1]) for match in found})
            layers = sorted({match[2] for match in found}, key=_in_order)
            if layer is None and layers:
                layer = layers[-1]
            owners = {int(match[1]) for match in found if match[2] == layer}
            if len(heads) < 2 or owners != set(range(len(heads))):
                return None
            means, variances = (
                np.stack([_tensor(file, f"set/{h}/{layer}.running_{what}") for h in heads])
                for what in ("mean", "var")
            )
    except (SafetensorError, ValueError) as error:
        raise ResultError(f"{checkpoint} cannot be read: {error}") from error
    return NormalizationStatistics(str(layer), means, variances)


def _in_order(name: str) -> list[tuple[int, str]]:
    """Sort `layer10` after `layer9`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _tensor(file: object, key: str) -> Array:
    return np.asarray(file.get_tensor(key), dtype=np.float64)  # type: ignore[attr-defined]


def _at_last_step(table: pa.Table) -> pa.Table:
    import pyarrow.compute as pc

    return table.filter(pc.equal(table["step"], pc.max(table["step"])))


def final_head_srcc(heads: pa.Table, labels: pa.Table, sets: Sequence[str]) -> Array:
    """SRCC of each head of the final model on each test set, as Table IX of the TSN-IQA paper.

    Args:
        heads: the columns of `heads.parquet`.
        labels: the columns of `labels.parquet`.
        sets: names of the test sets, one a column.

    Returns:
        (H, K), entry [h, k] = SRCC of head h + 1 on set k; NaN where it has not scored the set.
    """
    truth = {
        (task, sample): quality
        for task, sample, quality in zip(
            *(labels[c].to_pylist() for c in ("task", "sample_id", "quality")), strict=True
        )
    }
    scores: dict[tuple[int, str], list[tuple[float, float]]] = {}
    last = _at_last_step(heads)
    columns = (last[c].to_pylist() for c in ("head", "task", "sample_id", "score"))
    for head, task, sample, score in zip(*columns, strict=True):
        if (task, sample) not in truth:
            raise ResultError(f"there is a score but no label for {sample} of {task}")
        scores.setdefault((head, task), []).append((score, truth[task, sample]))
    count = max((head for head, _ in scores), default=0)
    result = np.full((count, len(sets)), np.nan)
    for (head, task), pairs in scores.items():
        if task in sets:
            given, true = np.array(pairs).T
            result[head - 1, list(sets).index(task)] = srcc(given, true)
    return result


def mean_head_weights(weights: pa.Table, gate: str, sets: Sequence[str]) -> Array:
    """Mean weight of each head on each test set for the final model, as Table X.

    Args:
        weights: the columns of `weights.parquet`.
        gate: name of the gate.
        sets: names of the test sets, one a row.

    Returns:
        (K, H), rows add up to 1; NaN where the gate was not evaluated on the set.
    """
    import pyarrow.compute as pc

    table = _at_last_step(weights)
    table = table.filter(pc.equal(table["gate"], gate))
    means = table.group_by(["task", "head"]).aggregate([("weight", "mean")]).to_pylist()
    count = max((row["head"] for row in means), default=0)
    result = np.full((len(sets), count), np.nan)
    for row in means:
        if row["task"] in sets:
            result[list(sets).index(row["task"]), row["head"] - 1] = row["weight_mean"]
    return result


def varies_with_image(weights: pa.Table, gate: str) -> bool:
    """Whether the final model's `gate` weights images of one set differently.

    Args:
        weights: the columns of `weights.parquet`.
        gate: name of the gate.
    """
    import pyarrow.compute as pc

    table = _at_last_step(weights)
    table = table.filter(pc.equal(table["gate"], gate))
    ends = table.group_by(["task", "head"]).aggregate([("weight", "min"), ("weight", "max")])
    spread = pc.subtract(ends["weight_max"], ends["weight_min"])
    return bool(len(ends)) and float(pc.max(spread).as_py()) > _SAME
