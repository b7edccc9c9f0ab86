"""Evaluation as published against ours: `pytest benchmarks/test_inference.py`.

Everything runs in one thread and is timed by its processor time. The rounds of all ways are
interleaved, so that whatever else the machine does befalls all alike; a figure to quote is the
median over rounds of the ratio within a round. They are printed (`-s`) and
stand in `extra_info`. `CLIQA_BENCH_IMAGES` is the number of test images of a task, by default 24;
`CLIQA_BENCH_SIZE` their side in pixels, by default 112.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from statistics import median

import numpy as np
import pytest
import torch
from cliqa_embedded.config import SUBSETS
from cliqa_gates.config import KMeansConfig
from cliqa_gates.kmeans import HardKMeansGate

from benchmarks.inference_cases import (
    OfficialShape,
    evaluator_for,
    grow,
    kmeans,
    make_model,
    make_task,
    processor,
)
from cliqa.evaluation import GatedModel, GatePlan, StageFeatures
from cliqa.inference import FoldedScorer
from cliqa.inference.measure import interleaved
from cliqa.model import Compute, to_input

pytestmark = pytest.mark.usefixtures("one_thread")

IMAGES = int(os.environ.get("CLIQA_BENCH_IMAGES", "24"))
SIZE = int(os.environ.get("CLIQA_BENCH_SIZE", "112"))
ROUNDS = int(os.environ.get("CLIQA_BENCH_ROUNDS", "3"))
CPU = Compute(device=torch.device("cpu"), batch_size=32)
BF16 = replace(CPU, precision="bf16")


@pytest.fixture(scope="module")
def tasks():
    return [make_task(name, IMAGES, SIZE) for name in SUBSETS]


def six_heads_once(model, tasks, compute):
    """All six heads and the gate on all test images, from nothing."""
    plan = kmeans()
    made = evaluator_for(model, compute, plan)
    fit(plan, tasks, made)
    return lambda: fresh(made).evaluate(model, 6, tasks)


def fit(plan, tasks, made):
    for task in tasks:
        plan.gate.fit(task.name, made._features.of(task, "train", plan.gate), 0)


def fresh(made):
    """Without what it knows of earlier rounds."""
    made._known = {}
    for source in made._features._sources.values():
        source._found = {}
    return made


@pytest.mark.parametrize("name", ["efficientnet-lite0", "resnet18"])
def test_six_heads_and_a_gate_once(benchmark, tasks, name):
    """Equal work: every image by six heads and the gate."""
    model, plan = make_model(name, 6), kmeans()
    official = OfficialShape(model, plan.gate)
    ways = {
        "published shape": lambda: official.evaluate(tasks, 6),
        "ours, float32": six_heads_once(model, tasks, CPU),
        "ours, bf16": six_heads_once(model, tasks, BF16),
    }
    expected = ways["published shape"]()
    found = [part.head_scores for part in ways["ours, float32"]()]
    spread = np.ptp(np.concatenate(expected))
    for ours, theirs in zip(found, expected, strict=True):
        assert np.abs(ours - theirs).max() <= 1e-4 * spread
    ways["ours, bf16"]()
    report(
        benchmark,
        f"{name}: six heads and a gate, once",
        interleaved(ways, ROUNDS, time.thread_time),
        ways,
    )


@pytest.mark.parametrize("name", ["efficientnet-lite0", "resnet18"])
def test_all_evaluations_of_a_run_of_six_tasks(benchmark, tasks, name):
    """After each task every head so far is asked; ours asks each head once, the gate's net once."""
    model, plan = make_model(name, 6), kmeans()
    official = OfficialShape(model, plan.gate)

    def theirs():
        for heads in range(1, 7):
            official.evaluate(tasks, heads)

    def ours(compute):
        def run():
            growing, own = make_model(name, 0), kmeans()
            made = evaluator_for(growing, compute, own)
            for heads, task in enumerate(tasks, start=1):
                grow(growing, heads)
                own.gate.fit(task.name, training[task.name], 0)
                made.evaluate(growing, heads, tasks)

        return run

    looking = evaluator_for(model, CPU, plan)
    training = {t.name: looking._features.of(t, "train", plan.gate) for t in tasks}
    ways = {
        "published shape": theirs,
        "ours, float32": ours(CPU),
        "ours, bf16": ours(BF16),
    }
    title = f"{name}: all evaluations of six tasks"
    report(benchmark, title, interleaved(ways, ROUNDS, time.thread_time), ways)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "resnet18"])
def test_new_images_through_a_hard_gate(benchmark, tasks, name):
    """A deployed model with a hard gate: its net and one head's; images of all tasks, shuffled."""
    model = make_model(name, 6)
    gate = HardKMeansGate(KMeansConfig(k=16, n_init=1))
    features = StageFeatures(model.backbone, CPU, [gate])
    for task in tasks:
        gate.fit(task.name, features.of(task, "train", gate), 0)
    official = OfficialShape(model, gate)
    pixels = [task.images.read(row) for task in tasks for row in task.split.test]
    order = np.random.default_rng(0).permutation(len(pixels))

    def ours(compute):
        made = GatedModel(FoldedScorer(model), GatePlan("hard", gate), features, compute)

        def run():
            parts = np.array_split(order, -(-len(order) // compute.batch_size))
            batches = (
                to_input([pixels[n] for n in part], model.backbone, CPU.device) for part in parts
            )
            return [made.score(batch) for batch in batches]

        return run

    ways = {
        "published shape": lambda: official.evaluate(tasks, 6),
        "ours, float32": ours(CPU),
        "ours, bf16": ours(BF16),
    }
    every = np.concatenate(ways["published shape"]())[order]
    found = np.concatenate(ways["ours, float32"]())
    assert np.abs(every - found[:, None]).min(axis=1).max() <= 1e-4 * np.ptp(every)
    report(
        benchmark,
        f"{name}: new images through a hard gate",
        interleaved(ways, ROUNDS, time.thread_time),
        ways,
    )


def report(benchmark, title, seconds, ways):
    images = 6 * IMAGES
    print(f"\n{title}; {images} images of {SIZE} x {SIZE}, {ROUNDS} rounds; {processor()}")
    for way, found in seconds.items():
        pairs = zip(seconds["published shape"], found, strict=True)
        ratios = sorted(first / second for first, second in pairs)
        line = f"{median(found):.3f} s, {median(ratios):.2f}x ({ratios[0]:.2f} - {ratios[-1]:.2f})"
        benchmark.extra_info[way] = line
        print(f"  {way}: {line}")
    benchmark.pedantic(ways["ours, float32"], rounds=1)
