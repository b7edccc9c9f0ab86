"""Runs with trackers, good and bad ones."""

from __future__ import annotations

import json
import random
import signal
from functools import partial
from pathlib import Path

import pytest
import yaml

from cliqa.errors import CliqaError, MissingPackageError, PluginError
from cliqa.results import check_sums
from cliqa.resume import Interrupted, Interrupts, ResumeStore
from cliqa.run import run
from cliqa.run.identity import configuration
from cliqa.tracking.tracking import Tracking

PLUGIN = """
import errno, time
from pathlib import Path
from pydantic import Field
from cliqa import Component, hookimpl
from cliqa.config import ComponentConfig
from cliqa.tracking import Tracker, require

CALLS = ("start", "record", "task_end", "metrics", "close")
HEARD = []


class Config(ComponentConfig):
    fails: str = ""
    how: str = "raise"
    package: str = ""


class Mine(Tracker):
    wait = 0.2

    def __init__(self, config):
        self.config = config
        if config.package:
            require(config.package, "mine", "mine")

    def _hear(self, call, *facts):
        HEARD.append((id(self), call, facts))
        if call != self.config.fails:
            return
        if self.config.how == "raise":
            raise RuntimeError("out of order")
        if self.config.how == "exit":
            raise SystemExit(1)
        if self.config.how == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        if self.config.how == "hang":
            time.sleep(30)
        if self.config.how == "spoil":
            for fact in facts:
                if isinstance(fact, dict):
                    fact.clear()

    def start(self, run):
        if self.config.how == "spoil":
            run.record.clear()
        run.remember({"id": run.memory.get("id", f"{len(HEARD)}")})
        run.folder.mkdir(parents=True, exist_ok=True)
        (run.folder / "note.txt").write_text(run.name)
        self._hear("start", run)

    def record(self, number, record):
        self._hear("record", number, record)

    def task_end(self, number, summary):
        self._hear("task_end", number, summary)

    def metrics(self, metrics):
        self._hear("metrics", metrics)

    def close(self, ending):
        self._hear("close", ending)


def broken(config):
    raise ZeroDivisionError("no")


def other(config):
    return object()


@hookimpl
def cliqa_trackers():
    return [
        Component(name="mine", factory=Mine, config=Config),
        Component(name="broken", factory=broken),
        Component(name="other", factory=other),
    ]
"""
FAULTS = [(c, "raise") for c in ("start", "record", "task_end", "metrics", "close")]
FAULTS += [("record", "exit"), ("record", "full"), ("close", "hang"), ("record", "spoil")]


@pytest.fixture
def small(tiny_config, tmp_path):
    """Two tasks, two epochs each, and the trackers of `PLUGIN`."""
    (tmp_path / "tracker_plugin.py").write_text(PLUGIN)
    config = tiny_config
    config["plugins"].append("./tracker_plugin.py")
    config["stream"]["tasks"] = config["stream"]["tasks"][:2]
    config |= {"strategy": "ft", "gates": ["newest"], "resume": {"minutes": 0}}
    config["train"] |= {"warmup_epochs": 1, "epochs": 2}
    return config


def heard_in(config):
    """What the trackers of that configuration's plugin heard, by object."""
    component = next(c for c in config.registry.components("tracker") if c.name == "mine")
    found = {}
    for key, call, facts in component.component.factory._hear.__globals__["HEARD"]:
        found.setdefault(key, []).append((call, *facts))
    return list(found.values())


def test_no_fault_of_any_tracker_changes_a_byte_and_each_is_told_once(
    small, resolve, tmp_path, go, killing
):
    faults = list(FAULTS)
    random.Random(7).shuffle(faults)  # noqa: S311 - an order, no secret
    plain = go(resolve(small), tmp_path / "plain")
    small["trackers"] = [
        {"name": "mine", "as": f"t{n}", "fails": call, "how": how}
        for n, (call, how) in enumerate(faults)
    ]
    told = go(resolve(small), tmp_path / "told")
    one, other = (killing.content(tmp_path / name) for name in ("plain", "told"))
    assert one == {name: v for name, v in other.items() if not name.startswith("trackers/")}
    assert check_sums(tmp_path / "told") == []
    extra = [note for note in told.notes if note not in plain.notes]
    expected = [f"tracker `t{n}`" for n, (_, how) in enumerate(faults) if how != "spoil"]
    assert sorted(" ".join(note.split()[:2]) for note in extra) == sorted(expected)


def test_a_tracker_hears_the_log_as_it_is_written_and_the_metrics(small, resolve, tmp_path, go):
    small["trackers"] = ["mine"]
    config = resolve(small)
    out = tmp_path / "out"
    go(config, out)
    (calls,) = heard_in(config)
    lines = [json.loads(line) for line in (out / "train_log.jsonl").read_text().splitlines()]
    told = [
        (number, facts if call == "record" else {"event": "stage", **facts})
        for call, number, facts in (c for c in calls if c[0] in {"record", "task_end"})
    ]
    assert told == list(enumerate(lines, start=1))
    assert calls[0][1].record["run_id"] == json.loads((out / "run.json").read_text())["run_id"]
    assert calls[0][1].name == "out/ft"
    metrics = json.loads((out / "metrics.json").read_text())
    assert calls[-2][1]["gates"] == metrics["gates"]
    assert calls[-1] == ("close", "finished")


