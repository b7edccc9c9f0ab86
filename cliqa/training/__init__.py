"""Learning a task: strategies, objectives, phases, batches, and the one trainer.

A strategy plugin needs `Strategy` and, for more than a penalty, `Phase` and `two_stage`.
"""

from cliqa.training.batches import (
    Batch,
    BatchSource,
    FeatureBatches,
    ImageBatches,
    LoadedImages,
)
from cliqa.training.context import Stage, TaskContext
from cliqa.training.loading import LoadedAhead
from cliqa.training.losses import DivergedError
from cliqa.training.objective import Objective
from cliqa.training.phases import ParameterGroup, Phase, Update, two_stage
from cliqa.training.strategy import IsolatingStrategy, Strategy
from cliqa.training.trainer import Trainer

__all__ = [
    "Batch",
    "BatchSource",
    "DivergedError",
    "FeatureBatches",
    "ImageBatches",
    "IsolatingStrategy",
    "LoadedAhead",
    "LoadedImages",
    "Objective",
    "ParameterGroup",
    "Phase",
    "Stage",
    "Strategy",
    "TaskContext",
    "Trainer",
    "Update",
    "two_stage",
]
