"""`cliqa pretrain` at the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cliqa.cli import cli
from cliqa.model import load_artefact

PLUGIN = """
from cliqa import Component, hookimpl
from cliqa.config import ComponentConfig, PretrainingConfig


class Settings(PretrainingConfig):
    amount: int = 1
    folder: str = "no such folder"


class Net(ComponentConfig):
    width: int = 4


def net(config):
    import torch
    from cliqa.model import Backbone

    class Tiny(Backbone):
        feature_dim, stage_dims = config.width, {4: config.width}

        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, config.width, 3)
            self.norm = torch.nn.BatchNorm2d(config.width)

        def forward(self, images):
            return self.norm(self.conv(images)).mean((2, 3))

        def stage_features(self, images, stages):
            return {4: self(images)}

    return Tiny()


def job(config):
    from cliqa.pretraining import Pretraining, PretrainingOutcome

    class Job(Pretraining):
        def run(self, context):
            context.observer.start("steps", 3)
            context.observer.advance(3)
            context.observer.epoch(1, 1, {"loss": 0.5})
            weight = context.backbone.norm.weight + config.amount
            return PretrainingOutcome(tensors={"norm.weight": weight}, record={"made": "here"})

    return Job(config)


@hookimpl
def cliqa_pretrainings():
    return [
        Component(name="shift", factory=job, config=Settings),
        Component(name="bare", factory=job),
    ]


@hookimpl
def cliqa_backbones():
    return [Component(name="net", factory=net, config=Net)]
"""


@pytest.fixture
def pretrain(tmp_path, monkeypatch):
    """Run the command in an empty folder with the plugin above."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    (tmp_path / "plugin.py").write_text(PLUGIN)

    def invoke(*arguments):
        local = ["--local", str(tmp_path / "plugin.py")]
        return CliRunner().invoke(cli, ["pretrain", *arguments, *local])

    return invoke


def test_it_writes_one_file_named_after_job_and_backbone_with_its_recipe(pretrain):
    sets = ["amount=3", "seed=5", "threads=1", "batch_size=8", "backbone.width=6"]
    options = [word for item in sets for word in ("--set", item)]
    done = pretrain("shift", "--backbone", "net", *options)
    assert done.exit_code == 0, done.output
    assert "shift for net, seed 5: loading ..." in done.stdout
    assert "epoch 1 of 1: loss 0.500" in done.stdout
    assert [p.name for p in Path().iterdir()] == ["shift-net.safetensors"]
    tensors, about = load_artefact("shift-net.safetensors")
    assert tensors["norm.weight"].tolist() == [4.0] * 6
    assert about["job"] == "shift"
    assert (about["backbone"], about["backbone_settings"]) == ("net", {"width": 6})
    assert (about["seed"], about["settings"]["amount"], about["made"]) == (5, 3, "here")
    assert about["environment"]["libraries"]["torch"]


def test_the_file_holds_no_path_of_the_machine(pretrain, tmp_path):
    pictures = tmp_path / "private" / "pictures"
    pictures.mkdir(parents=True)
    done = pretrain("shift", "--backbone", "net", "--set", f"folder={pictures}", "--quiet")
    assert done.exit_code == 0, done.output
    assert load_artefact("shift-net.safetensors")[1]["settings"]["folder"] == "pictures"
    assert str(tmp_path).encode() not in Path("shift-net.safetensors").read_bytes()


def test_an_existing_file_is_kept_unless_forced(pretrain):
    assert pretrain("shift", "--backbone", "net", "--quiet").exit_code == 0
    before = Path("shift-net.safetensors").read_bytes()
    refused = pretrain("shift", "--backbone", "net", "--set", "amount=2")
    assert refused.exit_code == 2
    assert "shift-net.safetensors exists" in refused.stderr
    assert "--force" in refused.stderr
    assert Path("shift-net.safetensors").read_bytes() == before
    assert pretrain("shift", "--backbone", "net", "--set", "amount=2", "--force").exit_code == 0
    assert Path("shift-net.safetensors").read_bytes() != before


def test_the_same_command_writes_the_same_bytes(pretrain):
    for name in ("a.safetensors", "b.safetensors"):
        assert pretrain("shift", "--backbone", "net", "--out", name).exit_code == 0
    assert Path("a.safetensors").read_bytes() == Path("b.safetensors").read_bytes()


MISTAKES = {
    "an unknown job": (["shft"], ["unknown pretraining `shft`", "`shift`"]),
    "an unknown backbone": (
        ["shift", "--backbone", "nett"],
        ["--backbone nett", "unknown backbone `nett`", "`net`"],
    ),
    "an unknown setting": (
        ["shift", "--backbone", "net", "--set", "amuont=1"],
        ["--set amuont=1", "unknown key", "`amount`"],
    ),
    "a wrong type": (
        ["shift", "--backbone", "net", "--set", "seed=one"],
        ["--set seed=one: seed: expected an integer", "'one'"],
    ),
    "an unknown setting of the backbone": (
        ["shift", "--backbone", "net", "--set", "backbone.widht=1"],
        ["--set backbone.widht=1", "unknown key", "`width`"],
    ),
    "several mistakes at once": (
        ["shift", "--backbone", "net", "--set", "seed=one", "--set", "backbone.width=x"],
        ["2 mistakes", "seed: expected", "backbone.width: expected"],
    ),
    "an unknown device": (
        ["shift", "--backbone", "net", "--set", "device=abacus"],
        ["device", "abacus", "cpu"],
    ),
    "another ending": (
        ["shift", "--backbone", "net", "--out", "x.pth"],
        ["x.pth", "ends in .safetensors"],
    ),
    "a job without settings": (["bare", "--backbone", "net"], ["PretrainingConfig"]),
    "a folder of no photographs": (
        ["distortion-bn", "--set", "photographs=gone"],
        ["photographs: no folder gone"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gives_one_message_and_exit_code_2_and_writes_nothing(pretrain, mistake):
    arguments, expected = MISTAKES[mistake]
    done = pretrain(*arguments)
    assert done.exit_code == 2, done.output
    for words in expected:
        assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(Path().iterdir())
