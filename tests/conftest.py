"""Fakes that several rooms share: datasets in memory, tiny networks, trainings of a few steps.

A fixture that needs no folder of its own is a factory and lives as long as the session, so that
tests with generated inputs may use it.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# Tests that are about the cache name a folder of their own.
os.environ["CLIQA_CACHE"] = "off"

# Times on a shared machine say nothing about a test.
settings.register_profile("cliqa", deadline=None)
settings.load_profile("cliqa")


def pytest_collection_finish(session):
    """Leave the other cores to other processes; rooms without a network never import torch."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def _support(name):
    """A module of `tests/support`; under import mode `importlib` tests are no package."""
    full = f"cliqa_test_support_{name}"
    if full not in sys.modules:
        path = Path(__file__).with_name("support") / f"{name}.py"
        spec = importlib.util.spec_from_file_location(full, path)
        sys.modules[full] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[full])
    return sys.modules[full]


@pytest.fixture(scope="session")
def support():
    return _support


@pytest.fixture(scope="session")
def random_pixels():
    return _support("images").random_pixels


@pytest.fixture(scope="session")
def encoded():
    return _support("images").encoded


@pytest.fixture(scope="session")
def make_dataset():
    return _support("images").make_dataset


@pytest.fixture(scope="session")
def make_rows():
    return _support("images").make_rows


@pytest.fixture(scope="session")
def make_task():
    return _support("images").make_task


@pytest.fixture(scope="session")
def tiny_backbone():
    return _support("networks").tiny_backbone


@pytest.fixture(scope="session")
def tiny_model():
    return _support("networks").tiny_model


@pytest.fixture(scope="session")
def disturb():
    return _support("networks").disturb


@pytest.fixture(scope="session")
def write_bundle():
    return _support("bundles").write_bundle


@pytest.fixture(scope="session")
def cpu():
    return _support("learning").CPU


@pytest.fixture(scope="session")
def train_config():
    return _support("learning").train_config


@pytest.fixture(scope="session")
def make_context():
    return _support("learning").make_context


@pytest.fixture(scope="session")
def make_batch():
    return _support("learning").make_batch


@pytest.fixture(scope="session")
def new_trainer():
    return _support("learning").new_trainer


@pytest.fixture(scope="session")
def learn():
    return _support("learning").learn


@pytest.fixture
def tiny_config(tmp_path):
    return _support("runs").tiny_config(tmp_path)


@pytest.fixture
def resolve(tmp_path):
    return _support("runs").resolver(tmp_path)


@pytest.fixture(scope="session")
def write_tiny_config():
    return _support("runs").tiny_config


@pytest.fixture(scope="session")
def finished_run():
    """`finished_run(config, folder)`: train it; gives the folder of its result."""
    return _support("runs").finished_run


@pytest.fixture(scope="session")
def embedded():
    """`embedded(subset, name=None)`: a task of the embedded set, as small as can be."""
    return _support("runs").embedded


@pytest.fixture(scope="session")
def killing():
    """Runs that are cut off at a moment of choice."""
    return _support("killing")


@pytest.fixture(scope="session")
def built():
    """Datasets that are built once for all runs."""
    from cliqa.run import BuiltDatasets

    return BuiltDatasets()


@pytest.fixture
def no_waiting(monkeypatch):
    """A process that dies leaves what it has written; only a machine that dies needs the disk."""
    monkeypatch.setattr("os.fsync", lambda handle: None)


@pytest.fixture
def fake_hub(monkeypatch, tmp_path_factory):
    """A server on this machine to which the Hub's client talks, with an empty cache."""
    from huggingface_hub import constants

    home = tmp_path_factory.mktemp("hf")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    hub = _support("hub").FakeHub()
    template = "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_ASSETS_CACHE", str(home / "assets"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    yield hub
    hub.stop()


@pytest.fixture(scope="session")
def varied_model():
    return _support("observed").varied_model


@pytest.fixture(scope="session")
def observed_networks():
    return _support("observed").NETWORKS


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A headless Chromium; where there is none, its tests are skipped, or fail if CI needs them."""
    support = _support("browser")
    program = support.find_chromium()
    if program is None:
        reason = "no Chromium on this machine; install it, or name it in CLIQA_CHROMIUM"
        if os.environ.get("CLIQA_BROWSER_TESTS") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    opened = support.Browser(program, tmp_path_factory.mktemp("chromium"))
    yield opened
    opened.close()
