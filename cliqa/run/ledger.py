"""What a method has given so far, beside the model: predictions, costs, notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from cliqa.evaluation.evaluator import TaskPredictions
from cliqa.run.cost import CostMeter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from cliqa.data import Task
    from cliqa.evaluation import Evaluator
    from cliqa.stages import StageCost

__all__ = ["Ledger"]


@dataclass
class Ledger:
    """Adds up over the stages of one method.

    Attributes:
        predictions: of all steps evaluated.
        stage_seconds: one record a stage that is over.
        meter: costs.
        trained_images: images that went through the network in training.
        notes: what the user must see.
        counted_seconds: seconds of training that stages which are over took.
    """

    predictions: list[TaskPredictions] = field(default_factory=list)
    stage_seconds: list[dict[str, Any]] = field(default_factory=list)
    meter: CostMeter = field(default_factory=CostMeter)
    trained_images: int = 0
    notes: list[str] = field(default_factory=list)
    counted_seconds: float = 0.0

    def take_over(self, cost: StageCost) -> None:
        """Count what a stage cost where it was trained, as if that had been here."""
        self.meter.take_over(cost)
        self.trained_images += cost.trained_images

    def state(self, evaluator: Evaluator) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Itself and what the evaluator knows, as plain values and tensors."""
        known, arrays = evaluator.state()
        values = {
            "predictions": [
                {"step": p.step, "task": p.task, "gates": list(p.weights)} for p in self.predictions
            ],
            "stage_seconds": list(self.stage_seconds),
            "meter": self.meter.state(),
            "trained_images": self.trained_images,
            "notes": list(self.notes),
            "counted_seconds": self.counted_seconds,
            "evaluator": known,
        }
        for n, found in enumerate(self.predictions):
            arrays |= {f"scores/{n}": found.head_scores}
            for gate, weights in found.weights.items():
                arrays |= {f"weights/{n}/{gate}": weights, f"gated/{n}/{gate}": found.scores[gate]}
        # Copied, because a gate's arrays may be read-only, which torch does not know.
        return values, {n: torch.from_numpy(np.array(a, order="K")) for n, a in arrays.items()}

    def told(self) -> dict[str, Any]:
        """What of `state` changes inside a stage."""
        return {"notes": list(self.notes), "meter": self.meter.state()}

    @classmethod
    def restored(
        cls,
        values: Mapping[str, Any],
        tensors: Mapping[str, Tensor],
        evaluator: Evaluator,
        tasks: Sequence[Task],
    ) -> Ledger:
        """What `state` described; `tasks` are those whose test images were scored."""
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        evaluator.load_state(values["evaluator"], arrays)
        named = {task.name: task for task in tasks}
        predictions = []
        for n, about in enumerate(values["predictions"]):
            task, gates = named[about["task"]], about["gates"]
            predictions.append(
                TaskPredictions(
                    about["step"],
                    task.name,
                    tuple(task.sample_ids[row] for row in task.split.test),
                    arrays[f"scores/{n}"],
                    {gate: arrays[f"weights/{n}/{gate}"] for gate in gates},
                    {gate: arrays[f"gated/{n}/{gate}"] for gate in gates},
                )
            )
        meter = CostMeter()
        meter.load_state(values["meter"])
        return cls(
            predictions,
            list(values["stage_seconds"]),
            meter,
            values["trained_images"],
            list(values["notes"]),
            values["counted_seconds"],
        )
