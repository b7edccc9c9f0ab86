"""Pooled stage responses of the frozen pre-trained network, computed once an image."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from cliqa.data import Task
    from cliqa.model import Backbone, Compute


class StageFeatures:
    """Stage features for gates, shared by all gates and methods of a run.

    They come from a frozen copy of the pre-trained backbone, not from the one that drifts.

    Args:
        backbone: the pre-trained backbone; copied.
        compute: device, arithmetic, test view.
        stages: every stage that any gate of the run looks at; one forward gives them all.
    """

    def __init__(self, backbone: Backbone, compute: Compute, stages: Sequence[int]) -> None:
        self._compute = compute
        self._stages = tuple(sorted(set(stages)))
        self._network = copy.deepcopy(backbone).eval().requires_grad_(False)
        self._found: dict[tuple[str, str], dict[int, np.ndarray]] = {}

    def of(
        self, task: Task, part: Literal["train", "test"], stages: Sequence[int]
    ) -> dict[int, np.ndarray]:
        """Stage -> float32 (N, channels) of a task's training or test images."""
        if not stages:
            return {}
        key = (task.name, part)
        if key not in self._found:
            self._found[key] = self._compute_all(task, getattr(task.split, part))
        return {stage: self._found[key][stage] for stage in stages}

    def _compute_all(self, task: Task, rows: Sequence[int]) -> dict[int, np.ndarray]:
        def concatenated(images: torch.Tensor) -> torch.Tensor:
            found = self._network.stage_features(images, self._stages)
            return torch.cat([found[stage].float() for stage in self._stages], dim=1)

        together = self._compute.over_images(task.images, rows, self._network, concatenated)
        widths = [self._network.stage_dims[stage] for stage in self._stages]
        parts = together.split(widths, dim=1)
        return {s: p.numpy() for s, p in zip(self._stages, parts, strict=True)}
