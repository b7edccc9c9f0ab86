"""What was seen of a strategy on a stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from cliqa.testing.comparing import digests
from cliqa.testing.seeding import Seeding

if TYPE_CHECKING:
    from torch import Tensor

    from cliqa.data import Task
    from cliqa.model import QualityModel
    from cliqa.training import Strategy

__all__ = ["Learned", "PenaltySeen", "PhaseSeen", "StageSeen"]


@dataclass
class PhaseSeen:
    """One phase.

    Attributes:
        name: its name.
        frozen: whether running statistics must stand still in it.
        reached: parameter -> whether a gradient that is not 0 ever reached it.
        moved: running statistics that moved in it.
        outside: bytes of what it trains beside the model.
    """

    name: str
    frozen: bool
    reached: dict[str, bool] = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)
    outside: int = 0


@dataclass
class StageSeen:
    """One stage, as it ended.

    Attributes:
        head: the head that was trained.
        new_heads: the heads that were added.
        phases: its phases.
        moved: running statistics that moved outside phases.
        digests: of all that each head's scores depend on.
        scores: of every head for the same images, float32 (N, heads).
        state_bytes: size of the strategy's state.
    """

    head: int
    new_heads: list[int]
    phases: list[PhaseSeen] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    scores: Tensor | None = None
    state_bytes: int = 0


@dataclass
class PenaltySeen:
    """One call of `penalty`: in which stage (from 0), what it gave, whether it can be learned."""

    stage: int
    value: float
    differentiable: bool


@dataclass
class Learned:
    """A whole stream.

    Attributes:
        strategy: at the end.
        model: at the end.
        tasks: the tasks that it has learned, in order.
        stages: what was seen.
        penalties: every call of `penalty` that gave something.
        seeding: calls that seed a generator of the whole process.
    """

    strategy: Strategy
    model: QualityModel
    tasks: list[Task]
    stages: list[StageSeen] = field(default_factory=list)
    penalties: list[PenaltySeen] = field(default_factory=list)
    seeding: Seeding = field(default_factory=Seeding)

    def digests(self) -> dict[str, str]:
        """Name -> digest of every tensor that training may have changed."""
        model, state = digests(self.model.tensors()), digests(self.state())
        found = {f"model {name}": digest for name, digest in model.items()}
        return found | {f"state() {name}": digest for name, digest in state.items()}

    def state(self) -> dict[str, Tensor]:
        """The tensors of the strategy's state; what else is in it is another check's business."""
        state = self.strategy.state()
        named = state.items() if isinstance(state, dict) else ()
        return {name: t for name, t in named if isinstance(t, torch.Tensor)}
