"""A sweep's folder: what it holds, what is refused, and that nothing of the user's is touched."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import cliqa
from cliqa.data import find_split
from cliqa.errors import ConfigError, ResultError
from cliqa.results import BundleWriter, prepare_folder
from cliqa.sweep import CellState, SweepFolder
from cliqa.sweep.index import Index

GRID = "grid: {strategy: [ft, lwf], seed: [0, 1]}"


def finish(folder: SweepFolder, cell, **changes) -> None:
    """Leave a finished bundle of a cell without training it."""
    path = folder.cell(cell.name)
    prepare_folder(path)
    writer = BundleWriter(path)
    plugins = [
        {"name": p.name, "distribution": p.distribution, "version": p.version, "sha256": p.sha256}
        for p in cell.config.registry.plugins
    ]
    record = {
        "run_id": "0123456789abcdef",
        "config": cell.config.dump(),
        "plugins": plugins,
        "environment": {"cliqa": cliqa.__version__},
    }
    writer.write_run(record | changes)
    for name in ("config.yaml", "metrics.json", "predictions.parquet"):
        writer.write_bytes(name, b"{}")
    writer.finish()


def refused(folder, plan) -> str:
    with pytest.raises(ResultError) as caught:
        folder.check(plan)
    return str(caught.value)


def test_a_new_sweep_has_nothing_and_checking_makes_nothing(sweeps):
    plan, out = sweeps.plan(GRID), sweeps.out()
    assert set(out.check(plan).values()) == {CellState.NEW}
    assert not out.path.exists()


def test_states_are_read_from_the_files(sweeps):
    plan, out = sweeps.plan(GRID), sweeps.out()
    out.write(plan)
    done, failed, unfinished, _ = plan.cells
    finish(out, done)
    out.record_failure(failed.name, ConfigError("no"))
    prepare_folder(out.cell(unfinished.name))
    assert list(out.check(plan).values()) == [
        CellState.DONE,
        CellState.FAILED,
        CellState.UNFINISHED,
        CellState.NEW,
    ]


def test_sweep_json_holds_the_grid_its_cells_and_the_run_ids_of_those_done(sweeps):
    plan, out = sweeps.plan(GRID, "train.lr=0.5"), sweeps.out()
    finish(out, plan.cells[0])
    out.write(plan)
    record = json.loads((out.path / "sweep.json").read_text())
    assert record["grid"] == f"base: base.yaml\n{GRID}"
    assert record["overrides"] == ["train.lr=0.5"]
    assert record["axes"][1] == {
        "name": "seed",
        "short": "seed",
        "points": [{"name": "0", "set": {"seed": 0}}, {"name": "1", "set": {"seed": 1}}],
    }
    assert record["cells"][0] == {
        "name": "strategy-ft_seed-0",
        "points": {"strategy": "ft", "seed": "0"},
        "set": {"strategy": "ft", "seed": 0},
        "run_id": "0123456789abcdef",
    }
    assert [cell["run_id"] for cell in record["cells"][1:]] == [None] * 3


def test_a_finished_run_of_another_configuration_is_refused_naming_the_key(sweeps):
    out = sweeps.out()
    finish(out, sweeps.plan(GRID).cells[0])
    out.write(sweeps.plan(GRID))
    told = refused(out, sweeps.plan(GRID, "train.epochs=3", "gates.0.k=5"))
    assert "nothing was started" in told
    assert (
        "cells/strategy-ft_seed-0: gates.0.k is 4 there and 5 here; "
        "train.epochs is 1 there and 3 here" in told
    )


def test_a_description_is_no_difference(sweeps):
    out = sweeps.out()
    out.write(sweeps.plan(GRID))
    finish(out, sweeps.plan(GRID).cells[0])
    assert CellState.DONE in out.check(sweeps.plan(GRID, "description=other words")).values()


def test_a_plugin_file_that_was_edited_makes_another_run(sweeps):
    out = sweeps.out()
    out.write(sweeps.plan(GRID))
    finish(out, sweeps.plan(GRID).cells[0])
    path = sweeps.folder / "helper.py"
    path.write_text(f"{path.read_text()}\n# edited\n")
    sweeps._known.clear()
    assert "the plugin file of `helper` was changed since" in refused(out, sweeps.plan(GRID))


def test_another_version_is_told_and_stops_nothing(sweeps):
    plan, out = sweeps.plan(GRID), sweeps.out()
    out.write(plan)
    finish(out, plan.cells[0], environment={"cliqa": "0.0.9"})
    states = out.check(plan)
    assert out.notes(plan, states) == [
        f"1 of the finished runs were made with cliqa 0.0.9, now it is {cliqa.__version__}"
    ]


def test_finished_runs_that_left_the_grid_are_told_and_kept(sweeps):
    plan, out = sweeps.plan(GRID), sweeps.out()
    out.write(plan)
    for cell in plan.cells:
        finish(out, cell)
    smaller = sweeps.plan("grid: {strategy: [ft], seed: [0, 1]}")
    assert out.notes(smaller, out.check(smaller)) == [
        "not of this grid, and left alone: 2 finished runs "
        "(strategy-lwf_seed-0, strategy-lwf_seed-1)"
    ]


@pytest.mark.parametrize("content", ["notes.txt", "cells/strategy-ft_seed-0/mine.txt"])
def test_a_folder_with_files_of_the_users_is_refused(sweeps, content):
    plan, out = sweeps.plan(GRID), sweeps.out()
    file = out.path / content
    if content.startswith("cells"):
        out.write(plan)
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    assert "is not empty and holds no" in refused(out, plan)
    assert file.read_text() == "mine"


def test_a_run_is_no_place_for_a_sweep(sweeps):
    prepare_folder(sweeps.folder / "out")
    assert "holds no sweep" in refused(sweeps.out(), sweeps.plan(GRID))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is damaged or not cliqa's (JSONDecodeError"),
        ('{"schema_version": 1}', "is damaged or not cliqa's (KeyError"),
        ("[]", "is damaged or not cliqa's (TypeError"),
        ('{"schema_version": 99, "cells": []}', "schema version 99, this cliqa knows up to 1"),
    ],
)
def test_a_sweep_json_that_is_not_ours_is_refused(sweeps, text, words):
    sweeps.out().path.mkdir()
    (sweeps.out().path / "sweep.json").write_text(text)
    assert words in refused(sweeps.out(), sweeps.plan(GRID))


def test_a_file_in_place_of_the_folder_is_refused(sweeps):
    (sweeps.folder / "out").write_text("")
    assert "is a file, not a folder" in refused(sweeps.out(), sweeps.plan(GRID))


def test_a_users_mistake_is_noted_as_its_message_and_a_defect_with_its_traceback(sweeps):
    out = sweeps.out()
    out.record_failure("a", ConfigError("seed: wrong"))
    try:
        raise ZeroDivisionError("a defect")
    except ZeroDivisionError as error:
        out.record_failure("b", error)
    assert (out.failure("a").message, out.failure("a").traceback) == ("seed: wrong", "")
    assert out.failure("b").message == "ZeroDivisionError: a defect"
    assert "test_folder.py" in out.failure("b").traceback
    out.clear_failure("b")
    assert out.failure("b") is None


def test_a_note_of_failure_that_cannot_be_read_is_still_a_failure(sweeps):
    out = sweeps.out()
    out.record_failure("a", ConfigError("x"))
    (out.path / "failed/a.json").write_text("{")
    assert "cannot be read" in out.failure("a").message


def test_a_failure_noted_before_a_cell_was_finished_is_forgotten(sweeps):
    plan, out = sweeps.plan(GRID), sweeps.out()
    out.record_failure(plan.cells[0].name, ConfigError("x"))
    finish(out, plan.cells[0])
    out.write(plan)
    assert out.failure(plan.cells[0].name) is None


HOLD = """
import sys, time
from pathlib import Path
from cliqa.sweep import SweepFolder

