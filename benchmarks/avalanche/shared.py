"""What both sides learn: one network, two tasks of random images, the same number of steps."""

from __future__ import annotations

import os

import numpy as np
import timm
import torch
from torch import nn

IMAGES, BATCH = 64, 16
#: Pixels; `run.py --side` hands it to both sides.
SIDE = int(os.environ.get("CLIQA_BENCH_SIDE", "96"))
#: Epochs of the first task and of the second, whose steps are timed: penalties act in it.
EPOCHS = (1, 3)
STEPS = EPOCHS[1] * IMAGES // BATCH
RATE = 1e-4
METHODS = ("naive", "ewc", "si", "lwf")
#: Of the five levels that the scores take.
LEVELS = 5


class Network(nn.Module):
    """ResNet-18 without classifier."""

    mean, std = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
    feature_dim = 512

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.network = timm.create_model("resnet18", num_classes=0)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images)


def pixels(task: int) -> np.ndarray:
    """Images of a task: uint8 (IMAGES, SIDE, SIDE, 3)."""
    rng = np.random.default_rng(task)
    return rng.integers(0, 256, (IMAGES, SIDE, SIDE, 3), dtype=np.uint8)


def levels(task: int) -> np.ndarray:
    """Scores of a task's images, 0 ... LEVELS - 1."""
    return np.random.default_rng(100 + task).integers(0, LEVELS, IMAGES)
