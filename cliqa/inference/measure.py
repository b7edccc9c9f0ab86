"""How fast each way of scoring is on this device, and how far it is from the plain one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import torch

from cliqa.inference.choice import SCORERS
from cliqa.inference.scorer import ReferenceScorer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from torch import Tensor

    from cliqa.model import Compute, QualityModel


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One way of scoring.

    Attributes:
        scorer: its name.
        seconds: of each round, for all images and heads.
        difference: largest difference of a score from the reference scorer's in float32, as a part
            of the range of its scores.
    """

    scorer: str
    seconds: tuple[float, ...]
    difference: float

    @property
    def median(self) -> float:
        """Median seconds of a round."""
        return median(self.seconds)


def measure_scorers(
    model: QualityModel,
    images: Tensor,
    compute: Compute,
    *,
    scorers: Iterable[str] = tuple(SCORERS),
    rounds: int = 5,
) -> list[Measured]:
    """Score the same images with all heads in several ways.

    Args:
        model: the model, in evaluation mode.
        images: float32 (B, 3, H, W), standardised, on the model's device.
        compute: its arithmetic is used.
        scorers: keys of `SCORERS`.
        rounds: of each; they are interleaved, so that what else the machine does befalls all alike.
    """
    heads = range(len(model.heads))
    reference = ReferenceScorer(model).scores(images, heads)
    spread = float(reference.max() - reference.min())
    made = {name: SCORERS[name](model) for name in scorers}

    def run(name: str) -> Tensor:
        with compute.autocast():
            return made[name].scores(images, heads)

    differences = {  # also the warm-up: layouts are observed and copies made here
        name: float((run(name) - reference).abs().max()) / max(spread, 1e-12) for name in made
    }
    seconds = interleaved({name: lambda n=name: run(n) for name in made}, rounds)  # type: ignore[misc]
    return [
        Measured(scorer=name, seconds=tuple(seconds[name]), difference=differences[name])
        for name in made
    ]


def interleaved(
    functions: Mapping[str, Callable[[], object]],
    rounds: int,
    timer: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each function in each round, all functions of a round one after the other.

    Args:
        functions: what is timed.
        rounds: of each.
        timer: seconds; `time.thread_time` for what runs in this thread alone on a machine that
            others use as well.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            _synchronize()
            started = timer()
            function()
            _synchronize()
            seconds[name].append(timer() - started)
    return seconds


def _synchronize() -> None:
    """Wait for what a GPU has been asked to do."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
