"""Runs of a second, cut off at a moment of choice."""

from __future__ import annotations

from functools import partial

import pytest


@pytest.fixture
def go(killing, built, no_waiting):
    """`go(config, out, at=None)`: run until killed at a moment, or finished."""
    return partial(killing.go, datasets=built)
