"""Every line of a track against its baseline, and all of them over the test sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cliqa.leaderboard.model import Comparison, MeanRanks
from cliqa.leaderboard.rows import get, real
from cliqa.seeds import named_rng
from cliqa.statistics import (
    Difference,
    corrected_t,
    friedman,
    holm,
    resampled_difference,
    wilcoxon,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cliqa.leaderboard.resample import Resampled
    from cliqa.leaderboard.units import Line
    from cliqa.report import Run

    Array = NDArray[np.float64]

_SHARED = "the test sets may share contents, so they are no independent blocks"


@dataclass(frozen=True)
class Baseline:
    """What the user chose: a method, and a gate or its first that is not told the task."""

    method: str
    gate: str | None = None

    @classmethod
    def parse(cls, text: str) -> Baseline:
        """Read `METHOD` or `METHOD/GATE`; a method's name may hold slashes, a gate's not."""
        method, slash, gate = text.rpartition("/")
        return cls(method, gate) if slash else cls(text)

    def find(self, lines: Sequence[Line]) -> Line | None:
        """The baseline's line in a track; None if it is not there."""
        own = [
            line
            for line in lines
            if self.method in {line.rows[0].method, line.first.method} and not line.rows[0].joint
        ]
        if self.gate is not None:
            own = [x for x in own if self.gate in {x.rows[0].gate, x.rows[0].gate_key}]
            return own[0] if own else None
        usable = [line for line in own if not any(row.told for row in line.rows)]
        gates = list(usable[0].first.record["gates"]) if usable else []
        usable.sort(key=lambda line: gates.index(line.rows[0].gate_key))
        return usable[0] if usable else None


def compare_all(
    lines: Sequence[Line], base: Line | None, metric: str, resampled: Resampled
) -> list[Comparison]:
    """One comparison a line; the p-values are adjusted for their number by Holm's procedure."""
    found = [_difference(line, base, metric, resampled) for line in lines]
    adjusted = holm([d.p for d in found])
    return [
        _comparison(line, base, d, p) for line, d, p in zip(lines, found, adjusted, strict=True)
    ]


def _difference(line: Line, base: Line | None, metric: str, resampled: Resampled) -> Difference:
    none = float("nan")
    if base is None:
        return Difference(none, reason="the baseline has no run in this track")
    if line is base:
        return Difference(none, reason="it is the baseline")
    shared = set(base.complete_seeds())
    seeds = [seed for seed in line.complete_seeds() if seed in shared]
    d = [line.of_seed(metric, seed) - base.of_seed(metric, seed) for seed in seeds]
    if not seeds or np.isnan(d).any():
        return resampled_difference(d, np.zeros((2, len(d))), 0, np.random.default_rng(0))
    if divided_anew(line.first):
        ratio = size_ratio(line.first)
        if ratio is None:
            return Difference(float(np.mean(d)), runs=len(d), reason="sizes of the parts unknown")
        return corrected_t(d, ratio)
    contents, why = resampled.contents_of(line.first)
    if not contents:
        reason = f"no interval without the contents of the test images: {why}"
        return Difference(float(np.mean(d)), runs=len(d), reason=reason)
    both = [_replicates(one, seeds, resampled) for one in (line, base)]
    rng = named_rng(0, "leaderboard", "runs", *seeds)
    return resampled_difference(d, both[0] - both[1], contents, rng)


def _replicates(line: Line, seeds: Sequence[int], resampled: Resampled) -> Array:
    gate = line.rows[0].gate_key
    return np.stack(
        [
            np.mean(
                [resampled.replicates(line.cells[order, seed][0], gate) for order in line.orders],
                axis=0,
            )
            for seed in seeds
        ],
        axis=1,
    )


def divided_anew(run: Run) -> bool:
    """Whether each seed has its own division of the images."""
    return get(run.record, "config", "stream", "split", "seed") is None and not get(
        run.record, "config", "stream", "split", "files"
    )


def size_ratio(run: Run) -> float | None:
    """Test images per training image, over all tasks; None if a bundle does not say."""
    counts = [[real(run.record["data"][t].get(p)) for t in run.tasks] for p in ("test", "train")]
    test, train = (None if None in c else sum(x for x in c if x is not None) for c in counts)
    return test / train if test and train else None


def _comparison(line: Line, base: Line | None, found: Difference, holm_p: float) -> Comparison:
    p, reason = (float("nan"), "") if base is None or line is base else _over_sets(line, base)
    return Comparison(
        difference=found.mean,
        low=found.low,
        high=found.high,
        p=found.p,
        p_holm=holm_p,
        n=found.runs,
        procedure=found.procedure,
        reason=found.reason,
        wilcoxon_p=p,
        wilcoxon_reason=reason,
    )


def _over_sets(line: Line, base: Line) -> tuple[float, str]:
    if not independent_sets(line.first):
        return float("nan"), _SHARED
    own, other = line.final(), base.final()
    return wilcoxon([own[task] - other[task] for task in own])


def independent_sets(run: Run) -> bool:
    """Whether every task is a dataset of its own, of which no other task is a part."""
    names = [name for name, _ in run.sources]
    return len(names) == len(set(names)) == len(run.tasks) and "" not in names


def mean_ranks(lines: Sequence[Line]) -> MeanRanks:
    """Friedman's test over test sets, for the lines that are neither joint nor told."""
    usable = [x for x in lines if not x.rows[0].joint and not any(r.told for r in x.rows)]
    if not usable:
        reason = "no row can be ranked"
    elif not independent_sets(usable[0].first):
        reason = _SHARED
    else:
        tasks = usable[0].first.tasks
        found = friedman([[line.final()[task] for line in usable] for task in tasks])
        return MeanRanks(
            rows=[line.name for line in usable] if found.ranks else [],
            ranks=list(found.ranks),
            statistic=found.statistic,
            p=found.p,
            distance=found.distance,
            reason=found.reason,
        )
    return MeanRanks(rows=[], ranks=[], statistic=None, p=None, distance=None, reason=reason)
