"""In-batch pairs beside pair lists: `pytest benchmarks/test_pairs.py -s`.

One step of 32 images with all their 496 pairs, and one of 32 listed pairs, whose 64 images go
through the network as two forwards. TSN-IQA's normalization layers are trained, in float32.
"""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import pytest
import timm
import torch
from cliqa_pairwise.config import FidelityConfig
from cliqa_pairwise.fidelity import Fidelity, pairs_of
from torch import nn

from cliqa.config import TrainConfig
from cliqa.model import Compute, QualityModel, normalization_tensors
from cliqa.training import ImageBatches, Stage, TaskContext

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
IMAGES, CROP = 64, 96


class Network(nn.Module):
    mean, std, feature_dim = (0.5, 0.5, 0.5), (0.2, 0.2, 0.2), 512

    def __init__(self):
        super().__init__()
        self.network = timm.create_model("resnet18", num_classes=0)

    def forward(self, images):
        return self.network(images)


def step_of(pairs):
    """A training step on a batch that is there, and the pairs it learns from."""
    side = CROP + 8
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, side, side, 3), dtype=np.uint8)
    task = SimpleNamespace(
        name="toy",
        fingerprint="toy",
        sample_ids=[f"{i:03}" for i in range(IMAGES)],
        split=SimpleNamespace(train=tuple(range(IMAGES)), val=(), test=()),
        unit_quality=np.linspace(0, 1, IMAGES),
        unit_std=np.full(IMAGES, np.nan),
        images=SimpleNamespace(read=lambda row, resize: pixels[row]),
    )
    objective = Fidelity(FidelityConfig())
    model = QualityModel(Network(), objective.new_head).to(memory_format=torch.channels_last)
    context = TaskContext(
        model=model,
        objective=objective,
        stage=Stage(step=1, tasks=(0,)),
        tasks=(task,),
        head=model.add_head(["toy"]),
        config=TrainConfig(batch_size=32, crop=CROP, shrink=None, pairs=pairs),
        compute=Compute(device=CPU),
        seed=0,
    )
    batch = ImageBatches((task,), model.backbone, context.config, 0, CPU).batch(0, 0)
    own = set(normalization_tensors(model.backbone))
    for name, parameter in model.backbone.named_parameters():
        parameter.requires_grad_(name in own)
    model.train()

    def step():
        objective.loss(context.scores(batch), batch).backward()
        model.zero_grad()

    return step, len(pairs_of(batch))


def test_a_step_of_in_batch_pairs_and_one_of_listed_pairs(in_turns, benchmark):
    (within, many), (listed, few) = step_of("in-batch"), step_of("list")
    things = {f"32 images, {many} pairs": within, f"{few} listed pairs": listed}
    first, second = in_turns(things, rounds=7, timer=time.thread_time).values()
    benchmark.extra_info["time: listed / in-batch"] = round(second / first, 2)
    benchmark.extra_info["time a pair: listed / in-batch"] = round(second / few / (first / many), 1)
