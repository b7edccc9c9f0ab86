"""What a method costs, measured by the runner and not declared by the method."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, fields, is_dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import nn

from cliqa.data import ImageReader, RatedDataset, Task
from cliqa.model import count_macs
from cliqa.stages.entry import StageCost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cliqa.evaluation import Gate, StageFeatures
    from cliqa.model import Backbone, QualityModel
    from cliqa.run.prepare import Method

#: Side in pixels of the image that operations are counted for, as papers do.
SIDE: Final = 224
#: Never entered: the data is there for every method; which images one keeps is counted apart.
_DATA = (Task, RatedDataset, ImageReader)
_SUMS: Final = (
    "train_seconds",
    "train_cpu_seconds",
    "evaluate_seconds",
    "peak_held_bytes",
    "held_bytes",
    "stage_peak_bytes",
)


@dataclass
class CostMeter:
    """Adds up what one method costs over its stages.

    Attributes:
        train_seconds: wall time of training, importance estimates included.
        train_cpu_seconds: processor time of the same, over all threads; other processes on the
            machine lengthen the wall time but not this.
        evaluate_seconds: wall time of fitting gates and scoring test images.
        peak_held_bytes: most bytes that the method held beside the model at the end of a phase or
            stage: old networks, importances, anchors, snapshots.
        held_bytes: the same after the last stage.
        stage_peak_bytes: the most since the stage in progress began.
    """

    train_seconds: float = 0.0
    train_cpu_seconds: float = 0.0
    evaluate_seconds: float = 0.0
    peak_held_bytes: int = 0
    held_bytes: int = 0
    stage_peak_bytes: int = 0
    _wall: float = field(default=0.0, repr=False)
    _cpu: float = field(default=0.0, repr=False)

    def begin_stage(self) -> None:
        """Nothing is held yet by the stage that begins."""
        self.stage_peak_bytes = 0

    def stage_cost(self, begun: Mapping[str, float], images: int) -> StageCost:
        """What a stage has cost that has just been trained.

        Args:
            begun: `state` when it began.
            images: that it was trained on.
        """
        return StageCost(
            self.train_seconds - begun["train_seconds"],
            self.train_cpu_seconds - begun["train_cpu_seconds"],
            images,
            self.stage_peak_bytes,
        )

    def take_over(self, cost: StageCost) -> None:
        """Count a stage that was trained elsewhere."""
        self.train_seconds += cost.train_seconds
        self.train_cpu_seconds += cost.train_cpu_seconds
        self.note_peak(cost.peak_held_bytes)

    def go_on(self) -> None:
        """From here on time counts."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def count_training(self) -> None:
        """Count the time since the last count as training."""
        self.train_seconds += time.perf_counter() - self._wall
        self.train_cpu_seconds += time.process_time() - self._cpu
        self.go_on()

    def evaluated(self) -> float:
        """A stage's evaluation is over; returns its seconds."""
        seconds = time.perf_counter() - self._wall
        self.evaluate_seconds += seconds
        self.go_on()
        return seconds

    def state(self) -> dict[str, float]:
        """All sums so far."""
        return {name: getattr(self, name) for name in _SUMS}

    def load_state(self, state: Mapping[str, float]) -> None:
        """Go on from what `state` returned."""
        for name in _SUMS:
            setattr(self, name, state[name])
        self.go_on()

    def measure(self, strategy: object, model: QualityModel) -> None:
        """Look at what the method holds now."""
        self.held_bytes = held_bytes(strategy, model)
        self.note_peak(self.held_bytes)

    def note_peak(self, held: int) -> None:
        """The method has held so many bytes in the stage in progress."""
        self.stage_peak_bytes = max(self.stage_peak_bytes, held)
        self.peak_held_bytes = max(self.peak_held_bytes, held)


def held_bytes(holder: object, model: QualityModel) -> int:
    """Bytes of all tensors and arrays that can be reached from an object but not from the model.

    A storage that several tensors share counts once.
    """
    shared = {place for place, _ in _storages(model)}
    found = dict(_storages(holder))
    return sum(size for place, size in found.items() if place not in shared)


def _storages(root: object) -> Iterator[tuple[int, int]]:
    """Address and bytes of the storage of every tensor and array below `root`."""
    seen: set[int] = set()
    left = [root]
    while left:
        item = left.pop()
        if id(item) in seen or isinstance(item, _DATA):
            continue
        seen.add(id(item))
        if isinstance(item, torch.Tensor):
            storage = item.untyped_storage()
            yield storage.data_ptr(), storage.nbytes()
        elif isinstance(item, np.ndarray):
            yield item.__array_interface__["data"][0], item.nbytes
        else:
            left += _inside(item)


