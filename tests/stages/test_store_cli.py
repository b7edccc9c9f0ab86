"""The command `store`, and the options of `run` and `sweep` that name one."""

from __future__ import annotations

import json
import os
import time

import pytest
import yaml
from click.testing import CliRunner

from cliqa.cli import cli
from cliqa.resume import Checkpoint, TensorPool
from cliqa.stages import StageStore
from cliqa.stages.upkeep import listed, to_remove


def cliqa(*arguments):
    done = CliRunner().invoke(cli, [str(a) for a in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def address(number):
    return f"{number:02x}" * 32


@pytest.fixture
def filled(tmp_path):
    """A store of three stages; number n was used n days ago."""
    import torch

    store = StageStore(tmp_path / "store")
    store.open()
    for number in range(3):
        pool = TensorPool()
        entries = pool.add({"t": torch.full((1000,), float(number))})
        about = {"method": f"m{number}", "tasks": ["a", "b"], "seed": 7}
        parent = address(number - 1) if number else None
        state = {"address": address(number), "about": about, "parent": parent}
        with store.held(address(number), print):
            store.put(address(number), Checkpoint(state, entries, pool))
        then = time.time() - number * 86_400
        os.utime(store.place(address(number)), (then, then))
    return store


def names(store):
    return [a[:2] for a in store.addresses()]


def bundle(folder, *addresses):
    folder.mkdir(parents=True)
    stages = [{"step": 1, "address": a, "reused": False} for a in addresses]
    (folder / "run.json").write_text(json.dumps({"stage_seconds": stages}))
    return folder


def test_list_says_what_is_kept_the_one_used_last_first(filled):
    lines = cliqa("store", "list", filled.root).output.splitlines()
    assert lines[0].split() == ["address", "method", "tasks", "parent", "seed", "MB", "used"]
    assert lines[1].split()[:4] == ["000000000000", "m0", "a+b", "7"]
    assert lines[3].split()[:5] == ["020202020202", "m2", "a+b", "010101010101", "7"]
    assert lines[3].endswith("2 days ago")
    assert lines[4].startswith("3 stages, 0.00 GB")


def test_list_check_and_verify_name_the_damaged(filled):
    assert cliqa("store", "verify", filled.root).output == "3 stages intact, 0 damaged\n"
    file = filled.place(address(1)) / "tensors-000.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    done = cliqa("store", "verify", filled.root)
    assert done.exit_code == 1
    assert f"damaged: {filled.place(address(1))}: tensors-000.safetensors was" in done.output
    assert "2 stages intact, 1 damaged" in done.output
    assert "state" not in cliqa("store", "list", filled.root).output
    lines = cliqa("store", "list", filled.root, "--check").output.splitlines()
    assert lines[1].endswith("intact")
    assert lines[2].endswith("was changed after it was written")


def test_the_store_of_a_sweep_is_found_in_its_folder(filled, tmp_path):
    (tmp_path / "sweep").mkdir()
    filled.root.rename(tmp_path / "sweep/stages")
    assert "3 stages" in cliqa("store", "list", tmp_path / "sweep").output


@pytest.mark.parametrize("command", [["list"], ["verify"], ["gc", "--max-gb", "0"]])
def test_what_is_no_store_is_one_line_and_untouched(command, tmp_path):
    name, *options = command
    (tmp_path / "mine/00").mkdir(parents=True)
    (tmp_path / "mine/letter.txt").write_text("dear")
    for folder in ("none", "mine", "mine/letter.txt"):
        done = cliqa("store", name, tmp_path / folder, *options)
        assert done.exit_code == 2
        assert "is no store of stages" in done.output
    assert (tmp_path / "mine/letter.txt").read_text() == "dear"


def sealed(text):
    import hashlib

    return f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}\n"


GARBAGE = [
    "",
    "nonsense",
    "\x00\xff",
    sealed("[1, 2]"),
    sealed("[" * 100_000),
    sealed('{"format": 1}'),
    sealed('{"format": 1, "state": 3, "files": {}}'),
    sealed('{"format": 1, "state": {"address": "x"}, "files": [1]}'),
    sealed(f'{{"format": 1, "state": {{"address": "{address(5)}"}}, "files": [1]}}'),
    sealed(
        f'{{"format": 1, "state": {{"address": "{address(5)}", "about": 3, "parent": [1]}}, '
        '"files": {"../../secret": "0"}}'
    ),
    sealed(
        f'{{"format": 1, "state": {{"address": "{address(5)}", "about": '
        '{"method": "\\u001b[2J"}}, "files": {}}'
    ),
]


@pytest.mark.parametrize("text", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_in_a_store_is_no_traceback(text, filled):
    place = filled.place(address(5))
    place.mkdir(parents=True)
    (place / "manifest.json").write_text(text)
    (place / "strange").write_text("x")
    (filled.root / "05" / "stray").write_text("x")
    (filled.root / "zz").mkdir()
    (filled.root / "notes.txt").write_text("x")
    for command in (["list"], ["list", "--check"], ["verify"], ["gc", "--unused-for", "1"]):
        done = cliqa("store", command[0], filled.root, *command[1:])
        assert done.exit_code in (0, 1)
        assert "\x1b" not in done.output
    assert (filled.root / "notes.txt").exists()
    assert (filled.root / "05" / "stray").exists()


def test_gc_goes_by_age_and_a_dry_run_changes_nothing(filled):
    done = cliqa("store", "gc", filled.root, "--unused-for", "1.5", "--dry-run")
    assert "would remove 020202020202 m2 a+b" in done.output
    assert names(filled) == ["00", "01", "02"]
    assert "removed 1 stage," in cliqa("store", "gc", filled.root, "--unused-for", "1.5").output
    assert names(filled) == ["00", "01"]


def test_gc_by_size_removes_the_longest_unused_first(filled):
    sizes = [filled.size(address(n)) for n in range(3)]
    entries = listed(filled)
    gone = to_remove(entries, kept=set(), max_bytes=sum(sizes[:2]))
    assert [entry.address for entry in gone] == [address(2)]
    assert to_remove(entries, kept=set(), max_bytes=sum(sizes)) == []
    assert cliqa("store", "gc", filled.root, "--max-gb", "0").exit_code == 0
    assert names(filled) == []


def test_gc_keeps_what_runs_consist_of(filled, tmp_path):
    bundle(tmp_path / "sweep/cells/one", address(1))
    bundle(tmp_path / "sweep/cells/one/compare/ft", address(2))
    assert cliqa("store", "gc", filled.root, "--keep-for", tmp_path / "sweep").exit_code == 0
    assert names(filled) == ["01", "02"]
    cliqa("store", "gc", filled.root, "--keep-for", tmp_path / "sweep", "--max-gb", "0")
    assert names(filled) == ["01", "02"]


@pytest.mark.parametrize("text", ["", "[]", '{"stage_seconds": 3}', '{"stage_seconds": [3]}'])
def test_gc_removes_nothing_where_a_run_cannot_be_read(text, filled, tmp_path):
    (tmp_path / "run").mkdir()
    done = cliqa("store", "gc", filled.root, "--keep-for", tmp_path / "run")
    assert (done.exit_code, "holds no run" in done.output) == (2, True)
    (tmp_path / "run/run.json").write_text(text)
    done = cliqa("store", "gc", filled.root, "--keep-for", tmp_path / "run")
    assert (done.exit_code, "cannot be read" in done.output) == (2, True)
    assert names(filled) == ["00", "01", "02"]


def test_gc_wants_to_be_told_what_may_go(filled):
    assert cliqa("store", "gc", filled.root).exit_code == 2
    assert names(filled) == ["00", "01", "02"]


def test_gc_leaves_what_is_in_use_and_removes_what_killed_processes_left(filled):
    left = filled.root / "01" / f".cliqa-tmp-{address(1)}-00112233"
    left.mkdir()
    with filled.held(address(1), print):
        done = cliqa("store", "gc", filled.root, "--max-gb", "0")
        assert "in use, stays: 010101010101" in done.output
        assert left.exists()
    assert names(filled) == ["01"]
    assert "and 1 unfinished" in cliqa("store", "gc", filled.root, "--unused-for", "9").output
    assert not left.exists()


def test_gc_removes_the_damaged(filled):
    (filled.place(address(0)) / "manifest.json").write_text("x")
    assert "(damaged: " in cliqa("store", "gc", filled.root, "--unused-for", "9").output
    assert names(filled) == ["01", "02"]


def test_gc_does_not_follow_links(filled, tmp_path):
    outside = tmp_path / "outside"
    (outside / ("aa" * 32)).mkdir(parents=True)
    (filled.root / "aa").symlink_to(outside)
    (filled.root / "01" / ("01" * 31 + "ff")).symlink_to(outside)
    cliqa("store", "gc", filled.root, "--max-gb", "0")
    assert (outside / ("aa" * 32)).exists()
    assert names(filled) == []


@pytest.fixture
def grid(tiny_config, tmp_path):
    """A sweep of two orders of two tasks."""
    tiny_config["stream"]["tasks"] = tiny_config["stream"]["tasks"][:2]
    tiny_config["gates"] = ["newest"]
    tiny_config["train"] |= {"warmup_epochs": 0, "epochs": 1}
    tiny_config["stream"]["orders"] = {
        "there": ["live-like", "bid-like"],
        "back": ["bid-like", "live-like"],
    }
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(tiny_config))
    text = {"base": "base.yaml", "grid": {"stream.order": ["there", "back"]}}
    (tmp_path / "grid.yaml").write_text(yaml.safe_dump(text))

    def sweep(*options):
        out = tmp_path / "sweep"
        done = cliqa("sweep", tmp_path / "grid.yaml", "--out", out, "--quiet", *options)
        assert done.exit_code == 0, done.output
        stages = [
            stage
            for path in sorted(out.rglob("run.json"))
            for stage in json.loads(path.read_text())["stage_seconds"]
        ]
        return [stage.get("reused") for stage in stages]

    return sweep


def test_a_sweep_shares_a_store_in_its_folder_and_keeps_what_several_cells_need(grid, tmp_path):
    assert sorted(grid("--set", "compare=[{name: ft}]"), key=str) == [
        *[False, False],
        *[None] * 4,  # of `ft`, which shares nothing here
        *[True, True],
    ]
    assert "2 stages" in cliqa("store", "list", tmp_path / "sweep").output


def test_a_sweep_without_a_store_keeps_nothing(grid, tmp_path):
    assert grid("--no-store") == [None] * 4
    assert not (tmp_path / "sweep/stages").exists()


def test_a_sweep_may_share_any_store(grid, tmp_path):
    assert grid("--store", tmp_path / "any").count(True) == 2
    assert "2 stages" in cliqa("store", "verify", tmp_path / "any").output
    assert not (tmp_path / "sweep/stages").exists()


def test_the_two_options_of_a_sweep_exclude_each_other(tmp_path):
    done = cliqa("sweep", "x.yaml", "--store", tmp_path, "--no-store")
    assert (done.exit_code, "exclude each other" in done.output) == (2, True)


def test_a_run_is_given_a_store_by_option_or_by_its_configuration(small, tmp_path):
    data = small().dump()
    data["train"]["epochs"], data["train"]["warmup_epochs"] = 1, 0
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump(data))
    store = tmp_path / "kept"
    first = cliqa("run", path, "--out", tmp_path / "one", "--store", store)
    assert "learned live-like" in first.output
    again = cliqa("run", path, "--out", tmp_path / "two", "--set", f"store={store}")
    assert "took live-like from the store, trained in" in again.output
    assert "store" not in yaml.safe_load((tmp_path / "two/config.yaml").read_text())
    assert cliqa("run", path, "--out", tmp_path / "three", "--quiet").exit_code == 0
    assert "reused" not in (tmp_path / "three/run.json").read_text()
