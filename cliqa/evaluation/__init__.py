"""Test time: gates, stage features, and the predictions that all metrics derive from."""

from cliqa.evaluation.evaluator import Evaluator, GatePlan
from cliqa.evaluation.features import StageFeatures
from cliqa.evaluation.gate import Gate, GateQuery, constant_weights
from cliqa.evaluation.normalization import Normalization, find_normalization
from cliqa.evaluation.serving import Answer, GatedModel

__all__ = [
    "Answer",
    "Evaluator",
    "Gate",
    "GatePlan",
    "GateQuery",
    "GatedModel",
    "Normalization",
    "StageFeatures",
    "constant_weights",
    "find_normalization",
]
