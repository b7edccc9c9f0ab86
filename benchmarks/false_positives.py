"""How often the leaderboard's procedures call two equally good methods different.

`python -m benchmarks.false_positives [--repeats 1000]`: two methods that are drawn from the same
distribution are compared at the level of 5 %. Prints each procedure's rate of false positives
with its own standard error. The results are in docs/reference/leaderboard-statistics.md.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from cliqa.metrics import srcc
from cliqa.seeds import named_rng
from cliqa.statistics import (
    content_draws,
    corrected_t,
    image_weights,
    resampled_difference,
    resampled_ranks,
    resampled_srcc,
    wilcoxon,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

RUNS = (3, 5, 10)
_LEVEL = 0.05
_DRAWS = 300


def divided_anew(rng: np.random.Generator, runs: int) -> Array:
    """(runs,) differences in SRCC of two real learners over random divisions of one set.

    180 images, quality plus noise; each learner fits least squares to eight noisy views of the
    quality of its own, on 70 % of the images, and is tested on 20 %.
    """
    quality = rng.normal(size=180)
    rated = quality + 0.5 * rng.normal(size=180)
    views = [quality[:, None] + 2 * rng.normal(size=(180, 8)) for _ in range(2)]
    found = []
    for _ in range(runs):
        order = rng.permutation(180)
        train, test = order[:126], order[144:]
        scores = [v[test] @ np.linalg.lstsq(v[train], rated[train], rcond=None)[0] for v in views]
        found.append(srcc(scores[0], rated[test]) - srcc(scores[1], rated[test]))
    return np.array(found)


def same_images(rng: np.random.Generator, runs: int, unsteady: float) -> tuple[Array, Array]:
    """Differences of two made-up methods on the same test images: of the runs, and resampled.

    Two sets of 20 contents with 4 images each. A score is the quality plus an error that the
    method makes for a content, one for an image, and one that differs between its runs, whose
    size differs between runs by a factor of exp(`unsteady`), one standard deviation.
    """
    contents = np.repeat([f"{n:02}" for n in range(20)], 4)
    on_all, resampled = np.zeros((2, runs)), np.zeros((2, _DRAWS, runs))
    size = 0.5 * np.exp(unsteady * rng.normal(size=(2, runs)))
    for _ in range(2):
        quality = rng.normal(size=80)
        weights = image_weights(content_draws(rng, 20, _DRAWS), contents)
        truth = resampled_ranks(quality, weights)
        for method in range(2):
            lasting = np.repeat(0.5 * rng.normal(size=20), 4) + 0.5 * rng.normal(size=80)
            for run in range(runs):
                scores = quality + lasting + size[method, run] * rng.normal(size=80)
                on_all[method, run] += srcc(scores, quality) / 2
                ranks = resampled_ranks(scores, weights)
                resampled[method, :, run] += resampled_srcc(ranks, truth, weights) / 2
    return on_all[0] - on_all[1], resampled[0] - resampled[1]


def percentile_rejects(replicates: Array, rng: np.random.Generator) -> bool:
    """Whether the plain percentile interval of the same draws leaves out 0."""
    draws, runs = replicates.shape
    chosen = rng.integers(runs, size=(draws, runs))
    low, high = np.quantile(np.take_along_axis(replicates, chosen, 1).mean(axis=1), [0.025, 0.975])
    return not low <= 0 <= high


def measure(repeats: int) -> dict[str, list[float]]:
    """Procedure -> rate of false positives for each number of runs of `RUNS`; NaN: it is silent."""
    hits: dict[str, Array] = {}

    def count(name: str, place: int, rejected: bool) -> None:
        hits.setdefault(name, np.full(len(RUNS), np.nan))
        hits[name][place] = np.nan_to_num(hits[name][place]) + rejected

    for repeat in range(repeats):
        rng = named_rng(0, "false positives", repeat)
        anew = divided_anew(rng, max(RUNS))
        for place, n in enumerate(RUNS):
            d = anew[:n]
            count("divided anew: paired t", place, stats.ttest_1samp(d, 0).pvalue < _LEVEL)
            if (p := wilcoxon(d)[0]) == p:
                count("divided anew: Wilcoxon over runs", place, p < _LEVEL)
            count("divided anew: corrected t (printed)", place, corrected_t(d, 36 / 126).p < _LEVEL)
        for label, unsteady in (("same images", 0.0), ("same images, unsteady runs", 0.7)):
            same, replicates = same_images(rng, max(RUNS), unsteady)
            for place, n in enumerate(RUNS):
                d, part = same[:n], replicates[:, :n]
                t = stats.ttest_1samp(d, 0).pvalue
                count(f"{label}: paired t over runs", place, t < _LEVEL)
                rejects = percentile_rejects(part, rng)
                count(f"{label}: percentile bootstrap", place, rejects)
                printed = resampled_difference(d, part, 20, rng)
                count(f"{label}: bootstrap (printed)", place, printed.p < _LEVEL)
                flat = resampled_difference(d, np.tile(d, (_DRAWS, 1)), 0, rng)
                count(f"{label}: bootstrap of runs alone", place, flat.p < _LEVEL)
    return {name: list(found / repeats) for name, found in sorted(hits.items())}


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=1000)
    repeats = parser.parse_args().repeats
    print(f"| procedure | {' | '.join(f'{n} runs' for n in RUNS)} |")
    print("|---|" + "---:|" * len(RUNS))
    for name, rates in measure(repeats).items():
        cells = [
            "–" if r != r else f"{100 * r:.1f} ± {100 * np.sqrt(r * (1 - r) / repeats):.1f} %"
            for r in rates
        ]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
