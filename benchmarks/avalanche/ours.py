"""Our side: the same in cliqa, with one head as Avalanche has; prints one JSON line.

The argument is the arithmetic of the network.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from types import MappingProxyType, SimpleNamespace

import numpy as np
import torch
from cliqa_baselines.strategies import FineTuning
from cliqa_regression.config import SquaredErrorConfig
from cliqa_regression.objective import SquaredError as Regression
from cliqa_regularization.config import EWCConfig, LwFConfig, SIConfig
from cliqa_regularization.importance import ElasticWeightConsolidation
from cliqa_regularization.strategies import LearningWithoutForgetting
from cliqa_regularization.synaptic import SynapticIntelligence
from safetensors.torch import save
from shared import BATCH, EPOCHS, LEVELS, METHODS, RATE, SIDE, STEPS, Network, levels, pixels
from torch import nn

from cliqa.config import TrainConfig
from cliqa.model import Backbone, Compute, QualityModel
from cliqa.training import TaskContext, Trainer

STRATEGIES = {
    "naive": FineTuning,
    "ewc": lambda: ElasticWeightConsolidation(EWCConfig(heads="single", weight=1.0)),
    "si": lambda: SynapticIntelligence(SIConfig(heads="single", weight=1.0)),
    "lwf": lambda: LearningWithoutForgetting(LwFConfig(heads="single")),
}


class Plain(Backbone):
    mean, std, feature_dim = Network.mean, Network.std, Network.feature_dim
    stage_dims = MappingProxyType({})

    def __init__(self) -> None:
        super().__init__()
        self.network = Network()

    def forward(self, images):
        return self.network(images)

    def stage_features(self, images, stages):
        raise NotImplementedError("no gate looks at stages here")


class PlainHead(Regression):
    """Squared error with the plainest head."""

    def new_head(self, feature_dim):
        return nn.Linear(feature_dim, 1)


def task_of(number):
    found, quality = pixels(number), levels(number) / (LEVELS - 1)
    return SimpleNamespace(
        name=f"task {number}",
        fingerprint=str(number),
        sample_ids=[f"{i:04}" for i in range(len(found))],
        split=SimpleNamespace(train=tuple(range(len(found))), val=(), test=()),
        quality=quality,
        unit_quality=quality,
        unit_std=np.full(len(found), np.nan),
        images=SimpleNamespace(read=lambda row, resize=None: found[row]),
    )


class Clock:
    """Processor time of the epochs: from the first batch that is asked for to the record."""

    def __init__(self, source):
        self._source, self.spent, self._since = source, 0.0, None
        self.steps, self.samples = source.steps, source.samples

    def batch(self, epoch, step):
        if self._since is None:
            self._since = time.thread_time()
        return self._source.batch(epoch, step)

    def stop(self, record=None):
        self.spent += time.thread_time() - self._since
        self._since = None


def learn(method, precision):
    torch.manual_seed(0)
    strategy = STRATEGIES[method]()
    objective = PlainHead(SquaredErrorConfig())
    model = QualityModel(Plain(), objective.new_head).to(memory_format=torch.channels_last)
    strategy.start(model)
    for stage in strategy.stages([(0,), (1,)]):
        task = task_of(stage.tasks[0])
        context = TaskContext(
            model=model,
            objective=objective,
            stage=stage,
            tasks=(task,),
            head=strategy.begin_stage(model, [task.name]),
            config=TrainConfig(
                warmup_epochs=0,
                epochs=EPOCHS[stage.step - 1],
                batch_size=BATCH,
                lr=RATE,
                crop=SIDE,
                shrink=None,
                select="last",
            ),
            compute=Compute(device=torch.device("cpu"), precision=precision),
            seed=0,
        )
        for phase in strategy.phases(context):
            clock = Clock(phase.batches)
            phase = dataclasses.replace(phase, batches=clock, validate=None)
            Trainer(log=clock.stop, progress=lambda count: None).run(phase, context)
        strategy.end_stage(context)
    stored = len(save({k: v.detach().contiguous() for k, v in model.tensors().items()}))
    stored += len(save({k: v.detach().contiguous() for k, v in strategy.state().items()}))
    return {"seconds": clock.spent / STEPS, "bytes": stored}


if __name__ == "__main__":
    torch.set_num_threads(1)
    learn("naive", sys.argv[1])  # warm-up
    print(json.dumps({method: learn(method, sys.argv[1]) for method in METHODS}))
