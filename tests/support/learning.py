"""Training without a run: schedules of a few steps, and the loop over a stream's stages."""

from __future__ import annotations

import torch

from cliqa.config import TrainConfig
from cliqa.model import Compute
from cliqa.training import Batch, Stage, TaskContext, Trainer

CPU = Compute(device=torch.device("cpu"), batch_size=8)


class SquaredError:
    """The plainest objective."""

    def new_head(self, feature_dim):
        return torch.nn.Linear(feature_dim, 1)

    def loss(self, scores, batch):
        return (scores - batch.quality).square().mean()


def train_config(**settings) -> TrainConfig:
    """One epoch of each stage on small crops, unless said otherwise."""
    short = {"warmup_epochs": 1, "epochs": 1, "batch_size": 5, "crop": 32, "lr": 0.01}
    return TrainConfig(**(short | settings))


def make_context(model, tasks, *, head=None, objective=None, compute=CPU, seed=0, **settings):
    """What a strategy is given for the first stage on `tasks`."""
    return TaskContext(
        model=model,
        objective=objective or SquaredError(),
        stage=Stage(step=1, tasks=tuple(range(len(tasks)))),
        tasks=tuple(tasks),
        head=model.add_head([task.name for task in tasks]) if head is None else head,
        config=train_config(**settings),
        compute=compute,
        seed=seed,
    )


def new_trainer() -> Trainer:
    """A trainer; `records` and `samples` hold what it reported."""
    records, samples = [], []
    trainer = Trainer(log=records.append, progress=samples.append)
    trainer.records, trainer.samples = records, samples
    return trainer


def learn(strategy, model, tasks, *, after_stage=None, trainer=None, **settings):
    """Train a strategy on a stream of tasks; returns the model."""
    trainer = trainer or new_trainer()
    strategy.start(model)
    for stage in strategy.stages([(t,) for t in range(len(tasks))]):
        here = [tasks[t] for t in stage.tasks]
        head = strategy.begin_stage(model, [task.name for task in here])
        context = make_context(model, here, head=head, **settings)
        for phase in strategy.phases(context):
            trainer.run(phase, context)
        strategy.end_stage(context)
        if after_stage:
            after_stage(stage, context)
    return model


def make_batch(quality, *, task=None, scale=None, std=None, **inputs) -> Batch:
    """A batch of given qualities; each task has a scale of its own unless said otherwise."""
    count = len(quality)
    task = [0] * count if task is None else task
    return Batch(
        quality=torch.as_tensor(quality, dtype=torch.float32),
        std=torch.as_tensor([float("nan")] * count if std is None else std, dtype=torch.float32),
        task=torch.as_tensor(task),
        scale=torch.as_tensor(task if scale is None else scale),
        sample_ids=tuple(f"s{i}" for i in range(count)),
        **inputs,
    )
