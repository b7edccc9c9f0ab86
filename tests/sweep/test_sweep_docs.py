"""What the pages about sweeps say is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from cliqa.cli import cli
from cliqa.cli.fields import field_rows
from cliqa.cli.sweep_run import run
from cliqa.registry import Registry
from cliqa.sweep import plan_sweep
from cliqa.sweep.grid import GridFile
from cliqa.sweep.plan import LARGEST

DOCS = Path(__file__).parents[2] / "docs"
HOW_TO = (DOCS / "how-to/sweep.md").read_text(encoding="utf-8")
REFERENCE = (DOCS / "reference/sweep.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def grids(tmp_path, monkeypatch) -> list[str]:
    """The grids of the how-to, each under the name in its first line."""
    monkeypatch.chdir(tmp_path)
    names = []
    for block in blocks(HOW_TO, "yaml"):
        names.append(block.splitlines()[0].removeprefix("# "))
        Path(names[-1]).write_text(block)
    return names


def test_the_how_tos_grids_can_be_run(grids):
    sizes = [
        len(plan_sweep(name, registry_factory=lambda _: Registry.discover()).cells)
        for name in grids
    ]
    assert dict(zip(grids, sizes, strict=True)) == {"orders.yaml": 18, "schedules.yaml": 6}


@pytest.mark.usefixtures("grids")
def test_the_how_tos_commands_print_what_it_shows():
    looking, *_ = blocks(HOW_TO, "sh")
    outcome = CliRunner().invoke(cli, looking.split()[1:])
    (shown,) = blocks(HOW_TO, "text")
    assert outcome.stdout.startswith(shown)


@pytest.mark.usefixtures("grids")
def test_every_command_of_the_how_to_names_a_grid_that_can_be_planned(monkeypatch):
    monkeypatch.setattr("cliqa.sweep.on_ray.find_spec", lambda name: True)
    lines = [line for block in blocks(HOW_TO, "sh") for line in block.splitlines()]
    of_folders = [line.split()[2] for line in lines if line.split()[2] in {"status", "retry"}]
    assert of_folders == ["status", "retry"]
    for command in {line for line in lines if line.split()[2] not in of_folders}:
        arguments = command.replace("--dry-run", "").split()[1:]
        outcome = CliRunner().invoke(cli, [*arguments, "--dry-run"])
        assert outcome.exit_code == 0, outcome.output


def test_the_reference_lists_every_option_of_the_executors():
    for option in run.params:
        if option.name in {"executor", "workers", "threads", "gpus", "per_gpu", "ray_address"}:
            assert option.opts[0] in REFERENCE
    for kind in ("done", "failed", "interrupted", "lost"):
        assert f"`{kind}`" in REFERENCE


def test_the_reference_lists_every_key_of_a_grids_file():
    for key, kind, default, bounds, meaning in field_rows(GridFile):
        cells = [f"`{key}`", code(kind), code(default), bounds and code(bounds), meaning]
        assert f"| {' | '.join(cells)} |" in REFERENCE, key
    assert f"more than {LARGEST:,} runs" in REFERENCE


def code(text: str) -> str:
    escaped = text.replace("|", "\\|")
    return f"`{escaped}`"
