"""A small run's predictions and labels, made without any model."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from cliqa.results import BundleWriter

TASKS = ["live", "csiq", "bid"]


def make_labels(sizes, seed=0) -> pa.Table:
    rng = np.random.default_rng(seed)
    rows = [
        (t, f"{t}/{n:05}.png", q)
        for t, size in sizes.items()
        for n, q in enumerate(np.round(rng.uniform(0, 10, size), 1))
    ]
    task, sample, quality = zip(*rows, strict=True)
    return pa.table({"task": task, "sample_id": sample, "quality": quality})


def make_predictions(labels, gates, steps, seed=1, noise=3.0) -> pa.Table:
    rng = np.random.default_rng(seed)
    parts = []
    for gate in gates:
        for step in range(1, steps + 1):
            score = labels["quality"].to_numpy() + noise * rng.normal(size=len(labels))
            part = labels.select(["task", "sample_id"])
            part = part.append_column("gate", pa.array([gate] * len(labels)))
            part = part.append_column("step", pa.array([step] * len(labels), pa.int32()))
            parts.append(part.append_column("score", pa.array(score.astype(np.float32))))
    table = pa.concat_tables(parts)
    return table.take(rng.permutation(len(table)))


@pytest.fixture
def labels() -> pa.Table:
    return make_labels({"live": 30, "csiq": 25, "bid": 40})


@pytest.fixture
def predictions(labels) -> pa.Table:
    return make_predictions(labels, ["newest", "kg"], steps=3)


@pytest.fixture
def write_run(predictions, labels):
    """Write a whole small bundle; `mark` stands for what differs between two runs."""

    def write(folder, *, mark=0, finish=True) -> BundleWriter:
        writer = BundleWriter(folder)
        writer.write_config("seed: 0\n")
        writer.write_run({"run_id": "abc", "mark": mark})
        writer.log({"step": 1, "loss": 0.5})
        writer.write_split("live", {"train": ["a"], "test": ["b"]})
        writer.checkpoint_path("step-1").write_bytes(b"weights")
        writer.write_predictions(predictions)
        writer.write_labels(labels)
        writer.write_metrics({"tasks": TASKS, "gates": {}})
        if finish:
            writer.finish()
        return writer

    return write


@pytest.fixture
def finished(tmp_path, write_run):
    folder = tmp_path / "run"
    write_run(folder)
    return folder
