"""`cliqa sweep` at the terminal: what it says, what it leaves behind, and how it goes on."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from cliqa.cli import cli
from cliqa.cli.sweep_words import headline
from cliqa.results import FolderState, folder_state
from cliqa.sweep import CellState

if TYPE_CHECKING:
    from pathlib import Path

#: Files of a run that hold times.
TIMED = {"run.json", "train_log.jsonl"}


@pytest.fixture
def cliqa(sweeps, monkeypatch):
    """Run the command beside the grid, in this process."""
    monkeypatch.chdir(sweeps.folder)

    def invoke(*arguments: str):
        return CliRunner().invoke(cli, list(arguments))

    return invoke


def sums(out: Path) -> dict[str, str]:
    """Digest of each file of each cell that holds no time."""
    return {
        f"{file.parent.relative_to(out)}/{name}": digest
        for file in sorted(out.rglob("SHA256SUMS"))
        for digest, name in (line.split("  ") for line in file.read_text().splitlines())
        if name not in TIMED
    }


def _as_in_a_terminal() -> None:
    """A shell starts its background jobs, such as these tests perhaps, with Ctrl-C switched off."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(sweeps, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "cliqa", "sweep", *arguments],
        cwd=sweeps.folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_as_in_a_terminal,
    )


def hanging(sweeps, *arguments: str) -> subprocess.Popen[str]:
    """A sweep that has begun its run of seed 1 and gets no further."""
    mark = sweeps.folder / "hanging"
    process = start(sweeps, *arguments, HANG_AT_SEED="1", HANG_MARK=str(mark))
    while not mark.exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    return process


def test_a_sweep_killed_in_the_middle_goes_on_and_gives_the_same_sums(sweeps, cliqa):
    sweeps.grid("grid: {strategy: [lwf], seed: [0, 1, 2]}")
    assert cliqa("sweep", "grid.yaml", "--out", "whole").exit_code == 0
    process = hanging(sweeps, "grid.yaml", "--out", "cut")
    process.kill()
    process.communicate()
    cells = sweeps.folder / "cut/cells"
    assert folder_state(cells / "strategy-lwf_seed-1") is FolderState.UNFINISHED
    before = (cells / "strategy-lwf_seed-0/run.json").read_bytes()
    outcome = cliqa("sweep", "grid.yaml", "--out", "cut")
    assert outcome.exit_code == 0, outcome.output
    assert "3 runs: 1 strategy x 3 seeds; 1 already there, 1 unfinished" in outcome.stdout
    assert sums(sweeps.folder / "cut") == sums(sweeps.folder / "whole") != {}
    assert (cells / "strategy-lwf_seed-0/run.json").read_bytes() == before


def test_ctrl_c_says_what_is_done_and_what_is_left(sweeps):
    sweeps.grid("grid: {strategy: [broken, ft], seed: [0, 1]}")
    process = hanging(sweeps, "grid.yaml", "--out", "out", "--set", "compare=[]")
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "interrupted: 1 done, 2 failed, 1 left; the same command goes on from here" in stdout
    assert "Traceback" not in stderr
    record = json.loads((sweeps.folder / "out/sweep.json").read_text())
    assert [bool(cell["run_id"]) for cell in record["cells"]] == [False, False, True, False]


def test_a_second_time_nothing_is_run_and_the_table_is_shown_again(sweeps, cliqa):
    sweeps.grid("description: Two seeds\ngrid: {strategy: [ft], seed: [0, 1]}")
    first = cliqa("sweep", "grid.yaml", "--out", "out")
    second = cliqa("sweep", "grid.yaml", "--out", "out")
    assert (first.exit_code, second.exit_code) == (0, 0), first.output
    assert first.stdout.startswith("Two seeds\n2 runs: 1 strategy x 2 seeds\n")
    assert second.stdout.startswith("Two seeds\n2 runs: 1 strategy x 2 seeds; 2 already there\n")
    assert "[2/2] strategy-ft_seed-1" in first.stdout
    table = first.stdout[first.stdout.index("Mean ±") :]
    assert second.stdout.endswith(table)
    assert re.search(r"The qualities of \S+ and \S+ are pseudo-MOS", table)
    assert "Result: out" in table


def test_a_seed_more_runs_only_what_is_new(sweeps, cliqa):
    sweeps.grid("grid: {seed: [1]}")
    cliqa("sweep", "grid.yaml", "--out", "out", "--quiet")
    sweeps.grid("grid: {seed: [0, 1]}")
    outcome = cliqa("sweep", "grid.yaml", "--out", "out")
    assert "2 runs: 2 seeds; 1 already there" in outcome.stdout
    assert "[1/1] seed-0" in outcome.stdout


