"""Runs of a second, cut off at a moment of choice; datasets are built once for all of them."""

from __future__ import annotations

from functools import partial

import pytest


@pytest.fixture(scope="session")
def killing(support):
    return support("killing")


@pytest.fixture(scope="session")
def built():
    from cliqa.run import BuiltDatasets

    return BuiltDatasets()


@pytest.fixture
def go(killing, built, monkeypatch):
    """`go(config, out, at=None)`: run until killed at a moment, or finished."""
    monkeypatch.setattr("os.fsync", lambda handle: None)  # a machine that dies is not tested here
    return partial(killing.go, datasets=built)
