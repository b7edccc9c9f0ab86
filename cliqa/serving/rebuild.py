"""From the tensors of a bundle back to a model and its gates, for serving and for verification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from cliqa.model import QualityModel
from cliqa.seeds import named_seed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from cliqa.model import Backbone, Tensors
    from cliqa.training import Objective, Strategy

__all__ = ["gate_states", "new_model", "rebuild_model", "test_shrink"]


def rebuild_model(
    backbone: Backbone,
    objective: Objective,
    seed: int,
    tensors: Tensors,
    head_tasks: Sequence[Sequence[str]],
    strategy: Strategy | None = None,
) -> QualityModel:
    """The trained model, in evaluation mode.

    Args:
        backbone: a network of its shape; taken, not copied.
        objective: what made its heads.
        seed: of the run.
        tensors: as `QualityModel.tensors` names them.
        head_tasks: the tasks of each head.
        strategy: the method, where it adds tensors to the network.

    Raises:
        KeyError: a tensor that is no part of a model, or one that is missing.
        RuntimeError: a tensor of another shape.
    """
    model = new_model(backbone, objective, seed, strategy)
    model.load_tensors(tensors, head_tasks)
    return model.eval().requires_grad_(False)


def new_model(
    backbone: Backbone, objective: Objective, seed: int, strategy: Strategy | None = None
) -> QualityModel:
    """The model before it is trained, with what a method adds to its network.

    Args:
        backbone: the network; taken, not copied.
        objective: what makes its heads.
        seed: of the run.
        strategy: a method that has seen nothing yet; its `start` is called.
    """
    torch.manual_seed(named_seed(seed, "head"))
    model = QualityModel(backbone, objective.new_head)
    if strategy is not None:
        strategy.start(model)
    return model


def gate_states(arrays: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Label of a gate -> what it has fitted, from `checkpoints/gates.safetensors`."""
    states: dict[str, dict[str, np.ndarray]] = {}
    for name, array in arrays.items():
        label, _, key = name.partition("/")
        states.setdefault(label, {})[key] = array
    return states


def test_shrink(evaluate: Any, trained: Any) -> Any:
    """The resize policy of the test view: what `evaluate.shrink` and `train.shrink` amount to."""
    return trained if evaluate == "as-trained" else evaluate
