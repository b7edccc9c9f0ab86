"""Which cell a free worker is given.

Cells share stages: what one has trained the others take. A stage that is in training is waited for,
so of two cells that begin with the same untrained stage the second would only wait. The choice is
greedy and made anew whenever a worker is free: no cell is left out, and no worker is idle while
there is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["Work", "choose"]


@dataclass(frozen=True)
class Work:
    """A cell as the schedule sees it.

    Attributes:
        name: the cell.
        stages: keys of its stages in the order in which it comes to them; none if they are
            not known, and then it is in nobody's way.
    """

    name: str
    stages: tuple[str, ...] = ()

    def missing(self, trained: Collection[str]) -> list[str]:
        """The stages that it would train itself, if nobody else does."""
        return [stage for stage in self.stages if stage not in trained]


def choose(waiting: Sequence[Work], running: Sequence[Work], trained: Collection[str]) -> Work:
    """The cell to run next.

    Preferred is a cell whose first untrained stage nobody is at; among those one that has the
    fewest untrained stages in common with the running ones; among those the first.

    Args:
        waiting: the cells that may be run, in the order of the sweep; at least one.
        running: the cells at work.
        trained: keys of stages that are trained.

    >>> cells = [Work("a", ("x", "y")), Work("b", ("x", "z")), Work("c", ("z", "x"))]
    >>> choose(cells[1:], cells[:1], ()).name
    'c'
    """
    ahead = [work.missing(trained) for work in running]
    at = {stages[0] for stages in ahead if stages}
    claimed = {stage for stages in ahead for stage in stages}

    def rank(position: int) -> tuple[bool, int, int]:
        missing = waiting[position].missing(trained)
        return bool(missing) and missing[0] in at, len(claimed.intersection(missing)), position

    return waiting[min(range(len(waiting)), key=rank)]
