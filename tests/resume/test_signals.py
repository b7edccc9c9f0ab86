"""Real signals to real processes, and the lock."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest

from cliqa.errors import ResultError
from cliqa.results.lock import folder_lock, is_locked
from cliqa.resume import Interrupted, Interrupts

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
def started(two_stages, support, tmp_path):
    """Start the run whose steps take so long, in another process, up to its so-many-th step."""

    def start(*arguments, pause=0.05, steps=0):
        (tmp_path / "slow.py").write_text(f"PAUSE = {pause}\n{SLOW}")
        two_stages("slow", minutes=1000, plugins=["./tiny_plugin.py", "./slow.py"])
        command = ["run", tmp_path / "run.yaml", "--quiet", *arguments]
        process = support("killing").Process([str(c) for c in command], tmp_path)
        for _ in range(steps):
            assert process.stdout.readline() == "step\n", process.stderr()
        return process

    return start


def test_sigterm_and_ctrl_c_save_exit_with_their_own_codes_and_the_same_command_goes_on(
    started, killing, tmp_path
):
    """And so does a run that was killed."""
    whole, cut = ("--out", tmp_path / "whole"), ("--out", tmp_path / "cut")
    assert started(*whole).wait() == 0
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        process = started(*cut, steps=4)
        process.send(number)
        assert process.wait() == code
        assert "finishing this step, then saving" in process.stderr()
        said = f"interrupted by {number.name}; saved; the same command goes on from there"
        assert said in process.stderr()
        assert "Traceback" not in process.stderr()
    process = started(*cut, steps=2)
    process.send(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert started(*cut).wait() == 0
    assert killing.unlike(tmp_path / "whole", tmp_path / "cut") == []


def test_a_second_process_is_told_who_the_first_is_and_a_second_signal_stops_at_once(
    started, tmp_path
):
    cut = ("--out", tmp_path / "cut")
    first = started(*cut, pause=600, steps=1)
    second = started(*cut, pause=600)
    assert second.wait() == 2
    told = rf"another run is running in .*cut: process {first.pid} on \S+, since 20"
    assert re.search(told, second.stderr())
    first.send(signal.SIGTERM)
    while "finishing this step" not in first.stderr():
        time.sleep(0.01)
    first.send(signal.SIGTERM)
    assert first.wait() == -signal.SIGTERM
    assert not is_locked(tmp_path / "cut/.cliqa-lock")


def test_without_out_the_run_that_was_cut_off_goes_on_and_another_gets_its_own_folder(
    started, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    process = started(steps=3)
    process.send(signal.SIGTERM)
    assert process.wait() == 143
    other = started("--set", "seed=5", steps=1)
    other.send(signal.SIGKILL)
    other.wait()
    assert started().wait() == 0
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["run", "run-2"]
    assert (tmp_path / "runs/run/SHA256SUMS").exists()
    assert not (tmp_path / "runs/run-2/SHA256SUMS").exists()


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
