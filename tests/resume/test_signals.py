"""Real signals to real processes, and the lock."""

from __future__ import annotations

import os
import signal

import pytest
from click.testing import CliRunner

from cliqa.cli import cli
from cliqa.errors import ResultError
from cliqa.results.lock import folder_lock, is_locked
from cliqa.resume import Interrupted, Interrupts
from cliqa.run import run

#: Every step takes a while, and tells that it has begun.
SLOW = """
import time
from cliqa import Component, hookimpl
from cliqa.training import Strategy


class Slow(Strategy):
    def loss(self, context, batch):
        print("step", flush=True)
        time.sleep(PAUSE)
        return super().loss(context, batch)


@hookimpl
def cliqa_strategies():
    return [Component(name="slow", factory=Slow)]
"""


@pytest.fixture
def slow(two_stages, tmp_path):
    """The configuration of a run whose steps take so long; it is in `run.yaml`, too."""

    def make(pause=0.05, minutes=1000):
        (tmp_path / "slow.py").write_text(f"PAUSE = {pause}\n{SLOW}")
        return two_stages("slow", minutes=minutes, plugins=["./tiny_plugin.py", "./slow.py"])

    return make


def begun(process, steps):
    """The process, in the middle of its so-many-th step."""
    for _ in range(steps):
        assert process.stdout.readline() == "step\n", process.stderr.read()
    return process


def test_sigterm_and_ctrl_c_save_exit_with_their_own_codes_and_the_same_command_goes_on(
    slow, killing, tmp_path
):
    """And so does a run that was killed."""
    config, command = slow(), ("run", tmp_path / "run.yaml", "--out", tmp_path / "cut", "--quiet")
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        process = begun(killing.Process(*command), 4)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=300)
        assert process.returncode == code, stderr
        assert "finishing this step, then saving" in stderr
        assert f"interrupted by {number.name}; saved; the same command goes on from there" in stderr
        assert "Traceback" not in stderr
    process = begun(killing.Process(*command), 2)
    process.kill()
    process.communicate()
    seen = killing.go(config, tmp_path / "cut")
    assert seen.places
    killing.go(config, tmp_path / "whole")
    assert killing.unlike(tmp_path / "whole", tmp_path / "cut") == []


def test_a_second_process_is_told_who_the_first_is_and_a_second_signal_stops_at_once(
    slow, killing, tmp_path
):
    config, out = slow(pause=600), tmp_path / "cut"
    first = begun(killing.Process("run", tmp_path / "run.yaml", "--out", out, "--quiet"), 1)
    told = rf"another run is running in .*cut: process {first.pid} on \S+, since 20"
    with pytest.raises(ResultError, match=told):
        run(config, out)
    assert is_locked(out / ".cliqa-lock")
    first.send_signal(signal.SIGTERM)
    assert "finishing this step" in first.stderr.readline()
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=300) == -signal.SIGTERM
    first.communicate()
    assert not is_locked(out / ".cliqa-lock")


def test_without_out_the_run_that_was_cut_off_goes_on_and_another_gets_its_own_folder(
    two_stages, killing, built, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cliqa.run.prepare.BuiltDatasets", lambda: built)
    killing.go(two_stages("ft"), tmp_path / "runs/run", 9, datasets=built)
    command = ["run", str(tmp_path / "run.yaml"), "--quiet"]
    other = CliRunner().invoke(cli, [*command, "--set", "seed=5"])
    assert other.exit_code == 0, other.output
    assert not (tmp_path / "runs/run/SHA256SUMS").exists()
    assert (tmp_path / "runs/run-2/SHA256SUMS").exists()
    same = CliRunner().invoke(cli, command)
    assert same.exit_code == 0, same.output
    assert (tmp_path / "runs/run/SHA256SUMS").exists()
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["run", "run-2"]


def interrupted_in(interrupts, done):
    with interrupts.deferred():
        with interrupts.deferred():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("inner")
        done.append("outer")
    done.append("never")


def test_a_signal_inside_a_step_takes_effect_when_the_outermost_is_over():
    done = []
    with Interrupts() as interrupts, pytest.raises(Interrupted) as stop:
        interrupted_in(interrupts, done)
    assert done == ["inner", "outer"]
    assert stop.value.exit_code == 143


def test_a_signal_outside_a_step_takes_effect_at_once():
    with Interrupts(), pytest.raises(Interrupted, match="interrupted by SIGTERM"):
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_process_that_follows_another_goes_on_after_a_signal():
    with Interrupts(follows=True) as interrupts, interrupts.deferred():
        os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL  # a second one is heard


def test_signals_have_their_old_effect_afterwards_and_an_ignored_one_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_lock_is_held_once_names_its_holder_and_leaves_no_file(tmp_path):
    path = tmp_path / "lock"
    with folder_lock(path, "run"):
        assert is_locked(path)
        second = folder_lock(path, "run")
        with pytest.raises(ResultError, match=f"process {os.getpid()} on "):
            second.__enter__()
    assert list(tmp_path.iterdir()) == []
    path.write_text("what a killed process has left")
    with folder_lock(path, "run"):
        pass
