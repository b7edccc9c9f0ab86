"""Running a trained model over images: the same scores by the fastest of several ways."""

from cliqa.inference.batched import BatchedScorer
from cliqa.inference.choice import SCORERS, choose_scorer, make_scorer
from cliqa.inference.folded import COPY_TOLERANCE, FoldedScorer
from cliqa.inference.measure import Measured, measure_scorers
from cliqa.inference.scorer import ReferenceScorer, Scorer
from cliqa.inference.structure import Layout, observe

__all__ = [
    "COPY_TOLERANCE",
    "SCORERS",
    "BatchedScorer",
    "FoldedScorer",
    "Layout",
    "Measured",
    "ReferenceScorer",
    "Scorer",
    "choose_scorer",
    "make_scorer",
    "measure_scorers",
    "observe",
]
