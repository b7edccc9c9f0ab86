"""What beginners forget is one failure, in words that say what to write."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cliqa import Component
from cliqa.evaluation import Gate
from cliqa.metrics import MatrixMetric
from cliqa.pretraining import Pretraining
from cliqa.tracking import Tracker
from cliqa.training import IsolatingStrategy, Strategy


def strategy(base=Strategy, **methods):
    return "strategy", type("Mine", (base,), methods)


def gate(**parts):
    def weights(self, query):
        return np.full((query.count, query.heads), 1 / query.heads, dtype=np.float32)

    return "gate", type("Mine", (Gate,), {"weights": weights, **parts})


def metric(**parts):
    return "metric", lambda _: MatrixMetric(name="mine", function=lambda r: float("nan"), **parts)


def rudely(self, *arguments):
    raise ValueError("no")


MISTAKES = {
    "phases without return": (
        strategy(phases=lambda self, context: None),
        "gives-phases",
        "is a `return` missing, or a `yield from`?",
    ),
    "trainable without return": (
        strategy(trainable=lambda self, backbone: None),
        "trainable-names-exist",
        "is a `return` missing?",
    ),
    "loss without return": (
        strategy(loss=lambda self, context, batch: None),
        "learns-a-stream",
        "phase `joint`: its loss is None",
    ),
    "loss of each image": (
        strategy(loss=lambda self, context, batch: context.forward(batch).mean(dim=1)),
        "learns-a-stream",
        "a `mean()`?",
    ),
    "penalty of each image": (
        strategy(penalty=lambda self, context, batch, features: features.mean(dim=1)),
        "learns-a-stream",
        "is a `sum()` missing?",
    ),
    "state without return": (
        strategy(state=lambda self: None),
        "state-holds-tensors",
        "expected a dict",
    ),
    "state of numbers": (
        strategy(state=lambda self: {"step": 3}),
        "state-holds-tensors",
        "write numbers as torch.tensor(...)",
    ),
    "isolation of nothing": (
        strategy(IsolatingStrategy),
        "begins-with-a-head",
        "must say which tensors a task owns",
    ),
    "constructor that raises": (strategy(__init__=rudely), "is-made", "it raised ValueError: no"),
    "check that raises": (
        strategy(check=rudely),
        "takes-an-objective",
        "in `check` it raised ValueError: no",
    ),
    "factory without return": (
        ("dataset", lambda _: None),
        "is-made",
        "`return` is likely missing",
    ),
    "factory without settings": (
        ("tracker", type("Mine", (Tracker,), {})),
        "is-made",
        "A factory is called with one argument, its settings",
    ),
    "abstract class": (("gate", Gate), "is-made", "abstract method weights"),
    "one stage": (gate(stages=4), "is-a-gate", "such as (3, 4)"),
    "gate's state without return": (
        gate(state=lambda self: None),
        "state-gives-everything-back",
        "expected a dict",
    ),
    "gate without super": (
        gate(__init__=lambda self, config: None),
        "is-a-gate",
        "must call super().__init__(config)",
    ),
    "one bound": (metric(bounds=1.0), "has-the-metrics-form", "(low, high)"),
    "job that returns tensors": (
        (
            "pretraining",
            type("Mine", (Pretraining,), {"run": lambda self, context: {"a": torch.zeros(1)}}),
        ),
        "gives-tensors-of-the-backbone",
        "expected a PretrainingOutcome",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_common_mistake_fails_one_check_with_words_that_help(mistake, cases_of):
    (kind, factory), check, words = MISTAKES[mistake]
    component = Component(name="mine", factory=factory, summary="what is checked")
    failed = [
        result
        for result in (case.result() for case in cases_of(kind, component).values())
        if result.status == "failed"
    ]
    assert [result.check for result in failed] == [check]
    assert words in failed[0].message
