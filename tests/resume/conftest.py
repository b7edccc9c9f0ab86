"""A tiny run of two stages, to be cut off."""

from __future__ import annotations

import pytest


@pytest.fixture
def two_stages(tiny_config, resolve, no_waiting, support):
    """Make the run of a method; `minutes: 0` saves after every step."""

    def make(strategy, *overrides, minutes=0, **changes):
        support("runs").of_method(tiny_config, strategy)
        tiny_config["stream"]["tasks"] = tiny_config["stream"]["tasks"][:2]
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
