"""Synaptic intelligence."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import torch

from cliqa_regularization.quadratic import Named, QuadraticPenalty, select, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from cliqa.training import Phase, TaskContext


class SynapticIntelligence(QuadraticPenalty):
    """Omega_i += w_i / ((theta_i - theta*_i)^2 + damping), w_i -= g_i * delta_i a step.

    As in the released code g is the gradient of the whole loss, penalty included.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._path: Named = {}
        self._before: Named = {}
        self._start: Named = {}

    def phases(self, context: TaskContext) -> Iterator[Phase]:
        """The two stages; those that are penalised accumulate the path integral."""
        held = self.held(context)
        self._start = snapshot(held)
        self._before = snapshot(held)
        self._path = {name: torch.zeros_like(p) for name, p in self._before.items()}
        for phase in super().phases(context):
            if not self.penalised(phase):
                yield phase
                continue
            updates = tuple(
                dataclasses.replace(update, after_step=lambda: self._accumulate(held))
                for update in phase.updates
            )
            yield dataclasses.replace(phase, updates=updates)

    @torch.no_grad()
    def _accumulate(self, held: Mapping[str, Tensor]) -> None:
        for name, parameter in held.items():
            if parameter.grad is not None:
                self._path[name] -= parameter.grad * (parameter - self._before[name])
            self._before[name].copy_(parameter)

    def measure(self, context: TaskContext) -> Named:
        """Path integrals over squared distances; a negative integral counts as no importance."""
        now = self.held(context)
        return {
            name: (
                path / ((now[name].detach() - self._start[name]).square() + self.config.damping)
            ).clamp_min(0.0)
            for name, path in self._path.items()
        }

    def state(self) -> dict[str, Tensor]:
        """Importances and anchors, and the path within a task."""
        return (
            super().state()
            | {f"path/{n}": t for n, t in self._path.items()}
            | {f"before/{n}": t for n, t in self._before.items()}
            | {f"start/{n}": t for n, t in self._start.items()}
        )

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Restore them."""
        super().load_state(state)
        self._path, self._before = select(state, "path"), select(state, "before")
        self._start = select(state, "start")
