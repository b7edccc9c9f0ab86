"""One component of each kind that is as it should be: faults are small changes of these."""

from __future__ import annotations

import numpy as np
import torch
from cliqa_samples import component
from pydantic import Field

from cliqa.config import ComponentConfig, PretrainingConfig
from cliqa.evaluation import Gate
from cliqa.metrics import MatrixMetric, srcc
from cliqa.pretraining import Pretraining, PretrainingOutcome
from cliqa.testing.material import Pairs, TinyBackbone, generated_dataset
from cliqa.tracking import Tracker, scalars
from cliqa.training import IsolatingStrategy, Strategy


class Weight(ComponentConfig):
    weight: float = Field(default=1.0, ge=0, description="how strong the penalty is")


class Anchored(Strategy):
    """The plainest method with a penalty and a state: a spring to where the last task ended."""

    multi_head = True

    def __init__(self, config):
        super().__init__(config)
        self.anchor = {}

    def penalty(self, context, batch, features):
        if not self.anchor:
            return None
        parameters = context.model.backbone.learnable()
        distance = sum((parameters[n] - a).square().sum() for n, a in self.anchor.items())
        return self.config.weight * distance

    def end_stage(self, context):
        parameters = context.model.backbone.learnable()
        self.anchor = {n: p.detach().clone() for n, p in parameters.items()}

    def state(self):
        return dict(self.anchor)

    def load_state(self, state):
        self.anchor = dict(state)


class Isolated(IsolatingStrategy):
    def own(self, backbone):
        return [name for name in backbone.state_dict() if name.startswith("norm")]


class Nearest(Gate):
    """All weight on the task whose mean feature is nearest."""

    one_head = True
    stages = (4,)

    def __init__(self, config=None):
        super().__init__(config)
        self.means = []

    def fit(self, task, features, seed):
        self.means.append(features[4].mean(axis=0))

    def weights(self, query):
        distances = np.stack(
            [np.linalg.norm(query.features[4] - m, axis=1) for m in self.means], axis=1
        )
        return np.eye(query.heads, dtype=np.float32)[distances.argmin(axis=1)]

    def state(self):
        return {str(n): mean for n, mean in enumerate(self.means)}

    def load_state(self, state):
        self.means = [state[str(n)] for n in range(len(state))]


class Job(Pretraining):
    """Moves the normalization's weights by numbers of the seed."""

    def run(self, context):
        generator = torch.Generator().manual_seed(context.seed)
        tensors = {
            name: tensor + torch.rand(tensor.shape, generator=generator)
            for name, tensor in context.backbone.state_dict().items()
            if name.endswith("norm1.weight")
        }
        return PretrainingOutcome(tensors=tensors, record={"epochs": 1})


class Columns(Tracker):
    """Writes each number into one text file, whole after every attempt."""

    def __init__(self, config):
        self.file = None

    def start(self, run):
        self.run = run
        run.folder.mkdir(parents=True, exist_ok=True)
        path = run.folder / "numbers.tsv"
        path.write_text("") if run.known else None  # all is told again
        self.file = self.open(path)

    def open(self, path):
        return path.open("a")

    def write(self, number, name, value):
        self.file.write(f"{number}\t{name}\t{value}\n")

    def record(self, number, record):
        for name, value in scalars(record).items():
            self.write(number, name, value)

    def close(self, ending):
        self.file.close()


def ranks(record):
    return srcc(record.predictions[0, 0], record.qualities[0]) if record.predictions else np.nan


def metric(function, name="mSRCC", **more):
    """A metric component."""
    return component(lambda _: MatrixMetric(name=name, function=function, **more), name=name)


#: Kind -> components that pass every check of their kind.
RIGHT = {
    "backbone": [component(lambda _: TinyBackbone())],
    "strategy": [component(Anchored, Weight), component(Isolated)],
    "objective": [component(lambda _: Pairs())],
    "gate": [component(Nearest)],
    "dataset": [component(lambda _: generated_dataset("mine"))],
    "metric": [metric(lambda record: float(np.mean(record.S[-1])))],
    "tracker": [component(Columns)],
    "pretraining": [component(Job, PretrainingConfig)],
}
