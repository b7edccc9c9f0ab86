"""Finished bundles with made-up predictions, written as a run writes them; no torch."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from safetensors.numpy import save_file

from cliqa.metrics import (
    MatrixMetric,
    mean_plasticity_index,
    mean_plasticity_stability_index,
    mean_srcc,
    mean_stability_index,
)
from cliqa.results import BundleWriter, compute_metrics

SIZES = {"live": 14, "csiq": 11, "bid": 12}
METRICS = [
    MatrixMetric(name="mSRCC", function=lambda r: mean_srcc(r.S)),
    MatrixMetric(name="mPI", function=lambda r: mean_plasticity_index(r.S)),
    MatrixMetric(name="mSI", function=lambda r: mean_stability_index(r.R)),
    MatrixMetric(name="mPSI", function=lambda r: mean_plasticity_stability_index(r.S, r.R)),
]


@dataclass
class Made:
    """In what made-up runs may differ."""

    method: str = "tsn-iqa"
    strategy: dict | None = None
    seed: int = 0
    tasks: tuple = tuple(SIZES)
    order: str = "I"
    gates: dict = field(default_factory=lambda: {"kmeans": False, "uniform": False, "oracle": True})
    joint: bool = False
    fingerprint: str = "f"
    split_seed: int | None = None
    split_mark: str = ""
    train: dict = field(default_factory=lambda: {"epochs": 2})
    datasets: tuple | None = None
    evaluate_only: tuple = ()
    created: str = "2026-01-01T00:00:00+00:00"
    extra: dict = field(default_factory=dict)
    silent: str = ""

    def __post_init__(self):
        if self.joint:
            self.gates = {"newest": False}

    @property
    def sets(self):
        return {**{t: SIZES[t] for t in self.tasks}, **dict.fromkeys(self.evaluate_only, 9)}

    @property
    def stages(self):
        """Step -> the tasks learned there."""
        last = {len(self.tasks): list(self.tasks)}
        return last if self.joint else {n: [t] for n, t in enumerate(self.tasks, start=1)}


class Columns(dict):
    """Columns that grow row by row."""

    def add(self, **row):
        for key, value in row.items():
            self.setdefault(key, []).append(value)


def write_bundle(folder, *, finish=True, **differences):
    """Write one bundle and return its folder."""
    made = Made(**differences)
    writer = BundleWriter(folder)
    writer.write_config("seed: 0\n")
    writer.write_run({**_record(made), **made.extra})
    for epoch, loss in enumerate((0.5, 0.4)):
        record = {"step": 1, "task": made.tasks[0], "phase": "head", "epoch": epoch, "loss": loss}
        writer.log({"event": "epoch", **record, "validation_srcc": None})
    for task in made.tasks:
        writer.write_split(task, {"train": [f"{made.split_mark}{made.seed}"], "test": [task]})
    _write_tables(writer, made)
    if not made.joint:
        save_file(_statistics(made), writer.checkpoint_path("model"))
    if finish:
        writer.finish()
    return folder


def _rng(made, name):
    return np.random.default_rng([made.seed, *map(ord, made.method + made.order + name)])


def _statistics(made):
    rng = _rng(made, "statistics")
    tensors = {}
    for head in range(len(made.tasks)):
        tensors[f"set/{head}/bn.running_mean"] = rng.normal(size=5).astype(np.float32)
        tensors[f"set/{head}/bn.running_var"] = rng.uniform(1, 2, 5).astype(np.float32)
    return tensors


def _record(made):
    heads = [
        {"head": n, "tasks": t, "head_parameters": 4, "own_values": 8, "own_parameters": 6}
        for n, t in enumerate(made.stages.values(), start=1)
    ]
    return {
        "method": made.method,
        "strategy": made.strategy or {"name": made.method},
        "order": made.order,
        "tasks": list(made.tasks),
        "evaluate_only": list(made.evaluate_only),
        "stages": [{"step": n, "tasks": t} for n, t in made.stages.items()],
        "gates": {g: {"uses_task_id": told, "stages": []} for g, told in made.gates.items()},
        "seed": made.seed,
        "created": made.created,
        "pseudo_scores": False,
        "data": {t: {"fingerprint": made.fingerprint + t, "test": n} for t, n in made.sets.items()},
        "config": _config(made),
        "parameters": {"backbone": 1000, "heads": heads},
        "stage_seconds": [{"train_seconds": 1.5}, {"train_seconds": 2.5}],
    }


def _config(made):
    names = zip(made.datasets or made.tasks, made.tasks, strict=True)
    return {
        "backbone": {"name": "tiny"},
        "objective": {"name": "fidelity"},
        "gates": [{"name": gate} for gate in made.gates],
        "train": made.train,
        "stream": {
            "tasks": [{"name": name, "as": task} for name, task in names],
            "split": {"protocol": "70/10/20", "by": "reference", "seed": made.split_seed},
        },
    }


def _write_tables(writer, made):
    labels, heads, weights, predictions = Columns(), Columns(), Columns(), Columns()
    rng = _rng(made, "scores")
    for task, size in made.sets.items():
        for n in range(size):
            quality = float(rng.uniform(0, 10))
            sample = {"task": task, "sample_id": f"{task}-{n:02}"}
            labels.add(**sample, quality=quality)
            for step in made.stages:
                if task in made.evaluate_only and step < len(made.tasks):
                    continue
                scores = quality + 4 * rng.normal(size=1 if made.joint else step)
                for head, score in enumerate(scores, start=1):
                    heads.add(**sample, step=step, head=head, score=score)
                for gate, shares in _shares(made, rng, step, task).items():
                    found = {**sample, "step": step, "gate": gate}
                    predictions.add(**found, score=float(shares @ scores))
                    for head, share in enumerate(shares, start=1):
                        weights.add(**found, head=head, weight=share)
    writer.write_predictions(predictions)
    writer.write_heads(heads)
    writer.write_weights(weights)
    writer.write_labels(labels)
    tables = pa.table(dict(predictions)), pa.table(dict(labels))
    names = {"tasks": made.tasks, "evaluate_only": made.evaluate_only}
    gates = list(made.gates)
    writer.write_metrics(compute_metrics(*tables, metrics=METRICS, gates=gates, **names))


def _shares(made, rng, step, task):
    """Gate -> weights of the heads for one image; the oracle has none before a task is learned."""
    count = 1 if made.joint else step
    fixed = {"uniform": np.full(count, 1 / count), "newest": np.eye(count)[-1]}
    if task in made.tasks[:step]:
        fixed["oracle"] = np.eye(count)[0 if made.joint else made.tasks.index(task)]
    drawn = rng.dirichlet(np.ones(count))
    shares = {g: fixed.get(g, drawn) for g in made.gates if g != "oracle" or g in fixed}
    return {g: share for g, share in shares.items() if g != made.silent}
