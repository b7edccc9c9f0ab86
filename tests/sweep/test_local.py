"""Cells in processes of their own: the same numbers, and whatever dies costs no result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from cliqa.cli import cli
from cliqa.errors import ConfigError
from cliqa.sweep import CellState
from cliqa.sweep.local import slots

GRID = "grid: {strategy: [tsn-iqa, broken], stream.order: [I, reverse]}"
#: What the two executors must write alike.
FILES = ["predictions.parquet", "metrics.json", "weights.parquet", "checkpoints/model.safetensors"]


def invoke(sweeps, *arguments):
    """`cliqa sweep` beside the grid."""
    before = Path.cwd()
    os.chdir(sweeps.folder)
    try:
        return CliRunner().invoke(cli, ["sweep", *arguments])
    finally:
        os.chdir(before)


@pytest.fixture(scope="module")
def both(shared_sweeps):
    """A sweep of two workers, one of which is killed in its first run, and one in this process."""
    sweeps = shared_sweeps
    sweeps.grid(GRID)
    (sweeps.folder / "kill-at-seed-0").touch()
    parallel = invoke(sweeps, "grid.yaml", "--out", "parallel", "--workers", "2")
    assert not (sweeps.folder / "kill-at-seed-0").exists()
    serial = invoke(sweeps, "grid.yaml", "--out", "serial", "--quiet")
    return sweeps, parallel, serial


def test_workers_give_the_same_bytes_as_one_process(both):
    sweeps, *_ = both
    for cell in ("strategy-tsn-iqa_order-I", "strategy-tsn-iqa_order-reverse"):
        for name in FILES:
            one, other = (sweeps.folder / o / "cells" / cell / name for o in ("parallel", "serial"))
            assert one.read_bytes() == other.read_bytes(), name


def test_a_worker_that_is_killed_costs_one_attempt_which_is_told(both):
    sweeps, outcome, _ = both
    folder = sweeps.out("parallel")
    logs = [folder.attempts(c.name).read() for c in sweeps.plan(GRID).cells[:2]]
    assert sorted(len(log) for log in logs) == [1, 2]
    lost, done = max(logs, key=len)
    assert (lost.outcome, done.outcome) == ("lost", "done")
    assert "killed by SIGKILL" in lost.message
    assert "attempt 1 of 3, and is tried again: its process was killed" in outcome.stdout


def test_a_cell_that_always_fails_is_tried_once_and_shown_failed_beside_the_others(both):
    sweeps, outcome, _ = both
    folder = sweeps.out("parallel")
    states = folder.states(sweeps.plan(GRID))
    assert list(states.values()) == [CellState.DONE] * 2 + [CellState.FAILED] * 2
    assert len(folder.attempts("strategy-broken_order-I").read()) == 1
    assert outcome.exit_code == 1
    assert "strategy-broken_order-I: ZeroDivisionError: a defect" in outcome.stderr
    assert "1 failed: ZeroDivisionError: a defect" in outcome.stdout  # in the table


def test_no_stage_is_trained_twice_by_two_workers(both):
    sweeps, *_ = both
    addresses = []
    for cell in sweeps.plan(GRID).cells[:2]:
        log = sweeps.out("parallel").cell(cell.name) / "train_log.jsonl"
        records = [json.loads(line) for line in log.read_text().splitlines()]
        addresses += [
            r["address"] for r in records if r.get("event") == "stage" and not r["reused"]
        ]
    assert len(addresses) == len(set(addresses)) == 2


def test_status_shows_states_attempts_and_messages(both):
    sweeps, *_ = both
    outcome = invoke(sweeps, "status", "parallel")
    lines = [" ".join(line.split()) for line in outcome.stdout.splitlines()]
    assert "strategy-broken_order-I failed 1 ZeroDivisionError: a defect" in lines
    assert lines[-1] == "4 runs: 2 done, 2 failed"
    only = invoke(sweeps, "status", "parallel", "--failed").stdout
    assert "tsn-iqa" not in only


def test_the_report_has_a_row_for_what_failed_and_says_why(both, tmp_path):
    sweeps, *_ = both
    tables = tmp_path / "tables.md"
    arguments = ["report", str(sweeps.folder / "parallel"), "--out", str(tmp_path / "r.html")]
    outcome = CliRunner().invoke(cli, [*arguments, "--markdown", str(tables), "--no-images"])
    assert outcome.exit_code == 0, outcome.output
    assert "strategy-broken_order-I: failed: ZeroDivisionError: a defect" in outcome.stderr
    rows = [line.split("|")[1:-1] for line in tables.read_text().splitlines() if "| broken" in line]
    cells = [cell.strip() for cell in rows[0]]
    assert cells[:2] == ["broken", "–"]
    assert all(cell.startswith("failed") for cell in cells[2:-1])
    assert cells[-1] == "0 (1 failed)"
    for page in (tables, tmp_path / "r.html"):
        assert "failed: ZeroDivisionError: a defect" in page.read_text()


def test_the_leaderboard_lists_what_failed_with_the_reason(both, tmp_path):
    sweeps, *_ = both
    board = tmp_path / "board"
    arguments = ["leaderboard", str(sweeps.folder / "parallel"), "--out", str(board)]
    outcome = CliRunner().invoke(cli, arguments)
    assert outcome.exit_code == 0, outcome.output
    rejected = json.loads((board / "leaderboard.json").read_text())["rejected"]
    reasons = [entry["reason"] for entry in rejected if "strategy-broken" in entry["bundle"]]
    assert reasons == ["failed: ZeroDivisionError: a defect"] * 2


def test_a_report_of_a_sweep_without_any_result_says_what_happened(sweeps):
    sweeps.grid("grid: {strategy: [broken]}")
    invoke(sweeps, "grid.yaml", "--out", "out", "--quiet")
    outcome = CliRunner().invoke(cli, ["report", str(sweeps.out().path), "--out", "none.html"])
    assert outcome.exit_code == 2
    assert "(strategy-broken) is failed: ZeroDivisionError: a defect" in outcome.stderr


def start(sweeps, *arguments, **environment) -> subprocess.Popen[str]:
    command = "from signal import *; signal(SIGINT, default_int_handler);"
    command += "from cliqa.cli import main; main()"  # as a terminal starts it
    return subprocess.Popen(
        [sys.executable, "-c", command, "sweep", *arguments],
        cwd=sweeps.folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def hanging(sweeps, *arguments) -> subprocess.Popen[str]:
    """A driver whose worker has begun seed 1 and gets no further."""
    mark = sweeps.folder / "hanging"
    process = start(sweeps, *arguments, HANG_AT_SEED="1", HANG_MARK=str(mark))
    while not mark.exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    return process


def test_a_driver_that_is_killed_leaves_no_worker_and_any_executor_goes_on(sweeps):
    sweeps.grid("grid: {strategy: [ft], seed: [0, 1]}")
    arguments = ("grid.yaml", "--out", "out", "--executor", "local", "--workers", "1")
    process, out = hanging(sweeps, *arguments), sweeps.out()
    assert out.at_work("strategy-ft_seed-1")
    status = invoke(sweeps, "status", "out").stdout
    assert "running" in status
    process.kill()
    process.communicate()
    end = time.monotonic() + 60
    while out.at_work("strategy-ft_seed-1") and time.monotonic() < end:
        time.sleep(0.05)
    assert not out.at_work("strategy-ft_seed-1")
    assert invoke(sweeps, "grid.yaml", "--out", "out", "--quiet").exit_code == 0
    assert len(out.attempts("strategy-ft_seed-0").read()) == 1
    before, after = out.attempts("strategy-ft_seed-1").read()
    assert (before.outcome, after.outcome) == ("interrupted", "done")
    assert (before.executor, after.executor) == ("local", "in-process")


def test_ctrl_c_lets_workers_save_and_says_how_to_go_on(sweeps):
    sweeps.grid("grid: {strategy: [ft], seed: [1]}")
    process = hanging(sweeps, "grid.yaml", "--out", "out", "--workers", "1")
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    assert "interrupted: 0 done, 0 failed, 1 left; the same command goes on from here" in stdout
    assert "Traceback" not in stderr
    (attempt,) = sweeps.out().attempts("strategy-ft_seed-1").read()
    assert (attempt.outcome, attempt.message[:22]) == ("interrupted", "interrupted by SIGTERM")
    assert not sweeps.out().at_work("strategy-ft_seed-1")


def test_retry_runs_what_failed_from_the_folder_alone(sweeps, tmp_path_factory, monkeypatch):
    sweeps.grid("grid: {strategy: [flaky, ft]}")
    (sweeps.folder / "flaky").touch()
    assert invoke(sweeps, "grid.yaml", "--out", "out", "--quiet").exit_code == 1
    (sweeps.folder / "flaky").unlink()
    (sweeps.folder / "grid.yaml").unlink()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    out = sweeps.out()
    outcome = CliRunner().invoke(cli, ["sweep", "retry", str(out.path), "--failed"])
    assert outcome.exit_code == 0, outcome.output
    assert "[1/1] strategy-flaky" in outcome.stdout
    assert out.failure("strategy-flaky") is None
    assert [a.outcome for a in out.attempts("strategy-flaky").read()] == ["failed", "done"]


def test_retry_without_failed_runs_what_never_ran_too(sweeps):
    sweeps.grid("grid: {strategy: [broken, ft]}")
    invoke(sweeps, "grid.yaml", "--out", "out", "--quiet", "--fail-fast")
    outcome = invoke(sweeps, "retry", "out", "--failed", "--quiet")
    assert outcome.stderr.endswith("a defect\n1 run not run\n")
    outcome = invoke(sweeps, "retry", "out", "--quiet")
    assert outcome.stderr == "1 run failed:\n  strategy-broken: ZeroDivisionError: a defect\n"


@pytest.mark.parametrize(("retries", "code", "tries"), [("2", 0, 3), ("1", 1, 2), ("0", 1, 1)])
def test_too_little_memory_is_tried_again_so_often_and_no_more(sweeps, retries, code, tries):
    sweeps.grid("grid: {strategy: [starving]}")
    (sweeps.folder / "starving").write_text("99")  # planning makes the strategy too
    outcome = invoke(sweeps, "grid.yaml", "--out", "none", "--dry-run")
    used = 99 - int((sweeps.folder / "starving").read_text())
    (sweeps.folder / "starving").write_text(str(2 * used + 2))
    outcome = invoke(sweeps, "grid.yaml", "--out", "out", "--quiet", "--retries", retries)
    assert outcome.exit_code == code, outcome.output
    assert len(sweeps.out().attempts("strategy-starving").read()) == tries


def test_slots_share_gpus_evenly_and_refuse_what_does_not_fit():
    assert slots(3) == [{}, {}, {}]
    assert [s["CUDA_VISIBLE_DEVICES"] for s in slots(gpus=["0", "3"], per_gpu=2)] == list("0303")
    assert slots(1, ["5"]) == [{"CUDA_VISIBLE_DEVICES": "5"}]
    for mistake in ({"per_gpu": 2}, {"workers": 3, "gpus": ["0", "1"]}, {"gpus": ["0", "0"]}):
        with pytest.raises(ConfigError, match="--"):
            slots(**mistake)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--executor", "in-process", "--workers", "2"), "--workers is an option of `--executor"),
        (("--executor", "local", "--ray-address", "auto"), "--ray-address is an option of"),
        (("--workers", "4", "--gpus", "0"), "have room for 1"),
    ],
)
def test_an_option_of_another_executor_is_refused_before_anything_is_done(sweeps, options, words):
    sweeps.grid("grid: {seed: [0]}")
    outcome = invoke(sweeps, "grid.yaml", "--out", "out", *options)
    assert (outcome.exit_code, words in outcome.stderr) == (2, True), outcome.output
    assert not (sweeps.folder / "out").exists()


def test_without_ray_the_message_names_the_extra(sweeps, monkeypatch):
    monkeypatch.setattr("cliqa.sweep.on_ray.find_spec", lambda name: None)
    sweeps.grid("grid: {seed: [0]}")
    outcome = invoke(sweeps, "grid.yaml", "--out", "out", "--executor", "ray")
    assert (outcome.exit_code, "cliqa-bench[ray]" in outcome.stderr) == (2, True), outcome.output