def _inside(item: object) -> list[object]:
    if isinstance(item, nn.Module):
        # Of a model also what is no module attribute: the parameter sets of its heads.
        plain = [v for k, v in vars(item).items() if not k.startswith("_")]
        return [*item.parameters(), *item.buffers(), *plain]
    if isinstance(item, dict):
        return list(item.values())
    if isinstance(item, list | tuple | set | frozenset):
        return list(item)
    if is_dataclass(item) and not isinstance(item, type):
        return [getattr(item, f.name) for f in fields(item)]
    # An object of a method's own; classes, functions and what is written in C hold no tensors.
    return list(getattr(item, "__dict__", {}).values()) if not callable(item) else []


def forwards_per_image(gate: Gate, model: QualityModel) -> int:
    """Network passes that one image needs under a gate with all heads of the model.

    Heads without tensors of their own share one pass; a gate that looks at stages adds one, of the
    network that it looks through.
    """
    own = sum(1 for tensors in model.parameter_sets if tensors)
    networks = own + (1 if own < len(model.heads) else 0)
    return (1 if gate.one_head else networks) + (1 if gate.stages else 0)


class _Operations:
    """Multiply-accumulates of a backbone for one square image, each part counted once."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self._known: dict[tuple[int, ...], int | None] = {}

    def of(self, stages: tuple[int, ...] = ()) -> int | None:
        """Of the whole network, or of what these stages need; None: cannot be counted."""
        if stages not in self._known:
            look = partial(self._backbone.stage_features, stages=stages) if stages else None
            self._known[stages] = _count(self._backbone, SIDE, look)
        return self._known[stages]

    def under(self, gate: Gate, passes: int) -> int | None:
        """Of scoring one image in so many passes, one of which may be the gate's own."""
        network, looking = self.of(), self.of(gate.stages) if gate.stages else 0
        if network is None or looking is None:
            return None
        return (passes - bool(gate.stages)) * network + looking


def _count(
    backbone: Backbone, side: int, forward: Callable[[torch.Tensor], object] | None = None
) -> int | None:
    try:
        return count_macs(backbone, side, side, forward=forward)
    except Exception:
        # A plugin's network may do what shapes alone cannot, or not take this size: then the
        # figure is missing, which must not cost the run.
        return None


def cost_record(
    meter: CostMeter,
    method: Method,
    model: QualityModel,
    *,
    features: StageFeatures,
    trained_images: int,
    gate_values: dict[str, int],
) -> dict[str, Any]:
    """The entry `cost` of `run.json`.

    Args:
        meter: what was measured.
        method: the method.
        model: its final model.
        features: what its gates look at.
        trained_images: images that went forward and backward through the network in training.
        gate_values: gate label -> numbers it stores.
    """
    operations = _Operations(model.backbone)
    passes = {plan.label: forwards_per_image(plan.gate, model) for plan in method.gates}
    return {
        "train_seconds": round(meter.train_seconds, 3),
        "train_cpu_seconds": round(meter.train_cpu_seconds, 3),
        "evaluate_seconds": round(meter.evaluate_seconds, 3),
        "trained_images": trained_images,
        "held_bytes": {"final": meter.held_bytes, "peak": meter.peak_held_bytes},
        "exemplar_images": method.strategy.exemplars,
        "parameters": {
            "backbone": sum(p.numel() for p in model.backbone.parameters()),
            "per_task": _per_task(model, lambda tensor: tensor.numel()),
        },
        "bytes_per_task": _per_task(model, lambda tensor: tensor.numel() * tensor.element_size()),
        "macs_per_image": {f"network, {SIDE} x {SIDE}": operations.of()},
        "gates": {
            plan.label: {
                "values": gate_values[plan.label],
                "network_values": features.values_beside(model.backbone, plan.gate),
                "forwards_per_image": passes[plan.label],
                "macs_per_image": operations.under(plan.gate, passes[plan.label]),
            }
            for plan in method.gates
        },
    }


def _per_task(model: QualityModel, size: Callable[[torch.Tensor], int]) -> list[int]:
    """What each head adds to the model: its own tensors and those of its parameter set."""
    return [
        sum(size(t) for t in (*head.state_dict().values(), *own.values()))
        for head, own in zip(model.heads, model.parameter_sets, strict=True)
    ]
