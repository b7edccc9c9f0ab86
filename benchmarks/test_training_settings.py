"""What a training step costs by memory order and arithmetic: the figures behind `train.precision`.

`pytest benchmarks/test_training_settings.py -s`. `CLIQA_BENCH_THREADS` is the number of threads.
"""

from __future__ import annotations

import os

import pytest
import timm
import torch
from torch import nn

from cliqa.model import normalization_tensors
from cliqa.model.compiling import compiled_forward

THREADS = int(os.environ.get("CLIQA_BENCH_THREADS", "1"))
#: Name -> memory order, arithmetic, and whether the network is compiled (`train.compile`). The
#: first is what torch does by itself.
SETTINGS = {
    "float32, contiguous": (torch.contiguous_format, None, False),
    "float32, channels-last": (torch.channels_last, None, False),
    "float32, channels-last, compiled": (torch.channels_last, None, True),
    "bf16, contiguous": (torch.contiguous_format, torch.bfloat16, False),
    "bf16, channels-last": (torch.channels_last, torch.bfloat16, False),
    "bf16, channels-last, compiled": (torch.channels_last, torch.bfloat16, True),
}


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    torch.compiler.reset()  # it gives up on a function that it has compiled too often
    yield
    torch.set_num_threads(before)


def step_of(name, trained, order, arithmetic, compiled, side=224, batch=8):
    network = timm.create_model(name, num_classes=0).to(memory_format=order).train()
    if trained == "normalization":
        wanted = set(normalization_tensors(network))
        for parameter_name, parameter in network.named_parameters():
            parameter.requires_grad_(parameter_name in wanted)
    images = torch.randn(batch, 3, side, side).to(memory_format=order)
    forward = compiled_forward() if compiled else nn.Module.__call__

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=arithmetic is not None):
            features = forward(network, images)
        features.float().square().mean().backward()
        network.zero_grad()

    step()  # compiling it belongs to no step
    return step


@pytest.mark.parametrize("trained", ["normalization", "everything"])
@pytest.mark.parametrize("name", ["resnet18", "tf_efficientnet_lite0"])
def test_one_step_by_memory_order_and_arithmetic(in_turns, benchmark, name, trained):
    steps = {word: step_of(name, trained, *setting) for word, setting in SETTINGS.items()}
    found = in_turns(steps, rounds=5)
    plain = found["float32, contiguous"]
    for word, seconds in found.items():
        benchmark.extra_info[f"float32 contiguous / {word}"] = round(plain / seconds, 2)
