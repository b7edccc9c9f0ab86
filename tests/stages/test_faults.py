"""Whatever happens to a store or to those who use it, no run is ever wrong or stopped by it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from cliqa.errors import ResultError
from cliqa.resume import Damaged
from cliqa.run import Observer, run
from cliqa.stages import StageStore

#: Methods of others: each breaks its word in one way.
OTHERS = """
from cliqa import Component, hookimpl


@hookimpl
def cliqa_strategies():
    return [
        Component(name=n, factory=lambda config, n=n: make(n, config))
        for n in ("forgets", "remembers", "spills", "says")
    ]


def make(name, config):
    import torch
    from cliqa.training import IsolatingStrategy, Strategy

    class Forgets(Strategy):
        def end_stage(self, context):
            self.importance = torch.ones(3)

    class Isolating(IsolatingStrategy):
        def own(self, backbone):
            return [n for n in backbone.state_dict() if ".1." in n]  # normalization

    class Remembers(Isolating):
        def end_stage(self, context):
            super().end_stage(context)
            self.seen = context.stage.step

    class Spills(Isolating):
        def end_stage(self, context):
            super().end_stage(context)
            with torch.no_grad():
                next(context.model.backbone.parameters()).add_(1.0)

    class Says(Isolating):
        def end_stage(self, context):
            super().end_stage(context)
            context.log({"event": "mine", "step": context.stage.step})
            context.note("look at this")

    kinds = {"forgets": Forgets, "remembers": Remembers, "spills": Spills, "says": Says}
    return kinds[name](config)
"""


@pytest.fixture
def others(small, tmp_path):
    (tmp_path / "others.py").write_text(OTHERS)

    def make(name, *args):
        return small(name, *args, plugins=["./tiny_plugin.py", "./others.py"])

    return make


def entry(store, number=0):
    return store.place(store.addresses()[number])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


DAMAGE = {
    "a flipped bit in the tensors": lambda place: flip(place / "tensors-000.safetensors"),
    "a flipped bit in the manifest": lambda place: flip(place / "manifest.json"),
    "cut off": lambda place: os.truncate(place / "tensors-000.safetensors", 100),
    "no manifest": lambda place: (place / "manifest.json").unlink(),
    "no tensors": lambda place: (place / "tensors-000.safetensors").unlink(),
    "an empty manifest": lambda place: (place / "manifest.json").write_text(""),
    "another's manifest": lambda place: (place / "manifest.json").write_text('x\n{"a": 1}'),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_entry_is_said_and_trained_again(
    what, small, store, go, reused, killing, tmp_path
):
    config = small()
    go(config, "one", store=store)
    DAMAGE[what](entry(store))
    with pytest.raises(Damaged):
        store.check(store.addresses()[0])
    seen = go(config, "other", store=store)
    assert sorted(reused("other")) == [False, True]
    assert any("trained again" in note for note in seen.notes)
    assert killing.unlike(tmp_path / "one", tmp_path / "other") == ["train_log.jsonl"]
    store.check(store.addresses()[0])
    assert "step" not in go(config, "third", store=store).moments


def test_an_entry_in_the_place_of_another_is_not_taken(small, store, go, reused):
    config = small()
    go(config, "one", store=store)
    first, second = map(store.place, store.addresses())
    for file in second.iterdir():
        (first / file.name).write_bytes(file.read_bytes())
    assert any("another stage" in note for note in go(config, "other", store=store).notes)
    assert sorted(reused("other")) == [False, True]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("forgets", "does not come back"),
        ("remembers", "changed `seen`"),
        ("spills", "changed the shared network"),
    ],
)
def test_a_method_that_does_not_come_back_whole_is_not_kept_and_that_is_said_once(
    name, why, others, store, go, killing, tmp_path
):
    config = others(name)
    seen = go(config, "one", store=store)
    told = [note for note in seen.notes if "not kept" in note]
    assert len(told) == 1
    assert why in told[0]
    assert store.addresses() == []
    go(config, "alone")
    assert killing.unlike(tmp_path / "alone", tmp_path / "one") == ["train_log.jsonl"]


def test_records_and_notes_come_along_with_the_step_of_the_run_that_takes_them(
    others, store, go, reused, tmp_path
):
    go(others("says", "lb"), "one", store=store)
    seen = go(others("says", "bl"), "other", store=store)
    assert reused("other") == [True, True]
    lines = (tmp_path / "other/train_log.jsonl").read_text().splitlines()
    mine = [record["step"] for record in map(json.loads, lines) if record["event"] == "mine"]
    assert mine == [1, 2]
    notes = json.loads((tmp_path / "other/run.json").read_text())["notes"]
    assert notes.count("look at this") == 2
    assert sum("look at this" in note for note in seen.notes) == 2


def test_a_full_disk_costs_the_entry_and_not_the_run(small, store, go, monkeypatch, tmp_path):
    from cliqa.resume.store import write_checkpoint

    def full(folder, checkpoint):
        if store.root in folder.parents:
            raise OSError(28, "No space left on device")
        return write_checkpoint(folder, checkpoint)

    monkeypatch.setattr("cliqa.resume.store.write_checkpoint", full)
    seen = go(small(), "one", store=store)
    assert (tmp_path / "one/SHA256SUMS").exists()
    assert sum("no space is left" in note for note in seen.notes) == 1
    assert store.addresses() == []
    assert store.leftovers() == []


def test_a_folder_that_is_no_store_is_refused_before_anything_is_trained(small, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    with pytest.raises(ResultError, match="no store of stages"):
        run(small(), tmp_path / "out", store=StageStore(tmp_path / "mine"))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_another_process_is_making_is_no_stranger(tmp_path):
    root = tmp_path / "store"
    root.mkdir()
    (root / ".cliqa-tmp-0011223344556677").touch()
    StageStore(root).check_own()


class Slow(Observer):
    """Tells when training has begun, and waits until it may go on."""

    def __init__(self, begun=None, on=None):
        self.begun, self.on = begun, on
        self.notes, self.trained = [], 0

    def note(self, text):
        self.notes.append(text)

    def phase_start(self, name, samples):
        self.trained += 1
        if self.begun is not None:
            self.begun.set()
            self.on.wait(60)


def test_two_runs_at_once_train_each_stage_once(small, store, reused, killing, tmp_path):
    config = small("ft")
    begun, on = threading.Event(), threading.Event()
    first, second = Slow(begun, on), Slow()

    def start(name, observer):
        how = {"observer": observer, "store": store}
        thread = threading.Thread(target=run, args=(config, tmp_path / name), kwargs=how)
        thread.start()
        return thread

    go = [start("one", first)]
    assert begun.wait(60)
    go.append(start("other", second))
    while not second.notes:  # it has found the lock held
        time.sleep(0.01)
    on.set()
    for thread in go:
        thread.join()
    assert any(f"process {os.getpid()}" in note and "waiting" in note for note in second.notes)
    assert reused("one").count(True) + reused("other").count(True) == 2
    assert [a or b for a, b in zip(reused("one"), reused("other"), strict=True)] == [True, True]
    assert killing.unlike(tmp_path / "one", tmp_path / "other") == ["train_log.jsonl"]


#: Holds the lock of a stage until killed.
HOLD = """
import sys, time
from pathlib import Path
from cliqa.stages import StageStore

