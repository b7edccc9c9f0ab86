"""How many trainings a sweep needs, which is fewer than its runs have stages.

Counted from configurations alone: no image is looked at, and none need be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cliqa.sweep.folder import CellState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cliqa.sweep.plan import Cell

__all__ = ["StagePlan", "plan_stages"]


@dataclass(frozen=True)
class StagePlan:
    """The stages of every cell of a sweep.

    Attributes:
        of: cell -> keys of its stages in the order in which it comes to them; equal keys are one
            training.
        exact: False if only the data or a method itself can tell some of them apart.
    """

    of: Mapping[str, tuple[str, ...]]
    exact: bool = True

    @property
    def total(self) -> int:
        """How many stages the runs have together."""
        return sum(map(len, self.of.values()))

    @property
    def distinct(self) -> int:
        """How many trainings they need."""
        return len({key for keys in self.of.values() for key in keys})

    def trained(self, states: Mapping[str, CellState]) -> set[str]:
        """Keys of the stages of finished cells."""
        done = (keys for name, keys in self.of.items() if states[name] is CellState.DONE)
        return {key for keys in done for key in keys}


def plan_stages(cells: Sequence[Cell], *, shared: bool = True) -> StagePlan:
    """Count the stages of cells; makes their strategies, which loads torch.

    Args:
        cells: the cells.
        shared: False if no store lets one take over what another has trained: then all are
            distinct.
    """
    from cliqa.stages import planned_stages

    found = {cell.name: planned_stages(cell.config) for cell in cells}
    keys = {
        name: tuple(s.key if shared else f"{name} {s.method} {s.step}" for s in stages)
        for name, stages in found.items()
    }
    return StagePlan(keys, all(stage.exact for stages in found.values() for stage in stages))