with SweepFolder(Path(sys.argv[1])).locked():
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_sweep_is_kept_out_until_the_first_process_is_gone(sweeps):
    command = [sys.executable, "-c", HOLD, str(sweeps.out().path)]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "held\n"
    with pytest.raises(ResultError, match="another sweep is running"), sweeps.out().locked():
        pass
    other.kill()
    other.communicate()
    with sweeps.out().locked():
        assert set(sweeps.out().check(sweeps.plan(GRID)).values()) == {CellState.NEW}


def test_a_sweep_over_splits_is_one_and_a_changed_split_is_another(sweeps):
    for name in ("one", "two"):
        (sweeps.folder / name).mkdir()
        (sweeps.folder / name / "live-like.json").write_text(name)
    one_task = "stream.tasks=[{name: embedded, as: live-like}]"
    plan = sweeps.plan("grid: {stream.split.files: [one, two]}", one_task)
    out = sweeps.out()
    out.write(plan)
    assert len(plan.cells) == 2
    for cell in plan.cells:
        path, own = cell.config.split_path("live-like")
        files = find_split(path, "live-like", own=own).digests()
        split = {"files": [{"name": name, "sha256": digest} for name, digest in files]}
        published = {"config": cell.config.published(), "data": {"live-like": {"split": split}}}
        finish(out, cell, **published)
    assert set(out.check(plan).values()) == {CellState.DONE}
    (sweeps.folder / "two/live-like.json").write_text("three")
    assert "the split of `live-like` is another" in refused(out, plan)


def test_a_configuration_read_back_has_what_only_says_how_this_machine_works(sweeps):
    """A worker reads its cell from the folder; a published configuration has none of this."""
    ways = """\
set:
  trackers: [tensorboard]
  cache: {folder: here}
  resume: {minutes: 7}
  store: stages
  train.workers: 1
"""
    plan, out = sweeps.plan(GRID + "\n" + ways), sweeps.out()
    out.write(plan)
    index = Index.read(out.path)
    for cell in plan.cells:
        found = index.config(cell.name, sweeps.registry)
        for key in ("cache", "resume", "store", "train"):
            assert getattr(found.run, key) == getattr(cell.config.run, key)
        assert found.run.train.workers == 1
        assert [t.dump() for t in found.trackers] == [t.dump() for t in cell.config.trackers]
