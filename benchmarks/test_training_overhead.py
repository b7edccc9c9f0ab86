"""What the framework adds to a step, against a bare PyTorch loop over the same work.

`pytest benchmarks/test_training_overhead.py -s`. Both sides run in one thread and are timed by its
processor time, in turns: other work on the machine hardly shows. The bare loop is what one would
write by hand for one run: tensors in memory, one random permutation an epoch, random crops from one
generator, no seeds by name, no checks.
"""

from __future__ import annotations

import statistics
import time
from types import SimpleNamespace

import numpy as np
import pytest
import timm
import torch
from torch import nn

from cliqa.config import TrainConfig
from cliqa.model import Compute, QualityModel, to_input
from cliqa.training import (
    FeatureBatches,
    ImageBatches,
    ParameterGroup,
    Phase,
    Stage,
    TaskContext,
    Trainer,
    Update,
)

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
BATCH = 32


class Network(nn.Module):
    """A network as cliqa and the bare loop both use it."""

    mean, std = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)

    def __init__(self, network, feature_dim):
        super().__init__()
        self.network, self.feature_dim = network, feature_dim

    def forward(self, images):
        return self.network(images)


def tiny():
    layers = [nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 12, 3, 2, 1)]
    pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return Network(nn.Sequential(*layers, nn.BatchNorm2d(12), nn.ReLU(), *pool), 12)


def resnet18():
    return Network(timm.create_model("resnet18", num_classes=0), 512)


def task_of(pixels):
    """What the trainer needs of a task, without a dataset: pixels in memory."""
    count = len(pixels)
    return SimpleNamespace(
        name="toy",
        fingerprint="toy",
        sample_ids=[f"{i:06}" for i in range(count)],
        split=SimpleNamespace(train=tuple(range(count)), val=(), test=()),
        unit_quality=np.linspace(0, 1, count),
        unit_std=np.full(count, np.nan),
        images=SimpleNamespace(read=lambda row, resize: pixels[row]),
    )


class SquaredError:
    def loss(self, scores, batch):
        return (scores - batch.quality).square().mean()


def setting(network, images, crop):
    """Model, context and pixels of a run on random images 8 pixels larger than the crop."""
    torch.manual_seed(0)
    model = QualityModel(network, lambda dim: nn.Linear(dim, 1))
    model = model.to(memory_format=torch.channels_last)
    model.add_head(["toy"])
    side = crop + 8
    pixels = np.random.default_rng(0).integers(0, 256, (images, side, side, 3), dtype=np.uint8)
    config = TrainConfig(batch_size=BATCH, crop=crop, shrink=None)
    context = TaskContext(
        model=model,
        objective=SquaredError(),
        stage=Stage(step=1, tasks=(0,)),
        tasks=(task_of(pixels),),
        head=0,
        config=config,
        compute=Compute(device=CPU),
        seed=0,
    )
    return model, context, pixels


class FirstSteps:
    """The first steps of a source's epochs."""

    def __init__(self, source, steps):
        self.steps, self.samples, self.batch = steps, steps * BATCH, source.batch


def ours(context, source, parameters, steps):
    """A phase of one epoch, as the trainer runs it."""
    group = ParameterGroup(parameters=tuple(parameters), lr=1e-3)
    phase = Phase(
        name="joint",
        batches=FirstSteps(source, steps),
        updates=(
            Update(
                groups=(group,),
                loss=lambda batch: context.objective.loss(context.scores(batch), batch),
            ),
        ),
        epochs=1,
    )
    trainer = Trainer(log=lambda record: None, progress=lambda count: None)
    return lambda: trainer.run(phase, context)


def bare_loop(model, parameters, steps, count, inputs, quality):
    """The same steps written by hand; `inputs` makes the input of some positions."""

    def run():
        for parameter in parameters:
            parameter.requires_grad_(True)
        model.train()
        optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)
        order = torch.randperm(count)
        for step in range(steps):
            at = order[step * BATCH : (step + 1) * BATCH]
            scores = model.heads[0](inputs(at)).squeeze(-1)
            loss = (scores - quality[at]).square().mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            loss.item()

    return run


def crops_by_hand(model, pixels, crop):
    rng = np.random.default_rng(0)

    def view(image):
        top, left = rng.integers(9), rng.integers(9)
        image = image[top : top + crop, left : left + crop]
        return image[:, ::-1] if rng.random() < 0.5 else image

    def inputs(at):
        views = [view(pixels[row]) for row in at.tolist()]
        return model.backbone(to_input(views, model.backbone, CPU))

    return inputs


def report(benchmark, found, limit):
    added = 1e3 * (found["cliqa"] - found["bare loop"])
    share = found["cliqa"] / found["bare loop"]
    benchmark.extra_info["added to a step"] = f"{added:.3f} ms, {share - 1:+.1%} ({limit})"


@pytest.mark.parametrize("count", [600, 30_000])
def test_a_head_on_cached_features(in_turns, benchmark, count):
    """Warm-up, and the adversaries of LIQA and GFR, which learn from tens of thousands."""
    steps = min(count // BATCH, 300)
    model, context, _ = setting(tiny(), 1, 32)
    features = torch.randn(count, 12)
    source = FeatureBatches(
        [task_of(np.empty(count))], features, context.config, 0, CPU, batch_size=BATCH
    )
    head, quality = list(model.heads.parameters()), torch.linspace(0, 1, count)
    things = {
        "cliqa": ours(context, source, head, steps),
        "bare loop": bare_loop(model, head, steps, count, lambda at: features[at], quality),
    }
    found = in_turns(things, rounds=15, per=steps, timer=time.thread_time)
    report(benchmark, found, "at most 0.3 ms")


@pytest.mark.parametrize(
    ("network", "crop", "steps", "rounds", "limit"),
    [(tiny, 32, 60, 15, "at most 0.3 ms"), (resnet18, 96, 3, 9, "at most 3 %")],
)
def test_a_network_on_images(in_turns, benchmark, network, crop, steps, rounds, limit):
    count = steps * BATCH
    model, context, pixels = setting(network(), count, crop)
    source = ImageBatches(context.tasks, model.backbone, context.config, 0, CPU)
    parameters = [*model.backbone.parameters(), *model.heads.parameters()]
    inputs, quality = crops_by_hand(model, pixels, crop), torch.linspace(0, 1, count)
    things = {
        "cliqa": ours(context, source, parameters, steps),
        "bare loop": bare_loop(model, parameters, steps, count, inputs, quality),
    }
    found = in_turns(things, rounds=rounds, per=steps, timer=time.thread_time)
    report(benchmark, found, limit)


@pytest.mark.parametrize("crop", [96, 384])
def test_loading_a_batch(in_turns, benchmark, crop):
    """What threads could take over: cropping, flipping and stacking 32 decoded images."""
    model, context, _ = setting(tiny(), 2 * BATCH, crop)
    source = ImageBatches(context.tasks, model.backbone, context.config, 0, CPU)
    loaded = source.load(0, 0)
    found = in_turns(
        {"load": lambda: source.load(0, 1), "finish": lambda: source.finish(loaded)},
        rounds=20,
        timer=time.thread_time,
    )
    assert statistics.median(found.values()) > 0
