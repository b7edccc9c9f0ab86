"""What the parts of a report are made from besides the runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cliqa.report.groups import Group, Row
    from cliqa.report.published import Published
    from cliqa.report.runs import Run

    #: A run, and (task, sample id) pairs to (task, sample id) -> data URI, and why some are absent.
    Pictures = Callable[[Run, Sequence[tuple[str, str]]], tuple[dict[tuple[str, str], str], str]]


@dataclass(frozen=True)
class Context:
    """What the user and the plugins add.

    Attributes:
        higher_is_better: of the metrics that are known; others get no mark.
        published: results printed in papers.
        pictures: gives thumbnails of test images; None: none are wanted.
        images: sample ids to show; empty: one a test set.
    """

    higher_is_better: Mapping[str, bool] = field(default_factory=dict)
    published: Sequence[Published] = ()
    pictures: Pictures | None = None
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class PaperView:
    """One paper as seen from one group of runs.

    Attributes:
        paper: its numbers.
        comparable: whether the group's tasks are the paper's.
    """

    paper: Published
    comparable: bool

    def names(self, row: Row) -> list[str]:
        """What the paper calls the method and gate of a row."""
        run = row.runs[0]
        gate = str(run.gate_settings(row.gate_key)["name"])
        return self.paper.names_of(run.record["strategy"], gate)

    def order(self, row: Row) -> str | None:
        """The paper's name of a row's order; its first order where the data are others."""
        if not self.comparable:
            return next(iter(self.paper.orders))
        return self.paper.order_of(row.runs[0].sources)

    def shows(self, order: str | None, row: Row) -> bool:
        """Whether what is printed for an order, or for None in particular, is about a row's."""
        own = self.order(row)
        return own is not None and order in {own, None}


def papers(group: Group, context: Context) -> list[PaperView]:
    """Every known paper, and whether its tasks are the group's."""
    run = group.runs[0]
    return [
        PaperView(paper, paper.same_tasks(run.sources, run.stage_sizes))
        for paper in context.published
    ]
