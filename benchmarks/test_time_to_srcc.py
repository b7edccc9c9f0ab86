"""Processor time to the same validation SRCC: the procedure that papers describe, and ours.

`pytest benchmarks/test_time_to_srcc.py -s`; takes about a quarter of an hour. Both learn TSN-IQA's
normalization layers and head on one task of the embedded set, from the same weights, the same
decoded images, the same split, with the same loss.

The other side is written here after the published description, not after anyone's code: a fixed
list of 13 pairs an image; both images of a pair go through the network for it; three epochs train
the head, the frozen network running on every image of every pair; then all normalization layers
and the head train, the running statistics moving in the first epoch (on the second task in every
one). It runs as torch does by itself: float32, contiguous. In its favour its frozen weights get no
gradients and its images are in memory, decoded. Its rate is the published one; it is also run with
the rate that ours has, which was chosen for in-batch pairs, so that what the rate gives can be told
from what the pairs give.
Validation is not counted on either side.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import time

import numpy as np
import pytest
import torch
from cliqa_embedded.config import EmbeddedConfig
from cliqa_embedded.dataset import build as build_embedded
from cliqa_pairwise.config import FidelityConfig
from cliqa_pairwise.fidelity import Fidelity, fidelity
from cliqa_timm.lite0 import build as build_lite0
from cliqa_tsn.strategy import TaskSpecificNormalization

from cliqa.config import TrainConfig
from cliqa.data import Task, make_split
from cliqa.metrics import srcc
from cliqa.model import Compute, QualityModel, normalization_tensors, to_input
from cliqa.model.precision import choose_precision
from cliqa.training import Stage, TaskContext, Trainer

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
CROP = 96
#: Learning rate of the normalization layers, and how many times that the head's is.
PUBLISHED, OURS = (1e-3, 10), (5e-3, 2)
PAIRS, BATCH = 13, 32
#: Seconds of processor time after which a side is stopped: the described procedure, and ours.
LIMIT, OUR_LIMIT = 150.0, 30.0
#: When running statistics move, on each task.
TASKS = {"live-like": "first-epoch", "koniq-like": "update"}
#: Validations come this much later than the one before, as a share of the time spent.
BETWEEN = 0.07


def make_task(name):
    dataset = build_embedded(EmbeddedConfig(subset=name, images=200))
    split = make_split(dataset, "50/40/10", by="reference", seed=0)
    found = Task(name, dataset, split, "")
    for row in (*split.train, *split.val):
        found.images.read(row)
    return found


def fresh_model():
    torch.manual_seed(0)
    return QualityModel(build_lite0(), Fidelity(FidelityConfig()).new_head)


def validation(model, task, head=0):
    """SRCC on the validation images, in float32 on both sides."""
    model.eval()
    compute = Compute(device=CPU, batch_size=16)
    rows = task.split.val
    scores = compute.over_images(
        task.images, rows, model.backbone, lambda x: model.score(head, model.backbone(x))
    )
    return srcc(scores.numpy(), task.quality[list(rows)])


def described_procedure(task, statistics, rate, head_factor):
    """Yields after every step; what is yielded is the model."""
    model = fresh_model()
    model.add_head([task.name])
    backbone, head = model.backbone, model.heads[0]
    model.requires_grad_(False)
    rng = np.random.default_rng(0)
    rows = np.array(task.split.train)
    chosen = rng.choice(len(rows), (PAIRS * len(rows), 2))
    pairs = rows[chosen[chosen[:, 0] != chosen[:, 1]]]
    own = set(normalization_tensors(backbone))
    layers = [p for name, p in backbone.named_parameters() if name in own]

    def view(row):
        pixels = task.images.read(int(row))
        top, left = (int(rng.integers(length - CROP + 1)) for length in pixels.shape[:2])
        pixels = pixels[top : top + CROP, left : left + CROP]
        return pixels[:, ::-1] if rng.random() < 0.5 else pixels

    def scores(column):
        images = to_input([view(row) for row in column], backbone, CPU).contiguous()
        return model.score(0, backbone(images))

    def epoch(groups, training):
        optimizer = torch.optim.Adam(groups)
        order = rng.permutation(len(pairs))
        for start in range(0, len(pairs), BATCH):
            backbone.train(training)
            head.train()
            batch = pairs[order[start : start + BATCH]]
            difference = scores(batch[:, 0]) - scores(batch[:, 1])
            predicted = torch.special.ndtr(difference / 2**0.5)
            better = task.quality[batch[:, 0]] >= task.quality[batch[:, 1]]
            loss = fidelity(torch.from_numpy(better).float(), predicted).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield model

    for parameter in head.parameters():
        parameter.requires_grad_(True)
    rates = [{"params": list(head.parameters()), "lr": rate * head_factor}]
    for _ in range(3):
        yield from epoch(rates, training=False)
    for parameter in layers:
        parameter.requires_grad_(True)
    rates.append({"params": layers, "lr": rate})
    for number in itertools.count():
        yield from epoch(rates, training=statistics == "update" or number == 0)


class EnoughError(Exception):
    """Enough was learned."""


def ours(task, statistics, precision, watch):
    """The strategy as a run trains it, `watch(model)` being called after every step."""
    model = fresh_model().to(memory_format=torch.channels_last)
    strategy = TaskSpecificNormalization()
    strategy.start(model)
    config = TrainConfig(
        warmup_epochs=10,
        epochs=200,
        batch_size=16,
        lr=OURS[0],
        head_lr_factor=OURS[1],
        crop=CROP,
        shrink=None,
        norm_statistics=statistics,
        select="last",
    )
    context = TaskContext(
        model=model,
        objective=Fidelity(FidelityConfig()),
        stage=Stage(step=1, tasks=(0,)),
        tasks=(task,),
        head=strategy.begin_stage(model, [task.name]),
        config=config,
        compute=Compute(device=CPU, precision=precision, batch_size=16),
        seed=0,
    )

    def progress(count):
        watch(model)

    trainer = Trainer(log=lambda record: None, progress=progress)
    for phase in strategy.phases(context):
        trainer.run(dataclasses.replace(phase, validate=None), context)


class Curve:
    """Validation SRCC over processor time; what validation takes is not counted."""

    def __init__(self, task):
        self._task, self.points = task, []
        self._spent, self._since = 0.0, time.thread_time()

    def look(self, model):
        """Validate if it is time; returns the time spent so far."""
        spent = self._spent + time.thread_time() - self._since
        if not self.points or spent >= (1 + BETWEEN) * self.points[-1][0] + 0.2:
            training = {module: module.training for module in model.modules()}
            self.points.append((spent, validation(model, self._task)))
            for module, mode in training.items():
                module.training = mode
            self._spent, self._since = spent, time.thread_time()
        return spent

    def reached(self, value):
        return next((spent for spent, found in self.points if found >= value), None)


def smooth(points, width=3):
    """Mean over neighbouring validations: one lucky point is no accuracy."""
    values = [value for _, value in points]
    means = [np.mean(values[max(0, i - width + 1) : i + 1]) for i in range(len(values))]
    return [(spent, mean) for (spent, _), mean in zip(points, means, strict=True)]


def watch_described(task, statistics, rates):
    curve = Curve(task)
    for model in described_procedure(task, statistics, *rates):
        if curve.look(model) > LIMIT:
            return curve
    return curve


def watch_ours(task, statistics, precision):
    curve = Curve(task)

    def watch(model):
        if curve.look(model) > OUR_LIMIT:
            raise EnoughError

    with contextlib.suppress(EnoughError):
        ours(task, statistics, precision, watch)
    return curve


@pytest.mark.parametrize("name", TASKS)
def test_time_to_the_same_validation_srcc(benchmark, name):
    task, statistics = make_task(name), TASKS[name]
    curves = {}

    def run():
        curves["described"] = watch_described(task, statistics, PUBLISHED)
        curves["described, our rate"] = watch_described(task, statistics, OURS)
        for precision in dict.fromkeys(("float32", choose_precision("auto", CPU))):
            curves[f"cliqa, {precision}"] = watch_ours(task, statistics, precision)

    benchmark.pedantic(run, rounds=1)
    for curve in curves.values():
        curve.points = smooth(curve.points)
    best = max(value for _, value in curves["described"].points)
    lines = [time_line(share * best, curves) for share in (0.9, 0.95, 0.98, 1.0)]
    for title, curve in curves.items():
        top = max(curve.points, key=lambda point: point[1])
        lines.append(f"{title}: best {top[1]:.3f} at {top[0]:.1f} s of {curve.points[-1][0]:.1f}")
        lines.append("  " + " ".join(f"{t:.1f}:{v:.2f}" for t, v in curve.points))
    benchmark.extra_info["found"] = lines
    print(f"\n{name}, running statistics: {statistics}\n  " + "\n  ".join(lines))


def time_line(value, curves):
    """How long each took to a validation SRCC, and how many times less than the described one."""
    times = {title: curve.reached(value) for title, curve in curves.items()}
    base = times["described"]
    told = [
        f"{title} {t:.1f} s ({base / t:.1f})" if t else f"{title} never"
        for title, t in times.items()
    ]
    return f"{value:.3f}: " + "; ".join(told)
