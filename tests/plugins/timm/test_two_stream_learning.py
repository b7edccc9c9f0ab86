"""The two-stream network under every strategy, and in a run."""

import pytest
import torch
import yaml
from click.testing import CliRunner
from cliqa_pairwise.config import FidelityConfig
from cliqa_pairwise.fidelity import Fidelity
from cliqa_timm.config import TwoStreamConfig
from cliqa_timm.two_stream import build

from cliqa.cli import cli
from cliqa.model import QualityModel, normalization_tensors
from cliqa.registry import Registry

STRATEGIES = {
    "distillation-replay": {"memory": 4},
    "er": {"memory": 4},
    "ewc": {"units": 2},
    "ft": {"heads": "multi"},
    "gfr": {"copies": 1, "generator_epochs": 1, "replay_size": 10, "hidden": 8},
    "jl": {},
    "lwf": {},
    "mas": {"units": 2},
    "shared-norm": {},
    "si": {},
    "sl": {},
    "tsn-iqa": {},
}


@pytest.fixture(scope="module")
def registry():
    return Registry.discover(third_party=False)


@pytest.fixture(scope="module")
def tasks(make_task):
    return [make_task(name, 10, seed=i, sizes=((40, 48),)) for i, name in enumerate("ab")]


def create(registry, name):
    registered = registry.get("strategy", name)
    model = registered.config_model()
    return registered.create(model and model(**STRATEGIES[name]))


def new_model():
    torch.manual_seed(0)
    backbone = build(TwoStreamConfig(trunk="test_resnet", pretrained=False, scnn="random"))
    torch.manual_seed(1)
    return QualityModel(backbone, Fidelity(FidelityConfig()).new_head).eval()


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_trains_the_trunk_and_leaves_scnn_bit_identical(
    registry, learn, tasks, name
):
    strategy = create(registry, name)
    model = new_model()
    strategy.check(model.backbone, None)
    before = model.snapshot()
    learn(strategy, model, tasks, objective=Fidelity(FidelityConfig()), epochs=2)
    last = model.backbone.state_dict() | model.parameter_sets[-1]
    moved = {n for n, t in before.items() if not torch.equal(t, last[n])}
    assert not any(n.startswith("scnn.") for n in moved)
    assert not any(p.requires_grad for p in model.backbone.scnn.parameters())
    norms = set(normalization_tensors(model.backbone))
    assert norms <= moved
    convolutions = {n for n in before if n.startswith("network.") and n not in norms}
    convolutions = {n for n in convolutions if "num_batches" not in n}
    assert convolutions.isdisjoint(moved) == (name in ("tsn-iqa", "shared-norm"))


def test_a_task_of_tsn_iqa_stores_the_trunks_normalization_and_nothing_of_scnn(
    registry, learn, tasks
):
    strategy = create(registry, "tsn-iqa")
    model = learn(strategy, new_model(), tasks, objective=Fidelity(FidelityConfig()))
    for own in model.parameter_sets:
        assert set(own) == set(normalization_tensors(model.backbone))
        assert all(name.startswith("network.") for name in own)


def test_a_run_on_the_embedded_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = {
        "backbone": {
            "name": "two-stream",
            "trunk": "test_resnet",
            "pretrained": False,
            "scnn": "random",
        },
        "strategy": "tsn-iqa",
        "gates": [{"name": "kmeans", "k": 4, "n_init": 1}, "oracle"],
        "stream": {
            "tasks": [
                {"name": "embedded", "as": "a", "subset": "live-like", "images": 48, "size": 64},
                {"name": "embedded", "as": "b", "subset": "bid-like", "images": 48, "size": 64},
            ]
        },
        "train": {"warmup_epochs": 1, "epochs": 1, "crop": 48, "shrink": None},
        "threads": 1,
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    done = CliRunner().invoke(cli, ["run", "run.yaml", "--out", "out"])
    assert done.exit_code == 0, done.output
    assert "kmeans" in done.stdout
    assert (tmp_path / "out" / "SHA256SUMS").is_file()
