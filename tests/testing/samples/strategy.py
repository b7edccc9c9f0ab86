"""Strategies that are wrong in what they train."""

from __future__ import annotations

from dataclasses import replace

import torch
from cliqa_samples import fault
from cliqa_samples.right import Anchored, Isolated, Nearest, Weight

from cliqa.training import Strategy

fault("strategy", "is-a-strategy", "made a Nearest")(Nearest)


@fault("strategy", "takes-an-objective", "CapabilityError")
class RefusesRudely(Strategy):
    def check(self, backbone, objective):
        raise ValueError("no")


@fault("strategy", "begins-with-a-head", "`begin_stage` returned None")
class ForgetsToReturn(Strategy):
    def begin_stage(self, model, tasks):
        model.add_head(tasks)


@fault("strategy", "trainable-names-exist", "`norm1.running_mean`")
class TrainsStatistics(Strategy):
    def trainable(self, backbone):
        return [n for n in backbone.state_dict() if n.startswith("norm1")]


@fault("strategy", "gives-phases", "`phases` gave nothing")
class GivesNothing(Strategy):
    def phases(self, context):
        return []


@fault("strategy", "learns-a-stream", "it raised KeyError: 'two'")
class StumblesLater(Strategy):
    def end_stage(self, context):
        {"one": 1}[context.tasks[0].name]


@fault("strategy", "gradients-reach-what-is-trained", "stage 1, phase `joint`")
class Detached(Strategy):
    def loss(self, context, batch):
        features = context.forward(batch).detach()
        return context.objective.loss(context.model.score(context.head, features), batch)


@fault("strategy", "every-head-is-trained", "head 1, added in stage 2")
class TrainsTheFirstHead(Strategy):
    def begin_stage(self, model, tasks):
        model.add_head(tasks)
        return 0


@fault("strategy", "frozen-statistics-stand-still", "training mode")
class TrainsMode(Strategy):
    def phases(self, context):
        for phase in super().phases(context):
            yield replace(phase, norm_statistics="frozen")

    def loss(self, context, batch):
        context.model.train()
        return super().loss(context, batch)


@fault("strategy", "statistics-move-only-in-phases", "outside the phases")
class MeasuresInTrainingMode(Strategy):
    def end_stage(self, context):
        context.model.train()
        context.model.backbone(torch.rand(4, 3, 24, 24))
        context.model.eval()


@fault("strategy", "isolated-tasks-stay-as-they-were", "`own` does not name everything")
class OwnsTooLittle(Isolated):
    def trainable(self, backbone):
        return list(backbone.learnable())


@fault("strategy", "isolated-tasks-ignore-their-order", "does not start from the pre-trained")
class GoesOn(Isolated):
    def begin_stage(self, model, tasks):
        return Strategy.begin_stage(self, model, tasks)

    def end_stage(self, context):
        context.model.keep_for(context.head, list(context.model.backbone.state_dict()))


@fault("strategy", "penalty-is-finite-and-not-negative", "a reward", Weight)
class Rewarding(Anchored):
    def penalty(self, context, batch, features):
        penalty = super().penalty(context, batch, features)
        return None if penalty is None else -penalty


@fault("strategy", "penalty-is-zero-at-its-anchor", "stored too early", Weight)
class TooEarly(Anchored):
    def phases(self, context):
        super().end_stage(context)
        self.early = dict(self.anchor)
        self.anchor = getattr(self, "before", {})
        yield from super().phases(context)
        self.before = self.early

    def end_stage(self, context):
        pass


@fault("strategy", "penalty-acts-in-the-second-stage", "0 throughout", Weight)
class MovesAlong(Anchored):
    def penalty(self, context, batch, features):
        if not self.anchor:
            return None
        Anchored.end_stage(self, context)
        return super().penalty(context, batch, features)
