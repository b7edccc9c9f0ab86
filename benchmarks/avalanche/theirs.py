"""Avalanche's side: runs in its own environment and prints one JSON line.

Its own plugins for EWC and SI. Its LwF needs class scores; the one here is written for its plugin
interface and distils a score: a copy of the model from before the task, squared error.
"""

from __future__ import annotations

import copy
import io
import json
import time
import warnings

import torch
import torch.nn.functional as F
from shared import BATCH, EPOCHS, LEVELS, METHODS, RATE, STEPS, Network, levels, pixels
from torch import nn
from torch.utils.data import TensorDataset

warnings.filterwarnings("ignore")
from avalanche.benchmarks import benchmark_from_datasets  # noqa: E402
from avalanche.benchmarks.utils import AvalancheDataset, DataAttribute  # noqa: E402
from avalanche.checkpointing import save_checkpoint  # noqa: E402
from avalanche.core import SupervisedPlugin  # noqa: E402
from avalanche.training.plugins import (  # noqa: E402
    EvaluationPlugin,
    EWCPlugin,
    SynapticIntelligencePlugin,
)
from avalanche.training.templates import SupervisedTemplate  # noqa: E402


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.head = Network(), nn.Linear(512, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.backbone(images))


def squared_error(out: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
    return F.mse_loss(out.squeeze(-1), level.float() / (LEVELS - 1))


class Distil(SupervisedPlugin):
    """LwF for scores."""

    def __init__(self) -> None:
        super().__init__()
        self.before = None

    def before_backward(self, strategy, **_) -> None:
        if self.before is not None:
            with torch.no_grad():
                old = self.before(strategy.mb_x)
            strategy.loss += 10 * F.mse_loss(strategy.mb_output, old)

    def after_training_exp(self, strategy, **_) -> None:
        self.before = copy.deepcopy(strategy.model).requires_grad_(False).eval()


class Clock(SupervisedPlugin):
    """Processor time of the epochs."""

    def __init__(self) -> None:
        super().__init__()
        self.spent = 0.0

    def before_training_epoch(self, strategy, **_) -> None:
        self._since = time.thread_time()

    def after_training_epoch(self, strategy, **_) -> None:
        self.spent += time.thread_time() - self._since


PLUGINS = {
    "naive": lambda: [],
    "ewc": lambda: [EWCPlugin(ewc_lambda=1.0)],
    "si": lambda: [SynapticIntelligencePlugin(si_lambda=1.0)],
    "lwf": lambda: [Distil()],
}


def dataset(task: int) -> AvalancheDataset:
    """Standardised images as tensors: in Avalanche's favour, they are neither cropped nor cast."""
    images = torch.from_numpy(pixels(task)).permute(0, 3, 1, 2).float().div(255)
    found = torch.from_numpy(levels(task))
    return AvalancheDataset(
        TensorDataset(images.sub(0.5).div(0.25).contiguous(), found),
        data_attributes=[
            DataAttribute(found.tolist(), "targets"),
            DataAttribute([0] * len(found), "targets_task_labels", use_in_getitem=True),
        ],
    )


def learn(method: str) -> dict[str, float]:
    torch.manual_seed(0)
    model, clock = Model(), Clock()
    strategy = SupervisedTemplate(
        model=model,
        optimizer=torch.optim.Adam(model.parameters(), lr=RATE, fused=True),
        criterion=squared_error,
        train_mb_size=BATCH,
        plugins=[*PLUGINS[method](), clock],
        evaluator=EvaluationPlugin(),
    )
    stream = benchmark_from_datasets(train=[dataset(0), dataset(1)]).train_stream
    for experience, epochs in zip(stream, EPOCHS, strict=True):
        strategy.train_epochs, clock.spent = epochs, 0.0
        strategy.train(experience, num_workers=0)
    seconds = clock.spent / STEPS
    # Its checkpoint is the pickled strategy, optimizer included; that of the torch measured here
    # cannot be pickled so, and is left out in Avalanche's favour.
    strategy.optimizer, stored = None, io.BytesIO()
    save_checkpoint(strategy, stored)
    return {"seconds": seconds, "bytes": len(stored.getvalue())}


def main() -> None:
    torch.set_num_threads(1)
    learn("naive")  # warm-up
    print(json.dumps({method: learn(method) for method in METHODS}))


if __name__ == "__main__":
    import theirs  # what is stored in a checkpoint must not belong to `__main__`

    theirs.main()
