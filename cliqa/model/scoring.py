"""From pixels to network input, and batches of images of one size."""

from __future__ import annotations

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
    # A (B, H, W, 3) array permuted to (B, 3, H, W) *is* channels-last: nothing is moved.
    batch = torch.from_numpy(np.stack(pixels)).to(device).permute(0, 3, 1, 2)
    mean = torch.tensor(backbone.mean, device=device).view(1, 3, 1, 1)
    std = torch.tensor(backbone.std, device=device).view(1, 3, 1, 1)
    return batch.float().div_(255).sub_(mean).div_(std)


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
