"""How often K-means gating finds an image's own task, by the normalization it looks with.

No head is trained: gates are fitted and asked alone. Run from the repository's root:
`python benchmarks/gate_choice.py`. It prints the table of docs/how-to/distortion-bn.md.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from cliqa.data import Task, make_split
from cliqa.evaluation import GateQuery, Normalization, StageFeatures, find_normalization
from cliqa.model import Compute
from cliqa.registry import Registry
from cliqa.seeds import named_seed

if TYPE_CHECKING:
    from cliqa.evaluation import Gate
    from cliqa.model import Backbone

SUBSETS = ("live-like", "csiq-like", "bid-like", "clive-like", "koniq-like", "kadid-like")
WEIGHTS = "distortion-bn-efficientnet-lite0"
STAGES = ((4,), (3, 4))


def make(registry: Registry, kind: str, name: str, **settings: Any) -> Any:
    """A component from its settings."""
    found = registry.get(kind, name)
    model = found.config_model()
    return found.create(model(**settings) if model else None)


def gates(registry: Registry) -> dict[tuple[str, tuple[int, ...]], Gate]:
    """A fresh soft gate for every normalization and choice of stages."""
    return {
        (word, stages): make(
            registry, "gate", "kmeans", k=32, n_init=5, stages=stages, normalization=word
        )
        for word in ("pretrained", WEIGHTS)
        for stages in STAGES
    }


def ask(
    registry: Registry, backbone: Backbone, tasks: list[Task], known: Normalization, seed: int
) -> dict[Any, list[np.ndarray]]:
    """Weight on the own head and whether it is the largest, of every test image: (images, 2)."""
    compute = Compute(device=torch.device("cpu"))
    chosen = gates(registry)
    features = StageFeatures(backbone, compute, chosen.values(), {WEIGHTS: known})
    found = defaultdict(list)
    for key, gate in chosen.items():
        for task in tasks:
            gate.fit(task.name, features.of(task, "train", gate), named_seed(seed, task.name))
        for head, task in enumerate(tasks):
            count = len(task.split.test)
            query = GateQuery(
                count=count, heads=len(tasks), features=features.of(task, "test", gate)
            )
            weights = gate.weights(query)
            assert weights is not None
            own = weights[:, head]
            found[key].append(np.stack([own, weights.argmax(axis=1) == head], axis=1))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=150, help="images of a task")
    parser.add_argument("--seeds", type=int, default=3, help="splits to average over")
    options = parser.parse_args()
    torch.set_num_threads(1)
    registry = Registry.discover(third_party=False)
    backbone = make(registry, "backbone", "efficientnet-lite0")
    known = find_normalization(WEIGHTS, registry, backbone)
    seen = {photograph["name"] for photograph in known.about["photographs"]["train"]}
    sets = [make(registry, "dataset", "embedded", subset=s, images=options.images) for s in SUBSETS]
    rows = defaultdict(list)
    for seed in range(options.seeds):
        splits = [make_split(d, "70/10/20", by="reference", seed=seed) for d in sets]
        tasks = [Task(d.name, d, split, "") for d, split in zip(sets, splits, strict=True)]
        fresh = np.array(
            [t.dataset.table[row]["reference"] not in seen for t in tasks for row in t.split.test]
        )
        for key, parts in ask(registry, backbone, tasks, known, seed).items():
            own = np.concatenate(parts)
            rows[key].append((*own.mean(axis=0), *own[fresh].mean(axis=0)))
        print(f"seed {seed}: {len(fresh)} test images, {fresh.sum()} of unseen contents")
    print("| normalization | stages | weight | right | weight, unseen | right, unseen |")
    for (word, stages), values in rows.items():
        mean, spread = np.mean(values, axis=0), np.std(values, axis=0, ddof=1)
        cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(mean, spread, strict=True)]
        print(f"| {word} | {stages} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
