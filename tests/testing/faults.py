"""One small wrong component for each check: kind -> check -> (component, words of the message).

Checks of all components are under the kind `component`. Files and whole plugins, which need a
folder, are in `test_faults.py`.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, Field, field_validator

from cliqa import Component, DatasetFacts
from cliqa.config import ComponentConfig, PretrainingConfig
from cliqa.data import RatedDataset
from cliqa.evaluation import Gate
from cliqa.metrics import MatrixMetric
from cliqa.pretraining import PretrainingOutcome
from cliqa.testing.material import Pairs, Scores, TinyBackbone, generated_dataset
from cliqa.training import Strategy

sys.path.insert(0, str(Path(__file__).parent))
from right import Anchored, Isolated, Job, Nearest, Weight, component, metric

sys.path.pop(0)

FAULTS: dict[str, dict[str, tuple[Component, str]]] = {}


def fault(kind, check, words, config=None, **more):
    """Decorate a factory, a class or a function of the config."""

    def note(factory):
        made = component(factory, config, **more)
        FAULTS.setdefault(kind, {})[check] = (made, words)
        return factory

    return note


# --- every component ---------------------------------------------------------------------------


class Bare(ComponentConfig):
    weight: float = 1.0


class Lenient(BaseModel):
    weight: float = Field(default=1.0, description="how strong")


class Doubling(ComponentConfig):
    weight: float = Field(default=1.0, description="doubled by mistake", validate_default=True)

    @field_validator("weight")
    @classmethod
    def _twice(cls, value):
        return 2 * value


FAULTS["component"] = {
    "is-described": (Component(name="mine", factory=Nearest), "summary"),
    "settings-are-described": (component(Anchored, Bare), "`weight` of `Bare`"),
    "settings-refuse-what-they-do-not-know": (component(Anchored, Lenient), "ComponentConfig"),
    "settings-come-back": (component(Anchored, Doubling), "other settings"),
    "is-made": (component(lambda _: None), "`return` is likely missing"),
}

# --- backbones -----------------------------------------------------------------------------------

fault("backbone", "is-a-backbone", "made a Linear")(lambda _: torch.nn.Linear(3, 3))


@fault("backbone", "declares-its-widths", "the last is 4")
class ThreeStages(TinyBackbone):
    stage_dims = {2: 6, 3: 12}  # noqa: RUF012

    def __init__(self, config):
        super().__init__()


@fault("backbone", "learnable-parameters-are-its-own", "`weights`")
class Renamed(ThreeStages):
    def learnable(self):
        return {"weights": self.conv1.weight}


@fault("backbone", "feature-width-is-real", "promises (3, 16)")
class TooNarrow(ThreeStages):
    feature_dim = 16


@fault("backbone", "stage-widths-are-real", "stage 4 is (3, 12)")
class WrongStage(ThreeStages):
    stage_dims = {3: 6, 4: 16}  # noqa: RUF012


class _Tiny(TinyBackbone):
    def __init__(self, config):
        super().__init__()


@fault("backbone", "parameter-counts-are-real", "`conv2.weight`")
class WritesBeside(_Tiny):
    def learnable(self):
        return {"conv1.weight": self.conv1.weight}

    def forward(self, images):
        features = super().forward(images)
        if self.training:
            features.register_hook(self._write)
        return features

    def _write(self, gradient):
        self.conv2.weight.data += 0.1


@fault("backbone", "gradients-reach-every-learnable-parameter", "`classifier.weight`")
class Classifier(_Tiny):
    def __init__(self, config):
        super().__init__(config)
        self.classifier = torch.nn.Linear(12, 2)


@fault("backbone", "frozen-parts-stand-still", "`norm1.running_mean`")
class MovingStream(_Tiny):
    def learnable(self):
        return {n: p for n, p in self.named_parameters() if not n.startswith("norm1")}


@fault("backbone", "images-do-not-depend-on-each-other", "depends on the images beside it")
class BatchCentred(_Tiny):
    def forward(self, images):
        features = super().forward(images)
        return features - features.mean(dim=0)


@fault("backbone", "copies-compute-the-same", "register_buffer")
class Unregistered(_Tiny):
    made = itertools.count(1)

    def __init__(self, config):
        super().__init__(config)
        self.scale = float(next(self.made))

    def forward(self, images):
        return self.scale * super().forward(images)


@fault("backbone", "parameter-sets-take-effect", "not what `forward` computes with")
class BehindItsBack(_Tiny):
    def __init__(self, config):
        super().__init__(config)
        self.weights = [self.conv1.weight]

    def forward(self, images):
        maps = torch.nn.functional.conv2d(images, self.weights[0], stride=2, padding=1)
        return torch.cat([maps.square().mean(dim=(2, 3))] * 2, dim=1)


@fault("backbone", "same-seed-same-network", "`conv1.weight`")
class Unseeded(_Tiny):
    def __init__(self, config):
        super().__init__(config)
        self.conv1.weight.data.mul_(float(np.random.default_rng().uniform(1, 2)))


# --- strategies ----------------------------------------------------------------------------------

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


@fault("strategy", "state-holds-tensors", "the model's own tensor", Weight)
class Referring(Anchored):
    def end_stage(self, context):
        self.anchor = {n: p.detach() for n, p in context.model.backbone.learnable().items()}


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


# --- objectives ----------------------------------------------------------------------------------


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


# --- gates ---------------------------------------------------------------------------------------

fault("gate", "is-a-gate", "made a dict")(lambda _: {})


@fault("gate", "rows-sum-to-one", "sum to 3")
class Ones(Nearest):
    def weights(self, query):
        return np.ones((query.count, query.heads), dtype=np.float32)


@fault("gate", "one-head-gets-all-weight", "with one head")
class Reserved(Nearest):
    def weights(self, query):
        return 0.5 * super().weights(query)


@fault("gate", "one-head-is-one-head", "`one_head` is True")
class Soft(Nearest):
    def weights(self, query):
        return np.full((query.count, query.heads), 1 / query.heads, dtype=np.float32)


@fault("gate", "task-id-is-not-used", "uses_task_id")
class Peeks(Nearest):
    def weights(self, query):
        weights = super().weights(query)
        if query.oracle_heads:
            weights[:] = np.eye(query.heads)[query.oracle_heads[-1]]
        return weights


@fault("gate", "images-do-not-depend-on-each-other", "images beside it")
class Centred(Nearest):
    def weights(self, query):
        means = query.features[4].mean(axis=0)
        return super().weights(replace(query, features={4: query.features[4] - means + 1}))


@fault("gate", "few-images-are-enough", "it raised ValueError")
class NeedsMany(Nearest):
    def fit(self, task, features, seed):
        if len(features[4]) < 8:
            raise ValueError("n_samples=2 should be >= n_clusters=8")
        super().fit(task, features, seed)


@fault("gate", "features-are-left-alone", "in-place")
class Normalises(Nearest):
    def fit(self, task, features, seed):
        features[4] /= 2
        super().fit(task, features, seed)


@fault("gate", "state-gives-everything-back", "into `state`")
class Stateless(Nearest):
    def state(self):
        return {}


@fault("gate", "same-seed-same-weights", "`seed`")
class Random(Gate):
    def weights(self, query):
        weights = np.random.default_rng().uniform(0.1, 1, (query.count, query.heads))
        return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


# --- datasets ------------------------------------------------------------------------------------


def changed(**columns):
    """A factory of the generated set with other cells: column -> function of the list."""

    def make(_):
        dataset = generated_dataset("mine")
        cells = dataset.table.to_dict()
        for name, change in columns.items():
            cells[name] = change(cells[name])
        table = type(dataset.table).from_dict(cells, features=dataset.table.features)
        return RatedDataset(name="mine", table=table, quality_range=dataset.quality_range)

    return make


def _alternating(column):
    return ["train" if n % 2 else "test" for n, _ in enumerate(column)]


fault("dataset", "is-a-rated-dataset", "made a Dataset")(lambda _: generated_dataset("mine").table)
fault("dataset", "table-keeps-the-contract", "outside [0.0, 10.0]")(
    changed(quality=lambda column: [11.0, *column[1:]])
)
fault("dataset", "images-can-be-read", "mine/000.png")(
    changed(image=lambda column: [{"bytes": b"no picture", "path": None}, *column[1:]])
)
fault("dataset", "ids-are-independent-of-the-machine", "a path of this machine")(
    changed(sample_id=lambda column: [f"/home/me/{name}" for name in column])
)
fault("dataset", "direction-is-as-declared", "DMOS", facts=DatasetFacts(lower_is_better=True))(
    changed()
)
fault("dataset", "splits-part-no-reference", "division official")(
    changed(official_split=_alternating)
)

# --- metrics -------------------------------------------------------------------------------------

FAULTS["metric"] = {
    "has-the-metrics-form": (component(lambda _: np.mean), "MatrixMetric"),
    "name-is-its-own": (
        component(lambda _: MatrixMetric(name="other", function=lambda r: 0.0)),
        "announced as `mine`",
    ),
    "gives-numbers-within-its-bounds": (
        metric(lambda r: 10 * float(np.mean(r.S[-1]))),
        "outside its bounds",
    ),
    "is-undefined-instead-of-wrong": (
        metric(lambda r: float(np.nan_to_num(r.S[-1]).mean())),
        "0 would",
    ),
    "agrees-with-scipy": (
        metric(
            lambda r: (
                float(
                    np.corrcoef(
                        np.argsort(np.argsort(r.predictions[0, 0])),
                        np.argsort(np.argsort(r.qualities[0])),
                    )[0, 1]
                )
                if r.predictions
                else float("nan")
            )
        ),
        "scipy.stats.rankdata",
    ),
    "better-runs-are-not-worse": (
        metric(lambda r: float(np.mean(r.S[-1])), higher_is_better=False),
        "turn the sign",
    ),
    "record-is-left-alone": (
        metric(lambda r: float(r.S.__imul__(0.5).mean())),
        "work on a copy",
    ),
}

# --- pretraining jobs ----------------------------------------------------------------------------

fault("pretraining", "is-a-job", "made a Nearest")(Nearest)


@fault("pretraining", "refuses-in-words", "CliqaError", PretrainingConfig)
class JobRefusesRudely(Job):
    def check(self, backbone):
        raise ValueError("no layers")


@fault("pretraining", "gives-tensors-of-the-backbone", "does not fit", PretrainingConfig)
class JobPrefixes(Job):
    def run(self, context):
        found = super().run(context)
        tensors = {f"backbone.{name}": tensor for name, tensor in found.tensors.items()}
        return PretrainingOutcome(tensors=tensors, record={})


@fault("pretraining", "record-is-plain-and-the-same", "leave out times", PretrainingConfig)
class JobTellsTheTime(Job):
    ticks = itertools.count()

    def run(self, context):
        return replace(super().run(context), record={"seconds": next(self.ticks)})