@pytest.mark.parametrize("closes", [True, False])
def test_a_run_that_goes_on_tells_every_record_again_and_what_was_remembered(
    small, resolve, tmp_path, go, monkeypatch, closes
):
    small["trackers"] = ["mine"]
    config, out = resolve(small), tmp_path / "out"
    with monkeypatch.context() as patch:
        if not closes:  # as after SIGKILL
            patch.setattr(Tracking, "_close", lambda self, ending: None)
        go(config, out, at=14)
    go(config, out)
    first, second = heard_in(config)
    assert not closes or first[-1] == ("close", "failed")
    lines = [json.loads(line) for line in (out / "train_log.jsonl").read_text().splitlines()]
    numbers = [c[1] for c in second if c[0] in {"record", "task_end"}]
    assert numbers == list(range(1, len(lines) + 1))
    known, memory = second[0][1].known, second[0][1].memory
    assert 0 < known < len(lines)
    assert memory == {"id": "0"}
    again = [c for c in first if c[0] == "record" and c[1] <= known]
    assert again == [c for c in second if c[0] == "record" and c[1] <= known]


def test_a_run_that_starts_over_remembers_nothing(small, resolve, tmp_path, go):
    small["trackers"] = ["mine"]
    config, out = resolve(small), tmp_path / "out"
    go(config, out)
    go(config, out, force=True)
    _, second = heard_in(config)
    assert (second[0][1].known, dict(second[0][1].memory)) == (0, {})


def test_a_tracker_may_come_and_go_between_attempts(small, resolve, tmp_path, go):
    out = tmp_path / "out"
    go(resolve(small), out, at=14)
    small["trackers"] = ["mine"]
    config = resolve(small)
    go(config, out)
    (calls,) = heard_in(config)
    lines = (out / "train_log.jsonl").read_text().splitlines()
    assert len([c for c in calls if c[0] in {"record", "task_end"}]) == len(lines)


def test_a_run_that_is_stopped_is_saved_before_its_trackers_are_waited_for(
    small, resolve, tmp_path, go, monkeypatch
):
    small |= {"trackers": ["mine"], "resume": {"minutes": 1000}}
    out, interrupts, saved = tmp_path / "out", Interrupts(), []

    def close(self, ending):
        saved.append((ending, ResumeStore(out).names()[0]))

    monkeypatch.setattr(Tracking, "_close", close)
    stop = partial(interrupts.ask, signal.SIGTERM)
    with pytest.raises(Interrupted, match="saved; the same command"):
        go(resolve(small), out, 5, stop, interrupts=interrupts)
    assert saved == [("interrupted", ResumeStore(out).names()[0])]


def test_what_was_finished_before_is_told_if_it_was_not_yet(
    small, resolve, tmp_path, go, monkeypatch
):
    small |= {"trackers": ["mine"], "compare": ["sl"]}
    config, out = resolve(small), tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(Tracking, "_close", lambda self, ending: None)
        go(config, out, at=30)  # in the second method
    go(config, out)
    lives = heard_in(config)
    names = [life[0][1].method for life in lives]
    assert names == ["ft", "sl", "ft", "sl"]
    assert lives[2][-1] == ("close", "finished")
    assert lives[2][-2][0] == "metrics"


def test_a_missing_package_stops_the_run_before_anything_is_written(small, resolve, tmp_path):
    small["trackers"] = [{"name": "mine", "package": "no_such_package_xyz"}]
    with pytest.raises(MissingPackageError, match=r'pip install "cliqa-bench\[mine\]"'):
        run(resolve(small), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "text"), [("broken", "ZeroDivisionError"), ("other", "object")])
def test_a_tracker_that_cannot_be_made_is_a_fault_of_its_plugin(
    small, resolve, tmp_path, name, text
):
    small["trackers"] = [name]
    with pytest.raises(PluginError, match=text):
        run(resolve(small), tmp_path / "out")


def test_trackers_are_no_part_of_what_a_run_is(small, resolve):
    plain = resolve(small)
    small["trackers"] = ["mine", {"name": "mine", "as": "b", "how": "hang"}]
    told = resolve(small)
    assert plain.dump() == told.dump()
    assert configuration(plain) == configuration(told)
    assert "trackers" not in yaml.safe_load(told.published_yaml())
    assert [tracker.label for tracker in told.trackers] == ["mine", "b"]


def test_trackers_are_named_on_the_command_line(small, resolve):
    config = resolve(small, "trackers=[mine, {name: mine, as: b}]", "trackers.1.how=exit")
    assert config.trackers[1].config.how == "exit"


def test_two_trackers_of_one_label_are_refused(small, resolve):
    small["trackers"] = ["mine", "mine"]
    with pytest.raises(CliqaError, match="the label `mine` is taken"):
        resolve(small)


def test_an_unknown_tracker_is_answered_with_the_nearest_name(small, resolve):
    small["trackers"] = ["tensorbord"]
    with pytest.raises(CliqaError, match="tensorboard"):
        resolve(small)


def test_a_damaged_memory_is_no_memory(small, resolve, tmp_path, go):
    small["trackers"] = ["mine"]
    config, out = resolve(small), tmp_path / "out"
    go(config, out, at=14)
    Path(out / "trackers" / "mine.json").write_text("[1")
    go(config, out)
    assert heard_in(config)[1][0][1].memory == {}
