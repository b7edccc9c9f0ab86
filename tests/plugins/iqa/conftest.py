"""The sets in miniature, and how to build one as a configuration would."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from cliqa.registry import Registry

_SUPPORT = Path(__file__).parents[2] / "support" / "iqa_fixtures.py"


@pytest.fixture(scope="session")
def iqa():
    """The module that writes the sets."""
    name = "cliqa_test_support_iqa_fixtures"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, _SUPPORT)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def registry():
    return Registry.discover(third_party=False)


@pytest.fixture(scope="session")
def build(registry):
    """`build(name, root, **settings)`: a dataset by its name, with validated settings."""

    def build(name, root, **settings):
        component = registry.get("dataset", name)
        root = None if root is None else str(root)
        return component.create(component.config_model()(root=root, **settings))

    return build


@pytest.fixture(scope="session")
def same():
    """`same(dataset, truth)`: every column is the truth, and each row has its own picture."""

    def same(dataset, truth):
        table = dataset.table
        rows = {row["sample_id"]: row for row in table.remove_columns("image")}
        assert len(rows) == len(table)
        assert set(rows) == {t.sample_id for t in truth}
        for t in truth:
            row = rows[t.sample_id]
            assert row["score_raw"] == pytest.approx(t.score, abs=1e-9)
            assert row["quality"] == pytest.approx(t.quality, abs=1e-9)
            assert row["score_std"] == (t.std if t.std is None else pytest.approx(t.std))
            assert row["reference"] == t.reference
            assert row["distortion"] == t.distortion
            assert row["level"] == t.level
            assert row["official_split"] == t.split
        shades = dict(zip(table["sample_id"][:], map(_grey, table["image"]), strict=True))
        for t in truth:
            assert shades[t.sample_id] == pytest.approx(t.grey, abs=1.5), t.sample_id

    return same


def _grey(image) -> float:
    return float(np.asarray(image.convert("L")).mean())
