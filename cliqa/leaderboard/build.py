"""From verified runs to a board."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cliqa import __version__
from cliqa.leaderboard.collect import newest
from cliqa.leaderboard.compare import Baseline, compare_all, divided_anew, mean_ranks
from cliqa.leaderboard.contents import no_contents
from cliqa.leaderboard.metrics import METRICS
from cliqa.leaderboard.model import Board, Reported, Source, Track
from cliqa.leaderboard.resample import Resampled
from cliqa.leaderboard.rows import row_of, status_of
from cliqa.leaderboard.titles import title_of, with_titles
from cliqa.leaderboard.units import Line, lines_of
from cliqa.report import group_runs
from cliqa.results import pseudo_note, pseudo_sets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cliqa.leaderboard.collect import Accepted, Collected
    from cliqa.leaderboard.contents import Contents
    from cliqa.leaderboard.model import Row
    from cliqa.report import Group, Published

_ANEW = (
    "Nadeau and Bengio's corrected t over the paired seeds, because each seed divides the images "
    "anew; 95 %."
)
_SAME = (
    "Paired bootstrap over seeds and, within each test set, contents, with Welch and "
    "Satterthwaite's t quantile; 95 %."
)


@dataclass(frozen=True)
class Options:
    """What a board is made with.

    Attributes:
        title: of the page.
        baseline: `METHOD` or `METHOD/GATE`; None: the first bundle's method.
        seeds: the seeds that a complete row has; None: all seeds of the track.
        metric: ranks the rows; one of mSRCC, mPI, mSI, mPSI.
        contents: which test images show the same content.
        published: results printed in papers.
    """

    title: str = "Continual learning of image quality models"
    baseline: str | None = None
    seeds: tuple[int, ...] | None = None
    metric: str = "mPSI"
    contents: Contents = field(default=no_contents)
    published: Sequence[Published] = ()


def build_board(collected: Collected, options: Options) -> Board:
    """Put the verified runs into tracks, rank and compare them.

    The result depends on nothing but the bundles, in the order given, and the options.
    """
    runs = [accepted.run for accepted in collected.accepted]
    trust = {id(accepted.run): accepted.trust for accepted in collected.accepted}
    text = options.baseline or (runs[0].method if runs else "")
    chosen = Baseline.parse(text) if options.baseline else Baseline(text)
    maker = _Maker(options, chosen, trust, Resampled(options.contents, options.metric))
    return Board(
        title=options.title,
        newest=newest(runs),
        cliqa=__version__,
        metric=options.metric,
        metrics=[metric.name for metric in METRICS],
        tracks=with_titles(
            [
                track
                for group in group_runs(runs, first_counts=True)
                for track in maker.tracks(group)
            ]
        ),
        reported=list(_reported(options.published)),
        rejected=list(collected.rejected),
        sources=[_source(accepted) for accepted in collected.accepted],
    )


@dataclass(frozen=True)
class _Maker:
    options: Options
    baseline: Baseline
    trust: dict[int, str]
    resampled: Resampled

    def tracks(self, group: Group) -> list[Track]:
        """One track an order, and one over all of them."""
        orders = list(group.orders)
        several = [orders] if len(orders) > 1 else []
        found = [
            (chosen, lines_of(group.rows, chosen)) for chosen in (*([o] for o in orders), *several)
        ]
        return [self._track(group, chosen, *lines) for chosen, lines in found if lines[0]]

    def _track(
        self, group: Group, orders: list[str], lines: list[Line], silent: list[str]
    ) -> Track:
        present = {seed for line in lines for _, seed in line.cells}
        seeds = sorted(self.options.seeds or present)
        base = self.baseline.find(lines)
        first = lines[0].first
        key = [first.fingerprints, first.split_rule, first.split_digest, orders, first.policy]
        return Track(
            id=hashlib.sha256(json.dumps(key).encode()).hexdigest()[:12],
            title=title_of(first, orders),
            tasks=list(first.tasks),
            stages=first.stage_names,
            division=first.split_rule,
            orders=orders,
            policy=first.policy,
            seeds=seeds,
            baseline=base.name if base else "",
            procedure=_ANEW if divided_anew(first) else _SAME,
            notes=[*_pseudo(group), *group.notes, *silent],
            rows=self._rows(lines, base, seeds),
            mean_ranks=mean_ranks(lines),
        )

    def _rows(self, lines: list[Line], base: Line | None, seeds: list[int]) -> list[Row]:
        metric = self.options.metric
        found = compare_all(lines, base, metric, self.resampled)
        states = [status_of(line, metric, seeds, baseline=line is base) for line in lines]
        everything = list(zip(lines, found, states, strict=True))
        everything.sort(key=lambda x: _standing(x[0], x[2], metric))
        rows, place = [], 0
        for line, comparison, status in everything:
            place += status in {"ranked", "baseline"}
            rows.append(
                row_of(
                    line,
                    comparison,
                    status,
                    place=place if status in {"ranked", "baseline"} else None,
                    seeds=seeds,
                    trust=self.trust,
                    metrics=[m.name for m in METRICS],
                )
            )
        return rows


def _standing(line: Line, status: str, metric: str) -> tuple[bool, bool, float, str]:
    """Ranked rows first, the best first; then what has a value; names decide what is equal."""
    value = line.value(metric).mean
    ranked = status in {"ranked", "baseline"}
    return (not ranked, value != value, -value if value == value else 0.0, line.name)


def _pseudo(group: Group) -> list[str]:
    note = pseudo_note(pseudo_sets(*(run.record for run in group.runs)))
    return [note] if note else []


def _reported(papers: Iterable[Published]) -> Iterable[Reported]:
    for paper in papers:
        for row in paper.summaries:
            yield Reported(
                paper=paper.title,
                source=paper.source,
                table=row.table,
                method=row.method,
                backbone=row.backbone,
                order=row.order or "",
                variant=row.variant,
                n=row.runs,
                values=dict(row.values),
                std=dict(row.std or {}),
            )


def _source(accepted: Accepted) -> Source:
    return Source(
        bundle=accepted.run.shown,
        run_id=str(accepted.run.record.get("run_id", "")),
        trust=accepted.trust,
        sums_sha256=accepted.sums,
    )
