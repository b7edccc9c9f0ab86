"""From pixels to network input, and batches of images of one size."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cliqa.model.backbone import Backbone


def to_input(pixels: Sequence[np.ndarray], backbone: Backbone, device: torch.device) -> Tensor:
    """Stack uint8 (H, W, 3) arrays of one size into a standardised batch.

    Returns:
        float32 (B, 3, H, W) in channels-last memory order, which convolutions are fastest in.
    """
    return standardise(torch.from_numpy(np.stack(pixels)).to(device), backbone)


def stack(pixels: Sequence[np.ndarray], device: torch.device) -> Tensor:
    """One batch of uint8 (H, W, 3) arrays of one size, still on the CPU: uint8 (B, H, W, 3).

    For a CUDA device it lies in pinned memory, from which it is copied while the GPU computes.
    """
    if device.type != "cuda":
        return torch.from_numpy(np.stack(pixels))
    batch = torch.empty((len(pixels), *pixels[0].shape), dtype=torch.uint8, pin_memory=True)
    np.stack(pixels, out=batch.numpy())
    return batch


def standardise(pixels: Tensor, backbone: Backbone) -> Tensor:
    """Network input from pixels: uint8 (B, H, W, 3) -> float32 (B, 3, H, W), channels-last.

    Every value is (pixel / 255 - mean) / std of its channel, rounded after each operation.
    """
    batch, height, width, _ = pixels.shape
    mean, std = _rows(tuple(backbone.mean), tuple(backbone.std), width, pixels.device)
    # Along whole rows of interleaved channels an operation is vectorised, along three it is not.
    rows = pixels.reshape(batch, height, 3 * width).float().div_(255).sub_(mean).div_(std)
    # A (B, H, W, 3) array permuted to (B, 3, H, W) *is* channels-last: nothing is moved.
    return rows.view(batch, height, width, 3).permute(0, 3, 1, 2)


@lru_cache(maxsize=64)
def _rows(
    mean: tuple[float, ...], std: tuple[float, ...], width: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Mean and std of every value of a row; kept, for each copy to a GPU would wait for it."""
    return torch.tensor(mean * width, device=device), torch.tensor(std * width, device=device)


def batches_of_equal_size(
    shapes: Sequence[tuple[int, ...]], most: Callable[[tuple[int, ...]], int]
) -> Iterator[list[int]]:
    """Positions of images grouped so that each batch holds one size.

    Args:
        shapes: of the images.
        most: how many images of a shape a batch may hold.
    """
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for position, shape in enumerate(shapes):
        by_shape.setdefault(tuple(shape), []).append(position)
    for shape, positions in by_shape.items():
        size = most(shape)
        for start in range(0, len(positions), size):
            yield positions[start : start + size]
