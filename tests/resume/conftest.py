"""A tiny run of two stages, to be cut off; datasets are built once for all of them."""

from __future__ import annotations

import pytest

#: Settings of methods whose own phases would take a minute; what they do is the same.
SHORTER = {
    "gfr": {"generator_epochs": 2, "copies": 2, "replay_size": 50},
    "liqa": {
        "gan_epochs": 2, "head_epochs": 2, "copies": 2, "replay_size": 50, "gan_width": 32,
    },
}  # fmt: skip


@pytest.fixture(scope="session")
def killing(support):
    return support("killing")


@pytest.fixture(scope="session")
def built():
    from cliqa.run import BuiltDatasets

    return BuiltDatasets()


@pytest.fixture
def no_waiting(monkeypatch):
    """A process that dies leaves what it has written; only a machine that dies needs the disk."""
    monkeypatch.setattr("os.fsync", lambda handle: None)


@pytest.fixture
def two_stages(tiny_config, resolve, no_waiting):
    """Make the run of a method; `minutes: 0` saves after every step."""

    def make(strategy, *overrides, minutes=0, **changes):
        name = strategy if isinstance(strategy, str) else strategy["name"]
        settings = {"name": name} | SHORTER.get(name, {})
        tiny_config["strategy"] = settings if isinstance(strategy, str) else strategy
        if name == "liqa":
            tiny_config["objective"] = "squared-error"
        tiny_config["stream"]["tasks"] = tiny_config["stream"]["tasks"][:2]
        tiny_config["gates"] = [{"name": "kmeans", "k": 4, "n_init": 1}, "newest"]
        tiny_config["train"] |= {"warmup_epochs": 1, "epochs": 2, "batch_size": 16}
        tiny_config["train"] |= {"carry_optimizer": True, "lr_drop_epoch": 1}
        tiny_config["resume"] = {"minutes": minutes}
        tiny_config.update(changes)
        return resolve(tiny_config, *overrides)

    return make


@pytest.fixture
def until_done(killing, built):
    """Cut a run off again and again, after so many moments each time, until it is finished."""

    def go(config, out, moments=5, limit=60):
        places = []
        for _ in range(limit):
            seen = killing.go(config, out, moments, datasets=built)
            places += seen.places
            if (out / "SHA256SUMS").exists():
                return places
        raise AssertionError("it never ends")

    return go
