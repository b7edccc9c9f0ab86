"""Times of the parts a run spends its time in: `pytest benchmarks`.

The figures to quote are ratios of two benchmarks of one call.
"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
import torch
from cliqa_embedded.config import SUBSETS, EmbeddedConfig
from cliqa_embedded.dataset import build as build_embedded
from cliqa_gates.config import KMeansConfig
from cliqa_gates.kmeans import KMeansGate
from cliqa_pairwise.config import FidelityConfig
from cliqa_pairwise.fidelity import Fidelity
from cliqa_timm.lite0 import build as build_lite0

from cliqa.evaluation import GateQuery
from cliqa.model import QualityModel, normalization_tensors
from cliqa.results import srcc_matrices


@pytest.fixture(scope="module")
def model():
    """EfficientNet-Lite0 with six heads that own their normalization."""
    backbone = build_lite0().eval().requires_grad_(False)
    found = QualityModel(backbone, Fidelity(FidelityConfig()).new_head)
    for task in SUBSETS:
        found.keep_for(found.add_head([task]), normalization_tensors(backbone))
    return found.to(memory_format=torch.channels_last).eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(32, 3, 96, 96).to(memory_format=torch.channels_last)


@pytest.mark.parametrize("command", [["--help"], ["plugins"], ["list", "strategies"]])
def test_start_of_the_command_line(benchmark, command):
    benchmark.pedantic(
        lambda: subprocess.run(
            [sys.executable, "-m", "cliqa", *command], check=True, capture_output=True
        ),
        rounds=5,
    )


def test_building_one_embedded_task(benchmark):
    benchmark.pedantic(lambda: build_embedded(EmbeddedConfig()), rounds=2)


def test_forward_of_the_bare_backbone(benchmark, model, images):
    with torch.no_grad():
        benchmark(lambda: model.backbone(images))


def test_scores_of_six_heads_with_own_normalization(benchmark, model, images):
    with torch.no_grad():
        benchmark(lambda: model.head_scores(images, range(6)))


@pytest.mark.parametrize("trained", ["normalization", "everything"])
def test_one_training_step(benchmark, model, images, trained):
    network = model.backbone
    wanted = set(normalization_tensors(network)) if trained == "normalization" else None
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(wanted is None or name in wanted)

    def step():
        network(images).square().mean().backward()

    benchmark.pedantic(step, rounds=5, warmup_rounds=1)
    network.requires_grad_(False)
    network.zero_grad()


def test_gating_ten_thousand_images(benchmark):
    rng = np.random.default_rng(0)
    gate = KMeansGate(KMeansConfig(k=128, n_init=1))
    for task in range(6):
        gate.fit(str(task), {3: rng.random((300, 112)), 4: rng.random((300, 320))}, seed=0)
    features = {3: rng.random((10_000, 112)), 4: rng.random((10_000, 320))}
    benchmark(lambda: gate.weights(GateQuery(count=10_000, heads=6, features=features)))


def test_both_matrices_from_stored_predictions(benchmark):
    """Six sets of 7,616 images in all, six steps: the size of the TSN-IQA paper's runs."""
    rng = np.random.default_rng(0)
    sizes = {f"set{k}": size for k, size in enumerate((163, 173, 117, 232, 2015, 4916))}
    ids = {task: [f"{task}-{i}" for i in range(n)] for task, n in sizes.items()}
    rows = [(step, task, i) for step in range(1, 7) for task in sizes for i in ids[task]]
    predictions = pa.table(
        {
            "step": pa.array([s for s, _, _ in rows], pa.int32()),
            "task": [t for _, t, _ in rows],
            "gate": ["kmeans"] * len(rows),
            "sample_id": [i for _, _, i in rows],
            "score": pa.array(rng.random(len(rows)), pa.float32()),
        }
    )
    labels = pa.table(
        {
            "task": [t for t in sizes for _ in ids[t]],
            "sample_id": [i for t in sizes for i in ids[t]],
            "quality": rng.random(sum(sizes.values())),
        }
    )
    benchmark(lambda: srcc_matrices(predictions, labels, tasks=list(sizes), gate="kmeans"))
