"""Files of a bundle that come straight from the parts of a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from safetensors.numpy import save as save_arrays
from safetensors.torch import save as save_tensors

from cliqa.run.predictions import gate_table, head_table, label_table, weight_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from cliqa.data import TaskStream
    from cliqa.evaluation import GatePlan
    from cliqa.evaluation.evaluator import TaskPredictions
    from cliqa.model import QualityModel
    from cliqa.results import BundleWriter

__all__ = ["write_checkpoint", "write_splits", "write_tables"]


def write_splits(writer: BundleWriter, stream: TaskStream) -> None:
    """Write the division of every set."""
    for task in (*stream.tasks, *stream.evaluate_only):
        parts = {
            part: [task.sample_ids[row] for row in getattr(task.split, part)]
            for part in ("train", "val", "test")
        }
        writer.write_split(task.name, parts)


def write_tables(
    writer: BundleWriter, predictions: Sequence[TaskPredictions], stream: TaskStream
) -> tuple[pa.Table, pa.Table]:
    """Write what heads and gates predicted; returns the gates' predictions, and the labels."""
    labels = label_table((*stream.tasks, *stream.evaluate_only))
    gated = gate_table(predictions)
    writer.write_predictions(gated)
    writer.write_heads(head_table(predictions))
    writer.write_weights(weight_table(predictions))
    writer.write_labels(labels)
    return gated, labels


def write_checkpoint(
    writer: BundleWriter, model: QualityModel, plans: Sequence[GatePlan]
) -> dict[str, int]:
    """Write the final model and gates; returns how many values each gate stores."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in model.tensors().items()}
    # One key: safetensors writes several in an order that changes from run to run.
    about = {"cliqa": json.dumps({"format": 1, "head_tasks": model.head_tasks})}
    writer.write_bytes("checkpoints/model.safetensors", save_tensors(tensors, about))
    gates = {plan.label: plan.gate.state() for plan in plans}
    arrays = {f"{g}/{name}": a for g, state in gates.items() for name, a in state.items()}
    if arrays:
        writer.write_bytes("checkpoints/gates.safetensors", save_arrays(arrays))
    return {gate: sum(a.size for a in state.values()) for gate, state in gates.items()}
