"""What a training step costs by memory order and arithmetic: the figures behind `train.precision`.

`pytest benchmarks/test_training_settings.py -s`. `CLIQA_BENCH_THREADS` is the number of threads.
"""

from __future__ import annotations

import os

import pytest
import timm
import torch

from cliqa.model import normalization_tensors

THREADS = int(os.environ.get("CLIQA_BENCH_THREADS", "1"))
#: Name -> memory order and arithmetic of the network. The first is what torch does by itself.
SETTINGS = {
    "float32, contiguous": (torch.contiguous_format, None),
    "float32, channels-last": (torch.channels_last, None),
    "bf16, contiguous": (torch.contiguous_format, torch.bfloat16),
    "bf16, channels-last": (torch.channels_last, torch.bfloat16),
}


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(before)


def step_of(name, trained, order, arithmetic, side=224, batch=8):
    network = timm.create_model(name, num_classes=0).to(memory_format=order).train()
    if trained == "normalization":
        wanted = set(normalization_tensors(network))
        for parameter_name, parameter in network.named_parameters():
            parameter.requires_grad_(parameter_name in wanted)
    images = torch.randn(batch, 3, side, side).to(memory_format=order)

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=arithmetic is not None):
            features = network(images)
        features.float().square().mean().backward()
        network.zero_grad()

    return step


@pytest.mark.parametrize("trained", ["normalization", "everything"])
@pytest.mark.parametrize("name", ["resnet18", "tf_efficientnet_lite0"])
def test_one_step_by_memory_order_and_arithmetic(in_turns, benchmark, name, trained):
    steps = {word: step_of(name, trained, *setting) for word, setting in SETTINGS.items()}
    found = in_turns(steps, rounds=5)
    plain = found["float32, contiguous"]
    for word, seconds in found.items():
        benchmark.extra_info[f"float32 contiguous / {word}"] = round(plain / seconds, 2)
