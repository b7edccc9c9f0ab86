"""Predictions of a method gathered over its steps, and their form as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cliqa.data import Task
    from cliqa.evaluation.evaluator import TaskPredictions


def gate_table(predictions: Iterable[TaskPredictions]) -> pa.Table:
    """Columns of `predictions.parquet`: one row a step, task, gate and image."""
    return _stack(
        {
            "step": np.full(len(scores), p.step, np.int32),
            "task": _repeat(p.task, len(scores)),
            "gate": _repeat(gate, len(scores)),
            "sample_id": pa.array(p.sample_ids, pa.string()),
            "score": scores.astype(np.float32),
        }
        for p in predictions
        for gate, scores in p.scores.items()
    )


def head_table(predictions: Iterable[TaskPredictions]) -> pa.Table:
    """Columns of `heads.parquet`: one row a step, task, image and head (from 1)."""
    return _stack(
        {
            "step": np.full(len(p.sample_ids), p.step, np.int32),
            "task": _repeat(p.task, len(p.sample_ids)),
            "sample_id": pa.array(p.sample_ids, pa.string()),
            "head": np.full(len(p.sample_ids), head + 1, np.int32),
            "score": p.head_scores[:, head].astype(np.float32),
        }
        for p in predictions
        for head in range(p.head_scores.shape[1])
    )


def weight_table(predictions: Iterable[TaskPredictions]) -> pa.Table:
    """Columns of `weights.parquet`: one row a step, task, gate, image and head (from 1)."""
    return _stack(
        {
            "step": np.full(len(weights), p.step, np.int32),
            "task": _repeat(p.task, len(weights)),
            "gate": _repeat(gate, len(weights)),
            "sample_id": pa.array(p.sample_ids, pa.string()),
            "head": np.full(len(weights), head + 1, np.int32),
            "weight": weights[:, head].astype(np.float32),
        }
        for p in predictions
        for gate, weights in p.weights.items()
        for head in range(weights.shape[1])
    )


def label_table(tasks: Sequence[Task]) -> pa.Table:
    """Columns of `labels.parquet`: the quality of every test image."""
    return _stack(
        {
            "task": _repeat(task.name, len(task.split.test)),
            "sample_id": pa.array([task.sample_ids[row] for row in task.split.test], pa.string()),
            "quality": task.quality[list(task.split.test)],
        }
        for task in tasks
    )


def _repeat(text: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.string()), count)


def _stack(parts: Iterator[dict[str, Any]]) -> pa.Table:
    return pa.concat_tables([pa.table(part) for part in parts])
