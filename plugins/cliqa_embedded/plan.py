"""Which crop of which reference gets which treatment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cliqa.seeds import named_rng
from cliqa_embedded.tasks import TASKS

if TYPE_CHECKING:
    import numpy as np

    from cliqa_embedded.config import EmbeddedConfig
    from cliqa_embedded.tasks import Treatment

__all__ = ["Sample", "plan"]


@dataclass(frozen=True)
class Sample:
    """One image to be made.

    Attributes:
        sample_id: unique in the task, the same in every build.
        reference: the photograph or scene.
        crop: number of the reference's crop.
        treatment: the distortions.
    """

    sample_id: str
    reference: str
    crop: int
    treatment: Treatment


def plan(config: EmbeddedConfig, crops: dict[str, int]) -> list[Sample]:
    """Spread the treatments evenly over the references, and each reference's over its crops.

    Args:
        config: task, number of images and seed.
        crops: reference name -> number of its crops.
    """
    rng = named_rng(config.seed, "embedded", config.subset, "plan")
    names = list(crops)
    orders = {name: rng.permutation(count) for name, count in crops.items()}
    samples = []
    for number, treatment in enumerate(_dealt(TASKS[config.subset], config.images, rng)):
        turn, place = divmod(number, len(names))
        name = names[place]
        crop = int(orders[name][turn % crops[name]])
        sample_id = f"{config.subset}-{number:04d}-{name}-{treatment.name}-{treatment.level}"
        samples.append(Sample(sample_id, name, crop, treatment))
    return samples


def _dealt(
    treatments: tuple[Treatment, ...], count: int, rng: np.random.Generator
) -> list[Treatment]:
    """Return `count` treatments: all of them in random order, then again in another."""
    dealt: list[Treatment] = []
    while len(dealt) < count:
        dealt += [treatments[i] for i in rng.permutation(len(treatments))]
    return dealt[:count]
