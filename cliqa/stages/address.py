"""What determines a stage, and the address that follows from it."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch

from cliqa.model.precision import bf16_instructions
from cliqa.resume.tensors import digest_of
from cliqa.run.record import libraries
from cliqa.stages.planned import planned_stages
from cliqa.stages.settings import address_of, settings

if TYPE_CHECKING:
    from torch import nn

    from cliqa.data import Task
    from cliqa.model import Compute
    from cliqa.run.prepare import Method, Prepared

__all__ = ["StageAddress", "stage_addresses", "state_digest"]

#: Libraries that training computes with; what only gates or metrics use is not among them.
_LIBRARIES: Final = ("torch", "timm", "numpy", "scipy", "pillow")


@dataclass(frozen=True)
class StageAddress:
    """A stage of one method of a run.

    Attributes:
        address: hash of `material`, in hex.
        material: all that determines the stage, as plain values.
        parent: address of the stage that it goes on from; None: it needs none.
        planned: the stage's `PlannedStage.key`; None where that is not known.
    """

    address: str
    material: dict[str, Any]
    parent: str | None
    planned: str | None


def stage_addresses(prepared: Prepared, method: Method) -> list[StageAddress]:
    """The address of every stage of a method, in the order in which they are trained.

    A chain's stage depends on the stage before, and so on all before that. A stage that is
    `independent` depends on none, and not on its place in the stream.
    """
    strategy, stream = method.strategy, prepared.stream
    stages = strategy.stages(stream.stages)
    keys = [s.key for s in planned_stages(prepared.config) if s.method == method.label]
    common = settings(prepared.config, method.resolved) | _measured(prepared)
    found: list[StageAddress] = []
    for number, stage in enumerate(stages):
        parent = found[-1].address if found and not strategy.independent else None
        material = common | {
            "tasks": [task_material(stream.tasks[t]) for t in stage.tasks],
            "fresh": stage.fresh,
            "step": None if strategy.independent else stage.step,
            "parent": parent,
        }
        key = keys[number] if len(keys) == len(stages) else None
        found.append(StageAddress(address_of(material), material, parent, key))
    return found


def task_material(task: Task) -> dict[str, Any]:
    """A task as training sees it: name, content, and which rows are for what, in order."""
    ids = task.sample_ids
    parts = {"train": task.split.train, "val": task.split.val}
    return {
        "name": task.name,
        "fingerprint": task.fingerprint,
        "range": list(task.dataset.quality_range),
        **{part: _digest([ids[row] for row in rows]) for part, rows in parts.items()},
    }


def state_digest(module: nn.Module) -> str:
    """SHA-256 of every tensor of a network, counters included."""
    return _digest([f"{n} {digest_of(t)}" for n, t in sorted(module.state_dict().items())])


def _measured(prepared: Prepared) -> dict[str, Any]:
    return {"weights": state_digest(prepared.backbone), "machine": _machine(prepared.compute)}


def _machine(compute: Compute) -> dict[str, Any]:
    """What computes: the same stage has other bits on another kind of processor."""
    device = compute.device
    gpu = device.type == "cuda"
    versions = libraries()
    return {
        "device": torch.cuda.get_device_name(device) if gpu else device.type,
        "processor": None if gpu else torch.backends.cpu.get_cpu_capability(),
        "bf16": bf16_instructions(device),
        "threads": None if gpu else torch.get_num_threads(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "precision": compute.precision,
        "libraries": {name: versions[name] for name in _LIBRARIES},
    }


def _digest(lines: list[str]) -> str:
    return hashlib.sha256("\x1e".join(lines).encode()).hexdigest()
