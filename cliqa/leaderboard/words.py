"""What the page says about its tables: one place for all of its sentences."""

from __future__ import annotations

from typing import Final

TRUST: Final[dict[str, str]] = {
    "self-consistent": "the bundle agrees with itself; its sets are not on the machine that built "
    "this page, so its labels are its own",
    "recomputed": "metrics were computed again from the bundle's predictions, with this "
    "platform's labels",
    "reproduced": "besides, test images drawn at random were scored again with the shipped weights "
    "by every head and gate, and agree",
    "reported": "printed in a paper; in a table of its own, never ranked with runs",
}
TRUST_LIMIT: Final = (
    "Computing metrics again finds changed numbers. It does not find predictions that were made up."
)
TRACK: Final = (
    "Rows of one track learned the same images, divided by the same rule, in the same orders, and "
    "were tested in the same way. Rows of different tracks must not be compared."
)
DECLARED: Final = (
    "Parameters are counted in the weights where a bundle ships them. Times, memory held, passes "
    "and operations are what the run says of itself. So is extra data: what the network's starting "
    "weights, and those that a gate looks through, were learned from before the first task."
)
RANKING: Final = (
    "A row has a place if it has a run for every seed and order of its track, learns task after "
    "task, and is not told which task an image is from. A place says nothing about significance."
)
MISSING: Final = (
    "A mean over runs is missing if any run has no value: leaving such runs out would flatter. "
    "Missing values come last in every order; an interval uses the seeds that both rows have."
)
INTERVAL: Final = (
    "The interval is that of the difference of {metric} to the baseline's, paired by seed; orders "
    "of one seed are averaged first, for they share images. p is adjusted by Holm's procedure for "
    "the rows compared with the one baseline; other pairs are not tested."
)
RATES: Final = (
    "How often the printed procedures call two equally good methods different, at 5 %, measured on "
    "made-up methods with 3, 5 and 10 seeds, 1000 times each: corrected t {corrected}; bootstrap "
    "{bootstrap} where runs differ little, {unsteady} where they differ much; each within about "
    "{error} %. Wilcoxon's test over seeds that divide the images anew called {wilcoxon} of such "
    "pairs different with 10 seeds, and is not used there."
)
BLOCKS: Final = (
    "Wilcoxon's test is over test sets, needs at least 6 that share no contents, and is never "
    "over seeds. Friedman's test with Nemenyi's distance needs 10."
)
SCATTER: Final = (
    "Up: learns new tasks. Right: keeps what it said of old ones. Numbers are those of the table; "
    "rings have no place."
)
CURVES: Final = (
    "PSI, the mean of plasticity and stability, after each task, mean over runs; the first ranked "
    "rows, one gate of each method. A level line learns new tasks and keeps the old ones."
)
FOREST: Final = (
    "Right of the line: better than the baseline. A filled mark: Holm's p is below 0.05. A mark "
    "without a line has no interval; the table says why."
)
MATRICES: Final = (
    "SRCC, mean over runs. Row: the task learned last. Column: the test set. Blue is towards 1, "
    "white 0, orange negative; an empty cell was not evaluated or is undefined."
)
REPORTED: Final = (
    "As printed in the papers. Division of images, code and training differ from any run above, so "
    "these rows are not ranked."
)
REJECTED: Final = "These bundles were named, and nothing of them is in any table."
SOURCES: Final = (
    "The page was built from these bundles and nothing else. The digest is that of the bundle's "
    "SHA256SUMS, which names all of its files."
)
#: From `python -m benchmarks.false_positives`; docs/reference/leaderboard-statistics.md has all.
MEASURED: Final = {
    "error": "1.4",
    "corrected": "4.5, 4.2 and 3.6 %",
    "bootstrap": "2.1, 1.9 and 3.1 %",
    "unsteady": "2.7, 2.4 and 2.9 %",
    "wilcoxon": "24 %",
}
