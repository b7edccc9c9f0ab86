"""Which crop of which reference gets which treatment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cliqa.seeds import named_rng
from cliqa_embedded.config import KADID_TYPES
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
        config: subset, number of images and seed.
        crops: reference name -> number of its crops.
    """
    rng = named_rng(config.seed, "embedded", config.subset, "plan")
    names = list(crops)
    orders = {name: rng.permutation(count) for name, count in crops.items()}
    treatments = TASKS[config.subset]
    if config.subset == KADID_TYPES:
        pairs = _type_by_type(treatments, config.images, names, rng)
    else:
        dealt = _dealt(treatments, config.images, rng)
        pairs = [(names[number % len(names)], treatment) for number, treatment in enumerate(dealt)]
    samples = []
    turns = dict.fromkeys(names, 0)
    for number, (name, treatment) in enumerate(pairs):
        crop = int(orders[name][turns[name] % crops[name]])
        turns[name] += 1
        sample_id = f"{config.subset}-{number:04d}-{name}-{treatment.name}-{treatment.level}"
        samples.append(Sample(sample_id, name, crop, treatment))
    return samples


def _type_by_type(
    treatments: tuple[Treatment, ...], count: int, names: list[str], rng: np.random.Generator
) -> list[tuple[str, Treatment]]:
    """Return `count` references with treatments, one type after the other.

    Each type is a task of its own, so each goes over all references before it comes to one again:
    whatever references a division tests on, no type is without test images.
    """
    types: dict[str, list[Treatment]] = {}
    for treatment in treatments:
        types.setdefault(treatment.name, []).append(treatment)
    pairs = []
    for place, levels in enumerate(types.values()):
        own = count // len(types) + (place < count % len(types))
        order: list[str] = []
        while len(order) < own:
            order += [names[i] for i in rng.permutation(len(names))]
        pairs += list(zip(order[:own], _dealt(tuple(levels), own, rng), strict=True))
    return pairs


def _dealt(
    treatments: tuple[Treatment, ...], count: int, rng: np.random.Generator
) -> list[Treatment]:
    """Return `count` treatments: all of them in random order, then again in another."""
    dealt: list[Treatment] = []
    while len(dealt) < count:
        dealt += [treatments[i] for i in rng.permutation(len(treatments))]
    return dealt[:count]