def test_a_failed_run_is_shown_the_others_are_run_and_the_exit_code_is_1(sweeps, cliqa):
    sweeps.grid("grid: {strategy: [refusing, ft]}")
    outcome = cliqa("sweep", "grid.yaml", "--out", "out")
    assert outcome.exit_code == 1
    assert outcome.stderr == ("1 run failed:\n  strategy-refusing: this strategy takes nobody\n")
    assert "failed: this strategy takes nobody" in outcome.stdout
    assert "1 failed: this strategy takes nobody" in outcome.stdout  # the table's footnote
    again = cliqa("sweep", "grid.yaml", "--out", "out")
    assert "1 already there, 1 failed before, to be tried again" in again.stdout


def test_fail_fast_leaves_the_rest_and_says_so(sweeps, cliqa):
    sweeps.grid("grid: {strategy: [broken, ft, lwf]}")
    outcome = cliqa("sweep", "grid.yaml", "--out", "out", "--fail-fast", "--quiet")
    assert outcome.exit_code == 1
    assert outcome.stderr.endswith("strategy-broken: ZeroDivisionError: a defect\n2 runs not run\n")


def test_a_dry_run_prints_every_run_and_writes_nothing(sweeps, cliqa):
    sweeps.grid("grid: {stream.order: [I, reverse], seed: [0, 1]}")
    before = sorted(sweeps.folder.iterdir())
    outcome = cliqa("sweep", "grid.yaml", "--out", "out", "--dry-run")
    assert outcome.exit_code == 0
    lines = [" ".join(line.split()) for line in outcome.stdout.splitlines()]
    assert lines == [
        "4 runs: 2 orders x 2 seeds",
        "2 stages each: 8 stages, 4 distinct to train",
        "run state",
        "order-I_seed-0 not run",
        "order-I_seed-1 not run",
        "order-reverse_seed-0 not run",
        "order-reverse_seed-1 not run",
    ]
    assert sorted(sweeps.folder.iterdir()) == before


def test_without_a_store_every_stage_is_to_be_trained(sweeps, cliqa):
    sweeps.grid("grid: {stream.order: [I, reverse], seed: [0, 1]}")
    outcome = cliqa("sweep", "grid.yaml", "--out", "out", "--dry-run", "--no-store")
    assert "2 stages each: 8 stages, 8 distinct to train" in outcome.stdout


def test_a_dry_run_builds_no_network_and_no_dataset(sweeps):
    sweeps.grid("grid: {seed: [0, 1]}")
    code = (
        "import sys\nfrom cliqa.cli import cli\n"
        "cli(['sweep', 'grid.yaml', '--out', 'out', '--dry-run'], standalone_mode=False)\n"
        "assert not {'timm', 'datasets', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=sweeps.folder, check=True)


def test_a_mistake_in_one_cell_starts_none(sweeps, cliqa):
    sweeps.grid("grid: {strategy: [ft, tsn]}")
    outcome = cliqa("sweep", "grid.yaml", "--out", "out")
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith("error: grid.yaml:2:23: strategy: unknown strategy `tsn`.")
    assert not (sweeps.folder / "out").exists()


def test_a_folder_of_the_users_is_left_as_it_was(sweeps, cliqa):
    sweeps.grid("grid: {seed: [0]}")
    (sweeps.folder / "out").mkdir()
    (sweeps.folder / "out/mine.txt").write_text("mine")
    outcome = cliqa("sweep", "grid.yaml", "--out", "out")
    assert (outcome.exit_code, "holds no sweep" in outcome.stderr) == (2, True)
    assert [p.name for p in (sweeps.folder / "out").iterdir()] == ["mine.txt"]


def test_each_command_sends_the_others_file_there(sweeps, cliqa):
    sweeps.grid("grid: {seed: [0]}")
    one = cliqa("run", "grid.yaml")
    assert one.stderr == (
        "error: grid.yaml:2:1: this is a grid of runs, not one run; use `cliqa sweep`\n"
    )
    other = cliqa("sweep", "base.yaml", "--out", "out")
    assert "this is the configuration of one run" in other.stderr
    assert "use `cliqa run base.yaml`" in other.stderr
    assert (one.exit_code, other.exit_code) == (2, 2)


@pytest.mark.parametrize(
    ("grid", "line"),
    [
        ("grid: {seed: [0]}", "1 run: 1 seed"),
        ("grid: {strategy: [ft, lwf]}", "2 runs: 2 strategies"),
        ("grid: {train.epochs: [1, 2], seed: [0, 1]}", "4 runs: 2 values of epochs x 2 seeds"),
    ],
)
def test_the_headline_counts_what_there_is(sweeps, grid, line):
    plan = sweeps.plan(grid)
    assert headline(plan, {cell.name: CellState.NEW for cell in plan.cells}) == line


def test_without_out_a_sweep_has_a_folder_by_its_name_and_goes_on_there(sweeps, cliqa):
    sweeps.grid("grid: {seed: [0]}")
    for there in ("1 run: 1 seed\n", "1 run: 1 seed; 1 already there\n"):
        outcome = cliqa("sweep", "grid.yaml")
        assert outcome.stdout.startswith(there)
        assert "Result: sweeps/grid" in outcome.stdout
