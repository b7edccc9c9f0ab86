"""Wrong objectives."""

from __future__ import annotations

from dataclasses import replace

import torch
from cliqa_samples import FAULTS, component

from cliqa.testing.material import Pairs, Scores


def objective(base=Pairs, **methods):
    """A factory of an objective that differs in these."""
    return lambda _: type("Wrong", (base,), methods)()


def _no_distillation(_):
    made = Pairs()
    made.distillation = None
    return made


def _bce(self, scores, batch):
    return torch.log(torch.std(scores)) + Scores.loss(self, scores, batch)


def _all_pairs(self, scores, batch):
    return Pairs.loss(self, scores, replace(batch, scale=torch.zeros_like(batch.scale)))


FAULTS["objective"] = {
    check: (component(factory), words)
    for check, factory, words in (
        ("has-every-method", _no_distillation, "no `distillation`"),
        ("arity-is-one-or-two", objective(arity=3), "`arity` is 3"),
        (
            "head-gives-one-score-an-image",
            objective(new_head=lambda self, d: torch.nn.Linear(d, 2)),
            "(5, 2)",
        ),
        ("loss-is-a-finite-number", objective(Scores, loss=_bce), "equal scores"),
        (
            "loss-is-lower-for-the-right-order",
            objective(loss=lambda self, s, b: Pairs.loss(self, -s, b)),
            "higher for",
        ),
        (
            "loss-reaches-the-scores",
            objective(loss=lambda self, s, b: Pairs.loss(self, s.detach(), b)),
            "cuts it off",
        ),
        ("sets-are-not-compared", objective(loss=_all_pairs), "`batch.scale`"),
        (
            "distillation-is-zero-where-models-agree",
            objective(distillation=lambda self, s, o, b: Pairs.loss(self, s, b)),
            "not with the labels",
        ),
        (
            "distillation-acts-where-they-do-not",
            objective(distillation=lambda self, s, o, b: s.sum() * 0),
            "LwF would hold nothing",
        ),
        (
            "loss-is-the-mean-of-its-units",
            objective(loss=lambda self, s, b: 2 * Pairs.loss(self, s, b)),
            "EWC",
        ),
        (
            "head-depends-on-the-seed-alone",
            objective(new_head=lambda self, d: _zero(torch.nn.Linear(d, 1))),
            "whatever the seed",
        ),
    )
}


def _zero(layer):
    for parameter in layer.parameters():
        torch.nn.init.zeros_(parameter)
    return layer
