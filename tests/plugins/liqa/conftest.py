"""Tasks, a model and a LIQA that learn in a second."""

import pytest
from cliqa_liqa.config import LiqaConfig
from cliqa_liqa.strategy import Liqa
from cliqa_regression.config import SquaredErrorConfig
from cliqa_regression.objective import SquaredError

SMALL = {
    "copies": 2,
    "gan_epochs": 2,
    "gan_batch_size": 8,
    "gan_width": 16,
    "head_epochs": 2,
    "replay_size": 20,
}


@pytest.fixture(scope="session")
def tasks(make_task):
    return [make_task(name, 15, seed=i) for i, name in enumerate(("one", "two", "three"))]


@pytest.fixture(scope="session")
def objective():
    return SquaredError(SquaredErrorConfig(hidden=5))


@pytest.fixture
def model(tiny_model, objective):
    return tiny_model(new_head=objective.new_head)


@pytest.fixture(scope="session")
def new_strategy():
    def make(**settings):
        return Liqa(LiqaConfig(**(SMALL | settings)))

    return make
