"""What a job of `cliqa pretrain` is given, and what it returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cliqa.model import Backbone, Compute, Tensors


class PretrainingObserver:
    """Told how a job gets on; every method may be left as it is, doing nothing."""

    def note(self, text: str) -> None:
        """Something the user should know."""

    def start(self, what: str, total: int) -> None:
        """A stretch of work begins: so many of `what`, for example "training images"."""

    def advance(self, count: int) -> None:
        """So many more are done."""

    def epoch(self, number: int, epochs: int, figures: Mapping[str, float]) -> None:
        """An epoch ended, counted from 1; `figures` are what was measured, by its name."""


@dataclass(frozen=True, kw_only=True)
class PretrainingContext:
    """What a job works with.

    Attributes:
        backbone: the pre-trained network on its device; the job may change it in place.
        compute: device and arithmetic.
        seed: root of the job's random numbers; draw from `cliqa.seeds` with names of your own.
        observer: to be told about progress.
    """

    backbone: Backbone
    compute: Compute
    seed: int
    observer: PretrainingObserver


@dataclass(frozen=True, kw_only=True)
class PretrainingOutcome:
    """What a job made.

    Attributes:
        tensors: backbone tensors by their `state_dict` name.
        record: how they were made and how good they are, as plain JSON values; no path of the
            machine, no time of day: equal jobs give equal files.
    """

    tensors: Tensors
    record: Mapping[str, Any]


class Pretraining(ABC):
    """A job that prepares weights of a backbone.

    Attributes:
        config: the validated settings, a `cliqa.config.PretrainingConfig`.
    """

    def __init__(self, config: Any) -> None:
        self.config = config

    def check(self, backbone: Backbone) -> None:  # noqa: B027 (a job may take any backbone)
        """Raise a `CliqaError` if the job cannot be done with this backbone or these settings.

        Called before anything is computed: read what will be needed, look at every input file.
        """

    @abstractmethod
    def run(self, context: PretrainingContext) -> PretrainingOutcome:
        """Do the job."""
