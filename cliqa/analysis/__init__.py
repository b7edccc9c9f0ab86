"""What a run's stored numbers say beyond its metrics: pure functions on numpy arrays.

Sources: the analyses of the TSN-IQA paper, Tables VIII to XI. No torch.
"""

from cliqa.analysis.gaussians import gaussian_kl, pairwise_kl, rank_agreement
from cliqa.analysis.heads import (
    NormalizationStatistics,
    final_head_srcc,
    last_normalization,
    mean_head_weights,
    varies_with_image,
)

__all__ = [
    "NormalizationStatistics",
    "final_head_srcc",
    "gaussian_kl",
    "last_normalization",
    "mean_head_weights",
    "pairwise_kl",
    "rank_agreement",
    "varies_with_image",
]
