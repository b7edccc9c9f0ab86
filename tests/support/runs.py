"""A run small enough for tests: a tiny backbone from a local plugin, three embedded tasks."""

from __future__ import annotations

import copy

import yaml

from cliqa.config import load_config
from cliqa.registry import Registry
from cliqa.run import run

TINY = """
from cliqa import Component, hookimpl


@hookimpl
def cliqa_backbones():
    return [
        Component(name="tiny", factory=build),
        Component(name="bare", factory=bare),
        Component(name="constant", factory=constant),
    ]


def _network(normalized, slope=1.0):
    import torch
    from cliqa.model import Backbone

    class Tiny(Backbone):
        feature_dim = 16
        stage_dims = {3: 8, 4: 16}

        def __init__(self):
            super().__init__()
            conv = lambda i, o: torch.nn.Conv2d(i, o, 3, 2, 1)
            norm = torch.nn.BatchNorm2d if normalized else (lambda n: torch.nn.Identity())
            self.one = torch.nn.Sequential(conv(3, 8), norm(8), torch.nn.ReLU())
            self.two = torch.nn.Sequential(conv(8, 16), norm(16), torch.nn.ReLU())

        def forward(self, images):
            return 1.0 + slope * self.two(self.one(images)).mean((2, 3))

        def stage_features(self, images, stages):
            first = self.one(images)
            found = {3: first, 4: self.two(first)}
            return {s: found[s].mean((2, 3)) for s in stages}

    return Tiny()


def build(config):
    return _network(True)


def bare(config):
    return _network(False)


def constant(config):
    return _network(True, slope=0.0)
"""

_CONFIG = {
    "plugins": ["./tiny_plugin.py"],
    "backbone": "tiny",
    "strategy": "tsn-iqa",
    "gates": [{"name": "kmeans", "k": 4, "n_init": 2}, "newest", "uniform", "oracle"],
    "stream": {
        "tasks": [
            {"name": "embedded", "as": s, "subset": s, "images": 48, "size": 64}
            for s in ("live-like", "bid-like", "kadid-like")
        ]
    },
    "train": {"warmup_epochs": 2, "epochs": 2, "crop": 48, "shrink": None},
    "threads": 1,
}

#: Settings of methods whose own phases would take a minute; what they do is the same.
_SHORTER = {
    "gfr": {"generator_epochs": 2, "copies": 2, "replay_size": 50},
    "liqa": {
        "gan_epochs": 2, "head_epochs": 2, "copies": 2, "replay_size": 50, "gan_width": 32,
    },
}  # fmt: skip


def tiny_config(folder):
    """The configuration as plain data, with its plugin file in `folder`."""
    (folder / "tiny_plugin.py").write_text(TINY)
    return copy.deepcopy(_CONFIG)


def of_method(config, strategy):
    """The tiny configuration for a method: its name, shortened, or its settings as they are."""
    name = strategy if isinstance(strategy, str) else strategy["name"]
    shorter = {"name": name} | _SHORTER.get(name, {})
    config["strategy"] = shorter if isinstance(strategy, str) else strategy
    if name == "liqa":
        config["objective"] = "squared-error"
    config["gates"] = [{"name": "kmeans", "k": 4, "n_init": 1}, "newest"]
    config["train"] |= {"warmup_epochs": 1, "epochs": 2, "batch_size": 16}
    return config


def embedded(subset, name=None):
    """A task of the embedded set, as small as can be."""
    return {"name": "embedded", "as": name or subset, "subset": subset, "images": 48, "size": 64}


def finished_run(config, folder):
    """Train a configuration; the folder of its result."""
    run(resolver(folder)(config), folder / "out")
    return folder / "out"


def resolver(folder):
    """What writes a configuration to a file in `folder` and loads it."""

    def load(data, *overrides):
        path = folder / "run.yaml"
        path.write_text(yaml.safe_dump(data))
        return load_config(
            path,
            overrides=overrides,
            registry_factory=lambda files: Registry.discover(local_files=files),
        )

    return load
