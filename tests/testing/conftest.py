"""Components that are right or wrong, and how one of them is looked at."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from cliqa.registry import PluginRecord, Registered, Registry
from cliqa.testing import Case
from cliqa.testing.catalogue import checks_of
from cliqa.testing.subject import Subject


def _load(name):
    """A module beside this one; under import mode `importlib` tests are no package."""
    full = f"cliqa_kit_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).with_name(f"{name}.py"))
        sys.modules[full] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full])
    return sys.modules[full]


FAULTS, RIGHT = _load("faults").FAULTS, _load("right").RIGHT


@pytest.fixture(scope="session")
def registry():
    return Registry.discover(third_party=False)


@pytest.fixture(scope="session")
def cases_of(registry):
    """`cases_of(kind, component)`: check -> its case."""

    def make(kind, component):
        owner = PluginRecord(name="mine", module="mine", file=Path(__file__).with_name("faults.py"))
        subject = Subject(Registered(component, kind, owner), registry)
        return {check.name: Case(check, subject) for check in checks_of(kind)}

    return make


def pytest_generate_tests(metafunc):
    if "faulty_check" in metafunc.fixturenames:
        found = [(kind, check) for kind, checks in FAULTS.items() for check in checks]
        metafunc.parametrize(("faulty_kind", "faulty_check"), found)
    elif "right" in metafunc.fixturenames:
        found = [(kind, component) for kind, some in RIGHT.items() for component in some]
        metafunc.parametrize(("right_kind", "right"), found, ids=[kind for kind, _ in found])


@pytest.fixture(scope="session")
def faults():
    return FAULTS
