"""What a step costs each process of a run, in processor seconds; start it alone and by torchrun.

    python -m benchmarks.processes
    torchrun --nproc-per-node 2 -m benchmarks.processes

One thread a process. Processor time and not wall time, because it says the same on a busy machine;
waiting for other processes is not in it.
"""

from __future__ import annotations

import argparse
import time
from statistics import median
from typing import TYPE_CHECKING

import timm
import torch

from cliqa.distributed import average_gradients, joined, spread, world
from cliqa.model import normalization_tensors

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


def step(net: nn.Module, images: torch.Tensor) -> Callable[[], None]:
    """A step of training as the trainer does it, on a fixed batch."""
    trained = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, fused=True)

    def run() -> None:
        loss = spread(net, images).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(trained)
        optimizer.step()

    return run


def measure(batch: int, side: int, rounds: int) -> None:
    """Print the median of some steps, of the whole network and of its normalization only."""
    images = torch.randn(batch, 3, side, side).contiguous(memory_format=torch.channels_last)
    for what in ("the whole network", "normalization"):
        net = timm.create_model("resnet18", num_classes=0).to(memory_format=torch.channels_last)
        if what == "normalization":
            own = set(normalization_tensors(net))
            for name, parameter in net.named_parameters():
                parameter.requires_grad_(name in own)
        run, seconds = step(net, images), []
        for _ in range(rounds + 1):
            began = time.process_time()
            run()
            seconds.append(time.process_time() - began)
        if not world().rank:
            about = f"{world().size} processes, {batch} images of {side} pixels, {what} trained"
            print(f"{about}: {median(seconds[1:]):.3f} s each", flush=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with joined(torch.device("cpu")):
        measure(options.batch, options.side, options.rounds)


if __name__ == "__main__":
    main()
