"""The ranking metric of a run on resampled test images, for runs that share their division."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np

from cliqa.leaderboard.metrics import METRICS
from cliqa.metrics import MatrixRecord
from cliqa.results.align import align_predictions, read_qualities
from cliqa.seeds import named_rng
from cliqa.statistics import content_draws, image_weights, resampled_ranks, resampled_srcc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cliqa.leaderboard.contents import Contents
    from cliqa.report import Run

    Array = NDArray[np.float64]

#: Draws of a bootstrap. Their own error moves the end of an interval by about 2 % of its width.
DRAWS: Final = 1000


class Resampled:
    """Replicates of the metric, kept: a baseline is compared with every row.

    The images of a test set are drawn with a name made of the set and its images, so every run
    that was tested on the same images sees the same draws.
    """

    def __init__(self, contents: Contents, metric: str, draws: int = DRAWS) -> None:
        self._contents = contents
        self._draws = draws
        self._metric = next(m for m in METRICS if m.name == metric)
        self._kept: dict[tuple[int, str], Array] = {}

    def contents_of(self, run: Run) -> tuple[int, str]:
        """The least number of contents of any test set; 0 and the reason if one is unknown."""
        counts = []
        for task in run.tasks:
            known, reason = self._contents(run, task)
            if known is None:
                return 0, reason
            ids = read_qualities(run.bundle.labels)[task][0].to_pylist()
            if strange := [i for i in ids if i not in known]:
                return 0, f"{task} has no image {strange[0]}"
            counts.append(len({known[i] for i in ids}))
        if min(counts) < 2:
            return 0, "a test set shows one content only"
        return min(counts), ""

    def replicates(self, run: Run, gate: str) -> Array:
        """(draws,) of the metric."""
        key = (id(run), gate)
        if key not in self._kept:
            self._kept[key] = self._compute(run, gate)
        return self._kept[key]

    def _compute(self, run: Run, gate: str) -> Array:
        qualities = read_qualities(run.bundle.labels)
        scores = align_predictions(run.bundle.predictions, qualities)[gate]
        stages = len(run.stage_sizes)
        S = np.full((self._draws, stages, len(run.tasks)), np.nan)
        R = S.copy()
        for k, (task, learned) in enumerate(zip(run.tasks, run.learned_at, strict=True)):
            ids, truth = qualities[task]
            weights = self._weights(run, task, ids.to_pylist())
            wanted = resampled_ranks(truth, weights)
            after_learning = None
            # What the four metrics read lies on and below the diagonal.
            for t in range(learned, stages):
                if (t + 1, task) not in scores:
                    continue
                ranks = resampled_ranks(scores[t + 1, task], weights)
                S[:, t, k] = resampled_srcc(ranks, wanted, weights)
                if t == learned:
                    after_learning = ranks
                elif after_learning is not None:
                    R[:, t, k] = resampled_srcc(ranks, after_learning, weights)
        records = (
            MatrixRecord(S=s, R=r, tasks=run.tasks, learned_at=run.learned_at, gate=gate)
            for s, r in zip(S, R, strict=True)
        )
        return np.array([self._metric.compute(record) for record in records])

    def _weights(self, run: Run, task: str, ids: list[str]) -> Array:
        known, _ = self._contents(run, task)
        contents = [(known or {})[i] for i in ids]
        digest = hashlib.sha256("\x1f".join(ids).encode()).hexdigest()
        rng = named_rng(0, "leaderboard", "contents", task, digest)
        return image_weights(content_draws(rng, len(set(contents)), self._draws), contents)
