"""`cliqa run` at the terminal: what a user's mistakes are answered with."""

from __future__ import annotations

import io
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from click.testing import CliRunner

from cliqa.cli import cli

GOOD = {
    "backbone": "efficientnet-lite0",
    "strategy": "tsn-iqa",
    "gates": ["newest"],
    "stream": {"tasks": [{"name": "embedded", "images": 48, "size": 64}]},
    "train": {"warmup_epochs": 1, "epochs": 1, "crop": 48, "shrink": None},
}

RAISING = "raise RuntimeError('no luck today')\n"
CLAIMING = """
from cliqa import Component, hookimpl


@hookimpl
def cliqa_strategies():
    return [Component(name="tsn-iqa", factory=print)]
"""
UNREADABLE = """
import dataclasses
import datasets
from cliqa import Component, hookimpl
from cliqa.data import COLUMNS, RatedDataset


def build(config):
    rows = {name: [None] * 9 for name in COLUMNS}
    rows["sample_id"] = [f"s{i}" for i in range(9)]
    rows["score_raw"] = rows["quality"] = [float(i) for i in range(9)]
    rows["image"] = [{"bytes": b"not a picture", "path": "pictures/bad.png"}] * 9
    table = datasets.Dataset.from_dict(rows).cast_column("image", datasets.Image())
    return RatedDataset(name="bad", table=table, quality_range=(0.0, 9.0))


@hookimpl
def cliqa_datasets():
    return [Component(name="bad", factory=build)]
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a configuration in an empty folder; returns the outcome and what was written."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def invoke(changes, *arguments, plugin=None):
        config = GOOD | changes
        if plugin is not None:
            (tmp_path / "plugin.py").write_text(plugin)
            config["plugins"] = ["./plugin.py"]
        path = tmp_path / "run.yaml"
        path.write_text(yaml.safe_dump(config))
        outcome = CliRunner().invoke(cli, ["run", str(path), *arguments])
        return outcome, sorted(p.name for p in work.iterdir())

    return invoke


MISTAKES = {
    "an unknown component": ({"strategy": "tsn"}, None, ["run.yaml:", "`tsn`", "`tsn-iqa`"]),
    "a wrong type": ({"seed": "one"}, None, ["run.yaml:", "seed: expected an integer", "'one'"]),
    "an unknown key": ({"sead": 1}, None, ["run.yaml:", "sead: unknown key", "`seed`"]),
    "an unknown device": ({"device": "abacus"}, None, ["device", "abacus", "cpu"]),
    "an order for six tasks": ({"stream": GOOD["stream"] | {"order": "IV"}}, None, ["six tasks"]),
    "an unreadable image": (
        {"stream": {"tasks": ["bad"]}},
        UNREADABLE,
        ["dataset `bad`", "pictures/bad.png", "cannot be read"],
    ),
    "a plugin that raises on import": (
        {"strategy": "lucky"},
        RAISING,
        ["`lucky`", "plugin.py", "RuntimeError: no luck today"],
    ),
    "two plugins claiming one name": ({}, CLAIMING, ["`tsn-iqa`", "plugin.py", "cliqa-bench"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gives_one_message_and_exit_code_2_and_writes_nothing(run, mistake):
    changes, plugin, expected = MISTAKES[mistake]
    outcome, written = run(changes, plugin=plugin)
    assert outcome.exit_code == 2
    for words in expected:
        assert words in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert written == []


def test_missing_weights_are_one_sentence_with_the_ways_out(run, monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise OSError("no network here")

    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    outcome, written = run({"backbone": "resnet10t"})
    assert outcome.exit_code == 2
    message = outcome.stderr.strip()
    assert len(message.splitlines()) == 1
    for way_out in ("backbone.weights: FILE", "efficientnet-lite0", "pretrained: false"):
        assert way_out in message
    assert written == []


def test_a_good_run_prints_the_tables_and_says_that_scores_are_pseudo_mos(run):
    outcome, written = run({}, "--quiet")
    assert outcome.exit_code == 0, outcome.stderr
    assert written == ["runs"]
    for words in ("tsn-iqa", "newest", "mSRCC", "SRCC: tsn-iqa", "pseudo-MOS", "runs/run"):
        assert words in outcome.stdout
    printed = " ".join(outcome.stdout.split())
    assert "The qualities of embedded are pseudo-MOS: computed" in printed


def test_a_second_run_takes_a_new_folder_and_an_explicit_one_is_refused(run, tmp_path):
    run({}, "--quiet")
    run({}, "--quiet")
    assert sorted(p.name for p in Path("runs").iterdir()) == ["run", "run-2"]
    outcome, _ = run({}, "--out", "runs/run")
    assert outcome.exit_code == 2
    assert "--force" in outcome.stderr


def test_show_full_of_a_recipe_is_a_configuration_with_nothing_left_to_look_up():
    text = CliRunner().invoke(cli, ["show", "recipe", "quickstart", "--full"]).stdout
    found = yaml.safe_load(text)
    assert found["backbone"] == {"name": "efficientnet-lite0"}
    assert found["train"]["weight_decay"] == 0.0
    assert "extends" not in found


def test_the_first_line_of_a_run_needs_no_torch():
    code = "import sys, cliqa.cli.progress; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("count", [8, 9])
def test_many_tasks_are_printed_as_one_table_in_place_of_matrices(count):
    from rich.console import Console

    from cliqa.cli.run import _print_report

    tasks = [f"type-{n}" for n in range(count)]
    entry = {"mSRCC": 0.5, "srcc": [[0.5] * count] * count, "undefined": {}}
    metrics = {"tasks": tasks, "gates": {"newest": entry}}
    report = SimpleNamespace(
        results={"one": metrics, "two": metrics}, costs={}, told_task_id=(), pseudo_scores={},
        seconds=1, folder="out",
    )  # fmt: skip
    console = Console(file=io.StringIO(), width=80)
    _print_report(report, ["mSRCC"], console)
    printed = " ".join(console.file.getvalue().split())
    assert ("SRCC: one" in printed) == (count == 8)
    assert ("SRCC on each task after the last stage" in printed) == (count == 9)
    assert "type-7" in printed
