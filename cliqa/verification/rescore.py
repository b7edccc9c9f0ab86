"""Scoring a random sample of test images again from the weights that a bundle ships."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from safetensors.numpy import load as load_arrays
from safetensors.torch import load as load_tensors

from cliqa.errors import CliqaError
from cliqa.evaluation import (
    GatePlan,
    GateQuery,
    Normalization,
    StageFeatures,
    find_normalization,
)
from cliqa.evaluation.evaluator import MainHead, OnlyHead
from cliqa.inference import ReferenceScorer
from cliqa.model import Compute, build_backbone, rest_digest
from cliqa.results.layout import HEADS, PREDICTIONS, RUN
from cliqa.seeds import named_rng
from cliqa.serving.rebuild import gate_states, new_model, test_shrink
from cliqa.verification.components import made, strategy_of
from cliqa.verification.contents import GATES, MODEL
from cliqa.verification.files import UnreadableError
from cliqa.verification.parts import harmless
from cliqa.verification.record import MAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cliqa.data import Task
    from cliqa.model import Backbone, QualityModel
    from cliqa.registry import Registry
    from cliqa.training import Objective
    from cliqa.verification.contents import Contents
    from cliqa.verification.parts import Parts
    from cliqa.verification.record import NormalizationRecord
    from cliqa.verification.scores import Grid
    from cliqa.verification.verdict import Faults

__all__ = ["CannotRescoreError", "rescore"]

#: Largest difference between two ways of scoring, as a part of the range of scores: what the ways
#: of `evaluate.scorer` may differ by, and ten times that for another machine; bf16 has 8 bits.
_TOLERANCE: Final = {"float32": 1e-3, "bf16": 3e-2}


class CannotRescoreError(Exception):
    """The bundle cannot be scored here; the text says why. Not a fault of the bundle."""


def rescore(
    contents: Contents,
    parts: Parts,
    registry: Registry,
    tasks: Mapping[str, Task],
    grids: tuple[Grid, Grid],
    count: int,
    seed: int | None,
    faults: Faults,
) -> tuple[int, str]:
    """Score images of the last step again, by every head and gate.

    Args:
        contents: the bundle.
        parts: its configuration.
        registry: where normalization that a gate names is looked up.
        tasks: our own test sets.
        grids: its scores by head and by gate.
        count: images in all.
        seed: of the sample; None: drawn anew.
        faults: gets what differs.

    Returns:
        How many images were scored, and a sentence about it.

    Raises:
        CannotRescoreError: something it takes is not here; what is here was compared all the same.
    """
    drawn = secrets.randbits(31) if seed is None else seed  # unknown to whoever made the bundle
    model, backbone = _model(contents, parts, faults)
    scoring = contents.record.scoring.precision
    compute = Compute(
        device=torch.device("cpu"),
        precision=scoring,
        shrink=test_shrink(parts.run.evaluate.shrink, parts.run.train.shrink),
        crop=parts.run.evaluate.crop,
    )
    gates, normalizations, skipped = _gates(contents, parts, registry, backbone)
    features = StageFeatures(backbone, compute, [plan.gate for plan in gates], normalizations)
    done = 0
    for task, rows in _sample(contents, tasks, count, drawn):
        done += len(rows)
        _compare(contents, model, tasks[task], rows, grids, gates, features, compute, faults)
    if skipped and not faults:
        raise CannotRescoreError(f"code or weights of the gate {skipped[0]} are not here")
    text = f"{done} images of the last step were scored again from the weights"
    return done, f"{text} (sample seed {drawn})"


def _model(contents: Contents, parts: Parts, faults: Faults) -> tuple[QualityModel, Backbone]:
    named = parts.known["backbone"][0]
    objective = made(parts.known["objective"][0])
    head_tasks = contents.head_tasks
    if MODEL not in contents.tensors or head_tasks is None:
        raise CannotRescoreError("the bundle ships no weights")
    if named is None or objective is None:
        raise CannotRescoreError("no plugin here offers its backbone or objective")
    if not harmless(named):
        raise CannotRescoreError("the backbone's weights are a file of the submitter's")
    try:
        backbone = build_backbone(named, torch.device("cpu"), contents.record.seed)
    except CliqaError as error:
        raise CannotRescoreError(str(error).splitlines()[0]) from None
    if rest_digest(backbone, {}) != contents.record.backbone_sha256:
        faults.add(RUN, "backbone_sha256", "the backbone made here starts from other weights")
    extra = contents.record.extra_data
    if extra is not None and extra != list(backbone.extra_data):
        own = f"the backbone made here has {list(backbone.extra_data)}"
        faults.add(RUN, "extra_data", f"{extra}, but {own}")
    frozen = build_backbone(named, torch.device("cpu"), contents.record.seed)
    model, has_code = _untrained(contents, parts, backbone, objective)
    _load(contents, model, head_tasks, faults, has_code=has_code)
    model.eval().requires_grad_(False)
    counted = sum(p.numel() for p in model.backbone.parameters())
    if counted != contents.record.parameters.backbone:
        told = contents.record.parameters.backbone
        faults.add(RUN, "parameters.backbone", f"{told}, but the network has {counted}")
    return model, frozen.eval()


def _load(
    contents: Contents,
    model: QualityModel,
    head_tasks: list[list[str]],
    faults: Faults,
    *,
    has_code: bool,
) -> None:
    """Make the model the one that the bundle ships.

    Args:
        contents: the bundle.
        model: the pre-trained one, with what its method adds.
        head_tasks: the tasks of each head.
        faults: gets what is wrong with the weights.
        has_code: whether the method is here, and so the network what it was.
    """
    try:
        tensors = load_tensors(contents.files.read(MODEL))
        if not all(
            bool(torch.isfinite(t).all()) for t in tensors.values() if t.is_floating_point()
        ):
            faults.add(MODEL, "", "holds a number that is not finite")
        model.load_tensors(tensors, head_tasks)
    except (UnreadableError, KeyError, RuntimeError, ValueError) as error:
        if not has_code:
            raise CannotRescoreError(
                "its weights do not fit, and the code of its method, which may have added to the "
                "network, is not here"
            ) from None
        faults.add(MODEL, "", f"does not fit the model: {str(error).splitlines()[0]}")
        raise CannotRescoreError("its weights do not fit") from None


def _untrained(
    contents: Contents, parts: Parts, backbone: Backbone, objective: Objective
) -> tuple[QualityModel, bool]:
    """The model with what its method adds to the network, and whether the method is here."""
    strategy = made(strategy_of(contents, parts))
    try:
        return new_model(backbone, objective, contents.record.seed, strategy), strategy is not None
    except Exception as error:  # a plugin's own code
        raise CannotRescoreError(f"its method cannot start: {error}") from None


def _gates(
    contents: Contents, parts: Parts, registry: Registry, backbone: Backbone
) -> tuple[list[GatePlan], dict[str, Normalization], list[str]]:
    """Gates with what they have learned, what they look through, and those that cannot be had."""
    record = contents.record
    if not record.multi_head:
        return [GatePlan("newest", OnlyHead())], {}, []
    states: dict[str, dict[str, np.ndarray]] = {}
    if GATES in contents.tensors:
        states = gate_states(load_arrays(contents.files.read(GATES)))
    found = [GatePlan(MAIN, MainHead())] if record.main_head else []
    normalizations: dict[str, Normalization] = {}
    skipped = []
    for label, resolved in parts.by_label("gates").items():
        gate = made(resolved)
        try:
            if gate is None:
                raise CannotRescoreError("its code is not here")
            if gate.normalization is not None:
                told = record.gates[label].normalization
                own = _normalization(gate.normalization, told, registry, backbone)
                normalizations[gate.normalization] = own
            gate.load_state(states.get(label, {}))
        except Exception:  # a gate's own idea of its state, weights that are not here
            skipped.append(label)
            continue
        found.append(GatePlan(label, gate))
    return found, normalizations, skipped


def _normalization(
    name: str, told: NormalizationRecord | None, registry: Registry, backbone: Backbone
) -> Normalization:
    """Registered weights of that name, if they are those of the run.

    `made` has seen to it that the name is no path.
    """
    found = find_normalization(name, registry, backbone)
    if told is None or found.sha256 != told.sha256:
        raise CannotRescoreError("the weights of that name are others here")
    return found


def _sample(
    contents: Contents, tasks: Mapping[str, Task], count: int, seed: int
) -> list[tuple[str, list[int]]]:
    """Test set -> positions among its test images, drawn from all sets alike."""
    every = [
        (name, place)
        for name in contents.record.sets
        for place in range(len(tasks[name].split.test))
    ]
    rng = named_rng(seed, "rescore")
    chosen = rng.permutation(len(every))[: min(count, len(every))]
    found: dict[str, list[int]] = {}
    for number in sorted(chosen.tolist()):
        name, place = every[number]
        found.setdefault(name, []).append(place)
    return list(found.items())


def _compare(
    contents: Contents,
    model: QualityModel,
    task: Task,
    places: list[int],
    grids: tuple[Grid, Grid],
    gates: list[GatePlan],
    features: StageFeatures,
    compute: Compute,
    faults: Faults,
) -> None:
    step = contents.record.stages[-1].step
    order = {i: n for n, i in enumerate(contents.splits[task.name]["test"])}
    rows = [task.split.test[p] for p in places]
    stored_at = [order[task.sample_ids[row]] for row in rows]
    heads = range(len(model.heads))
    scorer = ReferenceScorer(model)
    own = compute.over_images(task.images, rows, model.backbone, lambda x: scorer.scores(x, heads))
    fresh = own.numpy()
    stored = grids[0].cells[step, task.name]
    tolerance = _TOLERANCE[compute.precision]
    _differ(HEADS, f"step {step}, {task.name}", fresh, stored, stored_at, tolerance, faults)
    aside = 1 if contents.record.main_head else 0
    for plan in gates:
        told = grids[1].cells.get((plan.label, step, task.name))
        if told is None:
            continue
        beside = 0 if isinstance(plan.gate, MainHead) else aside
        tasks_of = model.head_tasks[beside:]
        query = GateQuery(
            count=len(rows),
            heads=len(model.heads) - beside,
            features=_look(plan, features, compute, task, rows, model),
            oracle_heads=tuple(h for h, names in enumerate(tasks_of) if task.name in names)
            if plan.gate.uses_task_id
            else (),
        )
        weights = plan.gate.weights(query)
        if weights is None:
            continue
        scores = (np.pad(weights, ((0, 0), (beside, 0))).astype(np.float64) * fresh).sum(axis=1)
        where = f"gate {plan.label}, step {step}, {task.name}"
        _differ(PREDICTIONS, where, scores, told, stored_at, tolerance, faults)


def _look(
    plan: GatePlan,
    features: StageFeatures,
    compute: Compute,
    task: Task,
    rows: list[int],
    model: QualityModel,
) -> dict[int, np.ndarray]:
    stages = plan.gate.stages
    if not stages:
        return {}

    def side_by_side(images: torch.Tensor) -> torch.Tensor:
        found = features.look(plan.gate, images)
        return torch.from_numpy(np.concatenate([found[stage] for stage in stages], axis=1))

    together = compute.over_images(task.images, rows, model.backbone, side_by_side).numpy()
    ends = np.cumsum([model.backbone.stage_dims[stage] for stage in stages])[:-1]
    return dict(zip(stages, np.split(together, ends, axis=1), strict=True))


def _differ(
    file: str,
    where: str,
    fresh: np.ndarray,
    stored: np.ndarray,
    places: list[int],
    tolerance: float,
    faults: Faults,
) -> None:
    """Note scores that are further from the stored ones than arithmetic explains."""
    size = max(float(np.ptp(stored)), 1e-3 * float(np.abs(stored).max()), 1e-12)
    gap = np.abs(fresh - stored[places]).reshape(len(places), -1).max(axis=1)
    far = ~(gap <= tolerance * size)  # NaN is far
    if far.any():
        faults.add(
            file,
            where,
            f"{int(far.sum())} of {len(places)} images that were scored again from the weights "
            f"differ, by up to {float(np.nanmax(gap)):.3g}",
        )
