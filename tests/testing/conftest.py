"""Components that are right or wrong, and how one of them is looked at."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

import pytest

from cliqa.registry import PluginRecord, Registered, Registry
from cliqa.testing import Case
from cliqa.testing.catalogue import checks_of
from cliqa.testing.subject import Subject


def _samples():
    """The package beside this module; under import mode `importlib` tests are no package."""
    name, file = "cliqa_samples", Path(__file__).with_name("samples") / "__init__.py"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    package = sys.modules[name]
    for wrong in package.WRONG:
        importlib.import_module(f"{name}.{wrong}")
    return package.FAULTS, importlib.import_module(f"{name}.right").RIGHT


FAULTS, RIGHT = _samples()


@pytest.fixture(scope="session")
def registry():
    return Registry.discover(third_party=False)


@pytest.fixture(scope="session")
def cases_of(registry):
    """`cases_of(kind, component)`: check -> its case."""

    def make(kind, component):
        owner = PluginRecord(name="mine", module="cliqa_samples")
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
