"""The content of `run.json`: what a reader of a result needs to know about its making."""

from __future__ import annotations

import os
import platform
import resource
import sys
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

import cliqa
from cliqa.data import Resize, split_digest
from cliqa.distributed import world
from cliqa.model import normalization_layers, rest_digest
from cliqa.model.precision import bf16_instructions
from cliqa.results import run_id

if TYPE_CHECKING:
    from torch import nn

    from cliqa.data import Task
    from cliqa.evaluation import Gate
    from cliqa.model import Backbone, QualityModel
    from cliqa.run.prepare import Method, Prepared

_LIBRARIES = (
    "torch",
    "timm",
    "numpy",
    "scipy",
    "scikit-learn",
    "scikit-image",
    "pillow",
    "datasets",
)


def opening_record(prepared: Prepared, method: Method) -> dict[str, Any]:
    """What is known before training."""
    config = prepared.config
    tasks = prepared.stream.tasks
    gates = {plan.label: _gate(plan.gate, prepared) for plan in method.gates}
    record = {
        "run_id": "",  # of what follows
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": config.source_name,
        "description": config.run.description,
        "method": method.label,
        "strategy": method.resolved.dump(),
        "multi_head": method.strategy.multi_head,
        "main_head": method.strategy.main_head,
        "order": prepared.stream.order,
        "tasks": [task.name for task in tasks],
        "learned_at": list(prepared.stream.learned_at),
        "evaluate_only": [task.name for task in prepared.stream.evaluate_only],
        "stages": [
            {"step": s.step, "tasks": [tasks[t].name for t in s.tasks]}
            for s in method.strategy.stages(prepared.stream.stages)
        ],
        "gates": gates,
        "seed": prepared.seed,
        "extra_data": list(prepared.backbone.extra_data),
        "pseudo_scores": any(task.dataset.pseudo_scores for task in tasks),
        "backbone_sha256": rest_digest(prepared.backbone, {}),
        "data": {t.name: _data(t) for t in (*tasks, *prepared.stream.evaluate_only)},
        "config": config.published(),
        "plugins": [_plugin(p) for p in config.registry.plugins],
        "environment": _environment(),
        "resize": {
            "train": Resize.parse(config.run.train.shrink).name,
            "test": prepared.compute.resize.name,
        },
        "device": str(prepared.compute.device),
        "processes": world().size,
        "precision": prepared.compute.precision,
        "strict": config.run.strict,
        "bf16_instructions": bf16_instructions(prepared.compute.device),
    }
    return record | {"run_id": run_id(record)}


def closing_record(model: QualityModel, gate_values: dict[str, int]) -> dict[str, Any]:
    """What is known after training.

    Args:
        model: the final model.
        gate_values: gate label -> numbers it stores.
    """
    shared = sum(p.numel() for p in model.backbone.parameters())
    learned = [
        {
            "head": number + 1,
            "tasks": list(model.head_tasks[number]),
            "head_parameters": sum(p.numel() for p in head.parameters()),
            "own_values": sum(t.numel() for t in model.parameter_sets[number].values()),
            "own_parameters": _own_parameters(model, number),
        }
        for number, head in enumerate(model.heads)
    ]
    return {
        "parameters": {"backbone": shared, "heads": learned, "gates": gate_values},
        "last_normalization": _last_with_statistics(model.backbone),
        "peak_memory_mb": round(peak_memory_mb()),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in MB (10^6 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _last_with_statistics(backbone: Backbone) -> str | None:
    """Name of the last normalization layer with running statistics; None if there is none."""
    named = [n for n, layer in normalization_layers(backbone).items() if _has_statistics(layer)]
    return named[-1] if named else None


def _has_statistics(layer: nn.Module) -> bool:
    return getattr(layer, "running_mean", None) is not None


def _gate(gate: Gate, prepared: Prepared) -> dict[str, Any]:
    """What a gate is told and looks at; a normalization of None is the pre-trained one."""
    word = gate.normalization
    return {
        "uses_task_id": gate.uses_task_id,
        "stages": list(gate.stages),
        "normalization": None if word is None else prepared.normalizations[word].record(),
    }


def _own_parameters(model: QualityModel, head: int) -> int:
    learnable = {name for name, _ in model.backbone.named_parameters()}
    return sum(t.numel() for n, t in model.parameter_sets[head].items() if n in learnable)


def _data(task: Task) -> dict[str, Any]:
    return {
        "dataset": task.dataset.name,
        "fingerprint": task.fingerprint,
        "images": sum(len(getattr(task.split, part)) for part in ("train", "val", "test")),
        "split": _split(task),
        "train": len(task.split.train),
        "val": len(task.split.val),
        "test": len(task.split.test),
        "quality_range": list(task.dataset.quality_range),
        "pseudo_scores": task.dataset.pseudo_scores,
        "exif_transpose": task.dataset.exif_transpose,
        "info": dict(task.dataset.info),
    }


def _split(task: Task) -> dict[str, Any]:
    """How the set was divided, and the digest of who is in which part."""
    made = {} if task.split_record is None else task.split_record.dump()
    return {**made, "sha256": split_digest(task.sample_ids, task.split)}


def _plugin(record: Any) -> dict[str, Any]:
    """Name, origin and version or file hash; no path of this machine."""
    return {
        "name": record.name,
        "distribution": record.distribution,
        "version": record.version,
        "sha256": record.sha256,
    }


@cache
def libraries() -> dict[str, str]:
    """Versions of what computes."""
    return {name: metadata.version(name) for name in _LIBRARIES}


def _environment() -> dict[str, Any]:
    import torch

    return {
        "cliqa": cliqa.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "libraries": libraries(),
    }