with StageStore(Path(sys.argv[1])).held(sys.argv[2], print):
    print("held", flush=True)
    time.sleep(600)
"""


def test_where_the_holder_is_killed_the_one_who_waits_trains(small, store, go, reused, tmp_path):
    config = small()
    go(config, "one", store=store)
    address = json.loads((tmp_path / "one/run.json").read_text())["stage_seconds"][0]["address"]
    store.remove(address)
    command = [sys.executable, "-c", HOLD, store.root, address]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"

    class KillsWhenWaiting(Observer):
        notes = ()

        def note(self, text):
            self.notes = (*self.notes, text)
            if "waiting" in text:
                os.kill(holder.pid, signal.SIGKILL)

    observer = KillsWhenWaiting()
    run(config, tmp_path / "other", observer=observer, store=store)
    holder.communicate()
    assert any(f"process {holder.pid}" in note for note in observer.notes)
    assert reused("other") == [False, True]
    assert len(store.addresses()) == 2


@pytest.mark.parametrize("name", ["er", "tsn-iqa"])
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bytes(
    name, small, store, go, killing, tmp_path, reused
):
    config = small(name, "lbk", resume={"minutes": 0})
    go(config, "alone")
    for _ in range(60):
        go(config, "cut", at=6, store=store)
        if (tmp_path / "cut/SHA256SUMS").exists():
            break
    assert killing.unlike(tmp_path / "alone", tmp_path / "cut") == ["train_log.jsonl"]
    assert len(store.addresses()) >= 2  # what was killed between training and keeping is not there
    go(small(name, "lbk"), "after", store=store)
    assert killing.unlike(tmp_path / "alone", tmp_path / "after") == ["train_log.jsonl"]


def test_a_stage_that_another_run_finished_meanwhile_is_taken_by_one_that_was_cut_off(
    small, store, go, reused, killing, tmp_path
):
    config = small("er", resume={"minutes": 0})
    go(config, "alone")
    go(config, "cut", at=9, store=store)  # in the second phase of the first stage
    go(config, "quick", store=store)
    seen = go(config, "cut", store=store)
    assert "step" not in seen.moments
    assert reused("cut") == [True, True]
    assert killing.unlike(tmp_path / "alone", tmp_path / "cut") == ["train_log.jsonl"]
    cut, quick = (json.loads((tmp_path / n / "run.json").read_text()) for n in ("cut", "quick"))
    assert cut["cost"]["train_seconds"] == quick["cost"]["train_seconds"]
    assert cut["cost"]["trained_images"] == quick["cost"]["trained_images"]


def test_a_process_killed_while_it_writes_leaves_no_entry(small, store, go, monkeypatch):
    class Killed(BaseException):
        pass

    from cliqa.resume.store import write_checkpoint

    def half(folder, checkpoint):
        if store.root not in folder.parents:
            return write_checkpoint(folder, checkpoint)
        (folder / "tensors-000.safetensors").write_bytes(b"half")
        raise Killed

    monkeypatch.setattr("cliqa.resume.store.write_checkpoint", half)
    with pytest.raises(Killed):
        go(small(), "one", store=store)
    assert store.addresses() == []
    monkeypatch.setattr("cliqa.resume.store.write_checkpoint", write_checkpoint)
    go(small(), "one", store=store)
    assert len(store.addresses()) == 2
