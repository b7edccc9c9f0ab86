"""Started by the tests, once alone and once by several processes: some steps of training."""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from cliqa.distributed import (
    OutOfStepError,
    agreed,
    average_gradients,
    bytes_of_first,
    check_in_step,
    divided,
    gather,
    joined,
    spread,
    world,
)

torch.set_num_threads(1)


def network():
    """Two kinds of batch normalization, with and without an affine part; in float64."""
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3),
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, 6, 3),
        torch.nn.BatchNorm2d(6, affine=False),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
    ).double()


def train(folder: Path) -> None:
    """A loss over all pairs of a batch, and a penalty on the network's parameters."""
    net, heads = network(), torch.nn.ModuleList([torch.nn.Linear(6, 1).double()])
    anchor = [p.detach() + 0.1 for p in net.parameters()]
    parameters = [*net.parameters(), *heads.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    losses = []
    for step, size in enumerate((7, 7, 2, 7, 4, 5)):  # two rows: fewer than three processes
        generator = torch.Generator().manual_seed(step)
        images = torch.randn(size, 3, 16, 16, generator=generator, dtype=torch.float64)
        quality = torch.rand(size, generator=generator, dtype=torch.float64)
        if step == 3:  # a head that is added later
            torch.manual_seed(9)
            heads.append(torch.nn.Linear(6, 1).double())
            parameters += heads[-1].parameters()
            optimizer = torch.optim.Adam(parameters, lr=0.01)
        scores = heads[-1](spread(net, images))[:, 0]
        errors = (scores[:, None] - scores) - (quality[:, None] - quality)
        penalty = sum((p - a).square().sum() for p, a in zip(net.parameters(), anchor, strict=True))
        loss = errors.square().mean() + 0.1 * penalty
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        average_gradients(parameters)
        optimizer.step()
    tensors = {f"net.{n}": t for n, t in net.state_dict().items()}
    tensors |= {f"heads.{n}": t for n, t in heads.state_dict().items()}
    tensors["losses"] = torch.tensor(losses, dtype=torch.float64)
    here = world()
    save_file(tensors, folder / f"{here.size}-{here.rank}.safetensors")


def gathered(folder: Path) -> None:
    """Rows of every process, in order, on every process."""
    whole = torch.arange(10.0).view(5, 2)
    found = gather(whole[world().share(5)], 5)
    none_drawn, masks, after = draws()
    first = bytes_of_first(bytes([7, world().rank]))
    said = agreed(lambda: {"rank": world().rank, "part": [0.1, "é", None]})
    assert said == {"rank": 0, "part": [0.1, "é", None]}
    assert bytes_of_first(b"") == b""
    save_file(
        {
            "found": found,
            "none drawn": none_drawn,
            "masks": masks,
            "after": after,
            "bytes": torch.tensor(list(first)),
        },
        folder / f"{world().rank}.safetensors",
    )


def draws():
    """Random numbers after a network that draws none; those of one that does; those after it."""
    torch.manual_seed(0)
    divided(lambda rows: rows + 1, torch.zeros(8))
    none_drawn = torch.rand(1)
    masks = divided(lambda rows: torch.rand(len(rows)), torch.zeros(8))
    return none_drawn, masks, torch.rand(1)


def differ(folder: Path) -> None:
    """One process goes another way; all find out."""
    rank = world().rank
    check_in_step(["same"], "at first")
    try:
        check_in_step([str(min(rank, 1))], "after a step")
    except OutOfStepError as error:
        (folder / f"{rank}.txt").write_text(str(error))


if __name__ == "__main__":
    with joined(torch.device("cpu")):
        {"train": train, "gathered": gathered, "differ": differ}[sys.argv[1]](Path(sys.argv[2]))
