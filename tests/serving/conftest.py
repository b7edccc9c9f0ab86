"""One small real run, and a folder of pictures of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

#: Gates of every kind; beside it a method whose whole network drifts.
CONFIG = {
    "backbone": "s-cnn",
    "strategy": "tsn-iqa",
    "compare": [{"name": "ft", "as": "ft-multi", "heads": "multi"}, "ft"],
    "gates": [
        "oracle",
        {"name": "kmeans", "k": 3, "n_init": 1, "stages": [3, 4]},
        {"name": "hard", "k": 3, "n_init": 1, "stages": [4]},
        "newest",
        "uniform",
    ],
    "train": {"warmup_epochs": 1, "epochs": 1, "crop": 32, "shrink": None, "precision": "float32"},
    "threads": 1,
}


@pytest.fixture(scope="session")
def tiny_run(finished_run, embedded, tmp_path_factory):
    """The folder of a finished run."""
    tasks = [embedded(subset) for subset in ("live-like", "bid-like")]
    stream = {"tasks": tasks}
    return finished_run(CONFIG | {"stream": stream}, tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def tiny_scorer(tiny_run):
    import cliqa

    return cliqa.load(tiny_run, device="cpu")


@pytest.fixture
def photos(tmp_path):
    """Three pictures in two folders."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.png", "b.jpg", "sub/c.webp"):
        Image.fromarray(rng.integers(0, 256, (40, 56, 3)).astype(np.uint8)).save(folder / name)
    return folder
