"""Distorted crops with their class, as pure functions of seed, epoch and place in the epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from cliqa.seeds import named_rng
from cliqa_distortions.distortions import distort
from cliqa_distortions.pictures import random_crop

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from cliqa_distortions.config import DistortionConfig, Kind
    from cliqa_distortions.pictures import Pristine

    Picture = NDArray[np.uint8]

__all__ = ["Samples"]

#: Decoded pixels kept in memory; beyond it photographs are decoded again when needed.
MEMORY_BOUND: Final = 1 << 30


class Samples:
    """Every class of every crop of some photographs.

    Args:
        photographs: where the crops come from.
        classes: (type, level) of each class.
        crops: crops of each photograph in an epoch.
        config: crop size, scales, batch size, seed.
        name: of the random numbers; training and testing need different ones.
    """

    def __init__(
        self,
        photographs: Sequence[Pristine],
        classes: Sequence[tuple[Kind, int]],
        crops: int,
        config: DistortionConfig,
        name: str,
    ) -> None:
        self._photographs, self._classes, self._config = photographs, classes, config
        self._crops, self._name = crops, name
        self._kept: dict[int, Picture] = {}
        self._free = MEMORY_BOUND

    def __len__(self) -> int:
        return len(self._photographs) * self._crops * len(self._classes)

    @property
    def steps(self) -> int:
        """Batches an epoch, of nearly equal size."""
        return -(-len(self) // self._config.batch_size)

    def batches(self, epoch: int) -> Iterator[tuple[list[Picture], list[int]]]:
        """The epoch's batches in random order: pictures uint8 (side, side, 3), and classes."""
        order = named_rng(self._config.seed, self._name, "order", epoch).permutation(len(self))
        for positions in np.array_split(order, self.steps):
            made = [self.sample(epoch, int(position)) for position in positions]
            yield [picture for picture, _ in made], [number for _, number in made]

    def sample(self, epoch: int, position: int) -> tuple[Picture, int]:
        """One distorted crop and its class; always the same for the same epoch and position."""
        rest, number = divmod(position, len(self._classes))
        which, crop = divmod(rest, self._crops)
        config, photograph = self._config, self._photographs[which]
        place = (self._name, photograph.sha256, epoch, crop)
        picture = random_crop(
            self._pixels(which),
            config.crop,
            config.smallest_scale,
            named_rng(config.seed, "crop", *place),
        )
        kind, level = self._classes[number]
        rng = named_rng(config.seed, "distortion", *place, kind, level)
        return distort(picture, kind, level, rng), number

    def _pixels(self, which: int) -> Picture:
        pixels = self._kept.get(which)
        if pixels is None:
            pixels = self._photographs[which].read()
            if pixels.nbytes <= self._free:
                self._free -= pixels.nbytes
                self._kept[which] = pixels
        return pixels
