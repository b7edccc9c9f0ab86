"""Predictions of every head and gate on every test set, after every step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cliqa.errors import PluginError
from cliqa.evaluation.gate import Gate, GateQuery, constant_weights
from cliqa.inference import Scorer, make_scorer
from cliqa.seeds import named_seed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cliqa.data import Task
    from cliqa.evaluation.features import StageFeatures
    from cliqa.evaluation.gate import GraphGate
    from cliqa.model import Compute, QualityModel


#: Label of the head that a model answers with by itself.
MAIN: Final = "main"


@dataclass(frozen=True)
class GatePlan:
    """A gate under the label that tables show."""

    label: str
    gate: Gate


@dataclass(frozen=True)
class TaskPredictions:
    """Test predictions of one step on one task.

    Attributes:
        step: from 1.
        task: the task's name.
        sample_ids: N test images.
        head_scores: float32 (N, H).
        weights: gate label -> float32 (N, H), rows sum to 1.
        scores: gate label -> float32 (N,), the weighted sum of head scores.
    """

    step: int
    task: str
    sample_ids: tuple[str, ...]
    head_scores: np.ndarray
    weights: dict[str, np.ndarray] = field(default_factory=dict)
    scores: dict[str, np.ndarray] = field(default_factory=dict)


class OnlyHead(Gate):
    """The gate of a model that has one head and so nothing to weight."""

    one_head = True

    def weights(self, query: GateQuery) -> np.ndarray:
        """All weight on it."""
        return np.ones((query.count, query.heads), dtype=np.float32)

    def as_graph(self, heads: int) -> GraphGate:
        """See `Gate.as_graph`."""
        return constant_weights([1.0] * heads)


class MainHead(Gate):
    """The head that a model answers with by itself, beside others that gates weight."""

    one_head = True

    def weights(self, query: GateQuery) -> np.ndarray:
        """All weight on the first head."""
        weights = np.zeros((query.count, query.heads), dtype=np.float32)
        weights[:, 0] = 1.0
        return weights

    def as_graph(self, heads: int) -> GraphGate:
        """See `Gate.as_graph`."""
        return constant_weights([1.0] + [0.0] * (heads - 1))


class Evaluator:
    """Evaluates one method's model with all gates.

    A head's predictions are computed again only when something they depend on has changed: a
    head whose network no later task touches is run once over each test set, not once a step.

    Args:
        compute: device, arithmetic, test view.
        gates: the gates, fitted here.
        features: stage features for the gates that look at images.
        seed: the run's seed.
        main_head: True: the first head is the model's own answer and no gate's to weight.
        scorer: how heads are run, a key of `cliqa.inference.SCORERS` or `auto`.
    """

    def __init__(
        self,
        compute: Compute,
        gates: Sequence[GatePlan],
        features: StageFeatures,
        seed: int,
        *,
        main_head: bool = False,
        scorer: str = "auto",
    ) -> None:
        self._compute, self._gates, self._features, self._seed = compute, gates, features, seed
        self._aside = 1 if main_head else 0
        self._scorer_name = scorer
        self._scorer: Scorer | None = None
        self._recorded: dict[str, Any] = {}  # of an attempt that this one goes on from
        self._known: dict[tuple[str, str], np.ndarray] = {}
        self.forwards = 0

    def fit_new_heads(self, model: QualityModel, known: int, tasks: Sequence[Task]) -> None:
        """Fit every gate to each head that a stage has added.

        Args:
            model: the model after the stage.
            known: how many heads there were before it.
            tasks: the stage's tasks.
        """
        for head in range(max(known, self._aside), len(model.heads)):
            self.fit_gates([task for task in tasks if task.name in model.head_tasks[head]])

    def fit_gates(self, tasks: Sequence[Task]) -> None:
        """Fit every gate to the training images of a new head's tasks."""
        name = "+".join(task.name for task in tasks)
        for plan in self._gates:
            stages = plan.gate.stages
            parts = [self._features.of(task, "train", plan.gate) for task in tasks]
            together = {s: np.concatenate([p[s] for p in parts]) for s in stages}
            plan.gate.fit(name, together, named_seed(self._seed, "gate", name))

    def evaluate(
        self, model: QualityModel, step: int, tasks: Sequence[Task]
    ) -> list[TaskPredictions]:
        """Score the test images of the tasks with every head and gate."""
        model.eval()
        digests = model.head_digests()
        found = []
        for task in tasks:
            rows = task.split.test
            heads = self._head_scores(model, digests, task)
            predictions = TaskPredictions(
                step, task.name, tuple(task.sample_ids[row] for row in rows), heads
            )
            for plan in self._gates:
                weights = self._weights(plan, model, task)
                if weights is not None:
                    predictions.weights[plan.label] = weights
                    predictions.scores[plan.label] = weighted(heads, weights)
            found.append(predictions)
        self._scorer_of(model).forget()  # what comes next is training
        return found

    def record(self) -> dict[str, Any]:
        """How heads were run, for the result."""
        how = self._recorded if self._scorer is None else self._scorer.record()
        return {"precision": self._compute.precision, **how}

    def _scorer_of(self, model: QualityModel) -> Scorer:
        if self._scorer is None or self._scorer.model is not model:
            self._scorer = make_scorer(self._scorer_name, model, self._compute.memory)
        return self._scorer

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Known predictions and fitted gates, as plain values and arrays."""
        known = [list(key) for key in self._known]
        arrays = {f"known/{n}": scores for n, scores in enumerate(self._known.values())}
        for plan in self._gates:
            arrays |= {f"gate/{plan.label}/{n}": a for n, a in plan.gate.state().items()}
        notes = {plan.label: list(plan.gate.notes) for plan in self._gates}
        values = {"known": known, "forwards": self.forwards, "notes": notes}
        return values | {"scoring": self.record()}, arrays

    def load_state(self, values: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Restore what `state` returned."""
        self.forwards, self._recorded = values["forwards"], values["scoring"]
        self._known = {
            (digest, task): arrays[f"known/{n}"] for n, (digest, task) in enumerate(values["known"])
        }
        for plan in self._gates:
            part = f"gate/{plan.label}/"
            own = {n.removeprefix(part): a for n, a in arrays.items() if n.startswith(part)}
            plan.gate.load_state(own)
            plan.gate.notes = list(values["notes"][plan.label])

    def _head_scores(self, model: QualityModel, digests: Sequence[str], task: Task) -> np.ndarray:
        stale = [h for h, digest in enumerate(digests) if (digest, task.name) not in self._known]
        if stale:
            scorer = self._scorer_of(model)
            self.forwards += len(task.split.test) * len(stale)
            fresh = self._compute.over_images(
                task.images,
                task.split.test,
                model.backbone,
                lambda images: scorer.scores(images, stale),
            ).numpy()
            for column, head in enumerate(stale):
                self._known[digests[head], task.name] = fresh[:, column]
        return np.stack([self._known[digest, task.name] for digest in digests], axis=1)

    def _weights(self, plan: GatePlan, model: QualityModel, task: Task) -> np.ndarray | None:
        """What a gate says of a task's test images, over all heads; None: it cannot say yet."""
        aside = 0 if isinstance(plan.gate, MainHead) else self._aside
        query = self._query(plan.gate, model, task, aside)
        weights = plan.gate.weights(query) if query.heads else None
        if weights is not None:
            check_weights(plan.label, weights, query)
            weights = np.pad(weights, ((0, 0), (aside, 0)))
        return weights

    def _query(self, gate: Gate, model: QualityModel, task: Task, aside: int) -> GateQuery:
        own = [h for h, tasks in enumerate(model.head_tasks[aside:]) if task.name in tasks]
        return GateQuery(
            count=len(task.split.test),
            heads=len(model.heads) - aside,
            features=self._features.of(task, "test", gate),
            oracle_heads=tuple(own) if gate.uses_task_id else (),
        )


def check_weights(gate: str, weights: np.ndarray, query: GateQuery) -> None:
    """Refuse what is no weighting of the heads, by the gate's label."""
    expected = (query.count, query.heads)
    if weights.shape != expected:
        raise PluginError(
            f"gate `{gate}` gave weights of shape {weights.shape}, expected {expected}: images x "
            "heads"
        )
    sums = weights.sum(axis=1, dtype=np.float64)
    if not np.all(np.abs(sums - 1) < 1e-4):  # nan fails too
        raise PluginError(
            f"gate `{gate}` gave weights that sum to {sums[np.argmax(np.abs(sums - 1))]:.4g} for "
            "an image; the weights of the heads must sum to 1 for every image"
        )


def weighted(head_scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum over heads of weight x score (TSN-IQA, Eq. 10): (N, H), (N, H) -> float32 (N,)."""
    return np.einsum("nh,nh->n", head_scores, weights, dtype=np.float64).astype(np.float32)
