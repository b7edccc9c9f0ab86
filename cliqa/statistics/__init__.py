"""Comparing methods from few runs: intervals and tests that refuse where they cannot hold.

Pure numpy and scipy. Every function says what it takes for independent; where there are too few
of those, the result has a reason and no number.
"""

from cliqa.statistics.blocks import (
    FRIEDMAN_BLOCKS,
    WILCOXON_BLOCKS,
    MeanRanks,
    friedman,
    holm,
    nemenyi_distance,
    wilcoxon,
)
from cliqa.statistics.bootstrap import (
    content_draws,
    image_weights,
    resampled_difference,
    resampled_ranks,
    resampled_srcc,
)
from cliqa.statistics.differences import Difference, corrected_t

__all__ = [
    "FRIEDMAN_BLOCKS",
    "WILCOXON_BLOCKS",
    "Difference",
    "MeanRanks",
    "content_draws",
    "corrected_t",
    "friedman",
    "holm",
    "image_weights",
    "nemenyi_distance",
    "resampled_difference",
    "resampled_ranks",
    "resampled_srcc",
    "wilcoxon",
]
