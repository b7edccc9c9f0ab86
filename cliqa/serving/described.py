"""All that it takes to score: a description of plain values, and tensors.

A run and a model's folder both become this, so one code rebuilds both.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch

from cliqa.errors import CapabilityError, CliqaError
from cliqa.evaluation import GatedModel, GatePlan, Normalization, StageFeatures
from cliqa.evaluation.evaluator import MAIN, MainHead, OnlyHead
from cliqa.inference import make_scorer
from cliqa.model import build_backbone
from cliqa.serving.components import find_component, without_weights
from cliqa.serving.rebuild import rebuild_model

if TYPE_CHECKING:
    import numpy as np

    from cliqa.evaluation import Gate
    from cliqa.model import Backbone, Compute, QualityModel, Tensors
    from cliqa.registry import Registry
    from cliqa.training import Strategy

__all__ = ["FORMAT", "LOOK", "Described", "Rebuilt", "gate_tensors", "rebuild"]

#: Version of the description; raised when an older reader would misread it.
FORMAT: Final = 1
#: What tensors of the gate begin with: what it has fitted, and those of the network it looks
#: through that the model's own backbone does not hold as they are.
_FITTED: Final = "gate/"
LOOK: Final = "look/"
#: Characters of a message of torch's, which may name every tensor of a network.
_LONGEST: Final = 200


@dataclass(frozen=True, eq=False)
class Described:
    """A model that can be rebuilt.

    Attributes:
        about: `config.json` of a model's folder.
        tensors: `model.safetensors` of it, on the CPU.
        where: the folder, for messages.
    """

    about: dict[str, Any]
    tensors: Tensors
    where: str

    def digest(self, view: dict[str, Any]) -> str:
        """SHA-256 of all that its scores depend on, wherever it was loaded from.

        Args:
            view: at which size and in which arithmetic it scores.
        """
        gate = self.about["gate"]
        parts = [self.about["backbone"], self.about["objective"], gate["component"]]
        settings = [
            None if p is None else {k: v for k, v in p.items() if k not in {"plugin", "as"}}
            for p in parts
        ]
        total = hashlib.sha256(
            json.dumps([settings, gate.get("head"), view], sort_keys=True).encode()
        )
        for name in sorted(self.tensors):
            tensor = self.tensors[name].contiguous()
            total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
        return total.hexdigest()


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """A model with its gate, where it is to run.

    Attributes:
        model: the model.
        plan: the gate.
        aside: heads, from the first, that the gate does not weight.
        look: the network that the gate looks through; the model's own where it looks at nothing.
    """

    model: QualityModel
    plan: GatePlan
    aside: int
    look: Backbone

    def gated(self, compute: Compute) -> GatedModel:
        """The model as it answers."""
        gate, word = self.plan.gate, self.plan.gate.normalization
        # The network holds that normalization already: it is part of the model's tensors.
        known = {} if word is None else {word: Normalization(word, {}, word, {})}
        features = StageFeatures(self.look, compute, [gate], known)
        scorer = make_scorer("auto", self.model, compute.memory)
        return GatedModel(scorer, self.plan, features, compute, aside=self.aside)


def rebuild(described: Described, registry: Registry, device: torch.device) -> Rebuilt:
    """Make the model.

    Raises:
        UnknownComponentError: a component is not here; says which package it comes from.
        CliqaError: the tensors do not fit, or are no numbers.
    """
    about, where = described.about, described.where
    cpu = torch.device("cpu")
    named = find_component(
        "backbone", about["backbone"], registry, [about["backbone"].get("plugin")], where
    )
    named = without_weights(named)
    objective = find_component(
        "objective", about["objective"], registry, [about["objective"].get("plugin")], where
    ).create()
    own = {n: t for n, t in described.tensors.items() if not n.startswith((_FITTED, LOOK))}
    _check_finite(described)
    strategy = _strategy(described, registry)
    try:
        backbone = build_backbone(named, cpu, 0)
        model = rebuild_model(backbone, objective, 0, own, about["heads"], strategy)
    except (KeyError, RuntimeError, ValueError) as error:
        if isinstance(error, CliqaError):
            raise
        raise CliqaError(
            f"{where}: its tensors do not fit its backbone `{named.name}` and its heads: "
            f"{_said(error)}"
        ) from None
    plan = GatePlan(about["gate"]["label"], _gate(described, registry))
    look = _look(described, named, model.backbone, plan.gate)
    placed: QualityModel = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    aside = 1 if about["main_head"] and about["gate"].get("head") != MAIN else 0
    look = look.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Rebuilt(placed, plan, aside, look)


def _said(error: Exception) -> str:
    """One line of torch's several: behind its title, the first fault with a name or two."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[1] if len(lines) > 1 else (lines or [type(error).__name__])[0]
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."


def _strategy(described: Described, registry: Registry) -> Strategy | None:
    """The method, where it added tensors to the network that the backbone does not have."""
    told = described.about.get("strategy")
    if told is None:
        return None
    found = find_component("strategy", told, registry, [told.get("plugin")], described.where)
    strategy: Strategy = found.create()
    return strategy


def _check_finite(described: Described) -> None:
    for name, tensor in described.tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise CliqaError(
                f"{described.where}: its tensor `{name}` holds numbers that are not finite: the "
                "training diverged, or the file is damaged"
            )


def _gate(described: Described, registry: Registry) -> Gate:
    told = described.about["gate"]
    if told["component"] is None:
        return MainHead() if told["head"] == MAIN else OnlyHead()
    written = told["component"]
    resolved = find_component("gate", written, registry, [written.get("plugin")], described.where)
    gate: Gate = resolved.create()
    if gate.uses_task_id:
        raise CapabilityError(
            f"{described.where}: gate `{told['label']}` is told which task an image is from, so it "
            "cannot score new images"
        )
    try:
        gate.load_state(gate_tensors(described))
    except Exception as error:  # a gate's own idea of its state
        raise CliqaError(
            f"{described.where}: gate `{told['label']}` does not take what it had fitted: "
            f"{type(error).__name__}: {error}"
        ) from None
    return gate


def gate_tensors(described: Described) -> dict[str, np.ndarray]:
    """What the gate has fitted, by its own names."""
    return {
        name.removeprefix(_FITTED): tensor.numpy()
        for name, tensor in described.tensors.items()
        if name.startswith(_FITTED)
    }


def _look(described: Described, named: Any, backbone: Backbone, gate: Gate) -> Backbone:
    """The network that the gate looks through: the backbone but for tensors of its own."""
    own = {n.removeprefix(LOOK): t for n, t in described.tensors.items() if n.startswith(LOOK)}
    missing = [stage for stage in gate.stages if stage not in backbone.stage_dims]
    if missing:
        raise CapabilityError(f"{described.where}: its backbone has no stage {missing[0]}")
    if not gate.stages or not own:
        return backbone
    look = build_backbone(named, torch.device("cpu"), 0).eval().requires_grad_(False)
    try:
        look.load_state_dict({**backbone.state_dict(), **own})
    except RuntimeError as error:
        raise CliqaError(
            f"{described.where}: the tensors of the gate's network do not fit: {_said(error)}"
        ) from None
    return look
