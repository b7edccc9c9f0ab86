"""Test time: gates, stage features, and the predictions that all metrics derive from."""

from cliqa.evaluation.evaluator import Evaluator, GatePlan
from cliqa.evaluation.features import StageFeatures
from cliqa.evaluation.gate import Gate, GateQuery

__all__ = ["Evaluator", "Gate", "GatePlan", "GateQuery", "StageFeatures"]
