"""Strategies that are wrong in what they remember, declare or draw."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import torch
from cliqa_samples import fault
from cliqa_samples.right import Anchored, Weight

from cliqa.training import Strategy


@fault("strategy", "state-holds-tensors", "the model's own tensor", Weight)
class Referring(Anchored):
    def end_stage(self, context):
        self.anchor = {n: p.detach() for n, p in context.model.backbone.learnable().items()}


@fault("strategy", "state-gives-everything-back", "`importance`", Weight)
class ForgetsImportance(Anchored):
    def __init__(self, config):
        super().__init__(config)
        self.importance = torch.nn.ParameterDict()

    def end_stage(self, context):
        super().end_stage(context)
        parameters = context.model.backbone.learnable()
        self.importance = {n: p.detach().abs() for n, p in parameters.items()}


@fault("strategy", "state-is-of-reasonable-size", "no per-step history", Weight)
class KeepsHistory(Anchored):
    def __init__(self, config):
        super().__init__(config)
        self.history = torch.zeros(0)

    def penalty(self, context, batch, features):
        self.history = torch.cat([self.history, torch.zeros(20_000)])
        return super().penalty(context, batch, features)

    def state(self):
        return {f"a/{n}": t for n, t in super().state().items()} | {"history": self.history}

    def load_state(self, state):
        self.history = state["history"]
        super().load_state({n[2:]: t for n, t in state.items() if n != "history"})


@fault("strategy", "kept-images-are-declared", "`exemplars` says 0")
class HoardsImages(Strategy):
    def loss(self, context, batch):
        if batch.images is not None:
            self.kept = batch.images.detach().clone()
        return super().loss(context, batch)


@fault("strategy", "same-seed-same-training", "without a seed")
class Dice(Strategy):
    def loss(self, context, batch):
        return super().loss(context, batch) * np.random.default_rng().uniform(0.5, 2)

    def phases(self, context):
        for phase in super().phases(context):
            weight = float(np.random.default_rng().uniform(0.5, 2))
            context.model.initial_head.weight.data.mul_(weight)
            yield phase


@fault("strategy", "another-seed-another-training", "torch.manual_seed(42)")
class AlwaysFortyTwo(Strategy):
    def phases(self, context):
        torch.manual_seed(42)
        return super().phases(context)


@fault("strategy", "stopped-run-goes-on-to-the-same-result", "a local variable")
class CountsInAClosure(Strategy):
    def phases(self, context):
        steps = itertools.count(1)
        for phase in super().phases(context):
            updates = [
                replace(u, loss=lambda b, u=u: u.loss(b) / (1.0 + next(steps)))
                for u in phase.updates
            ]
            yield replace(phase, updates=tuple(updates))
