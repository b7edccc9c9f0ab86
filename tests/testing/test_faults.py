"""Every check can fail, says why, and lets pass what is right."""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path

import pytest

from cliqa import Component
from cliqa.registry import KINDS
from cliqa.testing import check_plugin, every_check
from cliqa.testing.kinds import component as of_all


def test_a_wrong_component_fails_its_check_with_words_that_help(
    faulty_kind, faulty_check, faults, cases_of
):
    made, words = faults[faulty_kind][faulty_check]
    kind = "strategy" if faulty_kind == "component" else faulty_kind
    found = cases_of(kind, made)[faulty_check].result()
    assert found.status == "failed", found
    assert words in found.message


#: Made in another process, which cannot call a factory that is a function of this one.
ELSEWHERE = {"same-in-another-process", "making-it-is-light", "says-what-is-missing"}


def test_a_right_component_fails_no_check(right_kind, right, cases_of):
    found = [case.result() for case in cases_of(right_kind, right).values()]
    assert [r for r in found if r.status == "failed" and r.check not in ELSEWHERE] == []
    assert sum(r.status == "passed" for r in found) > len(found) / 2


#: Checks whose faults need files of their own, and are tested below.
WITH_FILES = {
    ("plugin", "importing-is-light"),
    ("plugin", "targets-exist"),
    ("plugin", "names-are-free"),
    ("dataset", "same-in-another-process"),
    ("tracker", "making-it-is-light"),
    ("tracker", "says-what-is-missing"),
    ("recipe", "file-is-there"),
    ("recipe", "recipe-resolves"),
    ("preset", "preset-resolves"),
    ("weights", "weights-tell-how-they-were-made"),
    ("published", "published-file-keeps-the-format"),
}


def test_every_check_has_a_fault(faults):
    shared = {check.name for check in of_all.checks("strategy")} | {"file-is-there"}
    known = {
        (kind, check.name)
        for kind in ("plugin", *KINDS)
        for check in every_check()[kind]
        if check.name not in shared
    }
    known |= {("component", name) for name in shared - {"file-is-there"}}
    known.add(("recipe", "file-is-there"))
    tested = {(kind, check) for kind, checks in faults.items() for check in checks}
    assert not tested & WITH_FILES
    assert tested | WITH_FILES == known


def test_every_check_says_in_one_sentence_what_must_hold():
    for kind, checks in every_check().items():
        names = [check.name for check in checks]
        assert len(set(names)) == len(names)
        for check in checks:
            assert check.sentence.endswith("."), (kind, check.name)
            assert check.level in ("api", "behaviour")


def one(target, check, **options):
    """The only failure of a plugin file's check."""
    found = [r for r in check_plugin(target, only=[check], **options) if r.status == "failed"]
    assert len(found) == 1, found
    return found[0].message


HEAD = "from cliqa import Component, hookimpl\n\n"


def write(folder, kind, component, before=""):
    file = folder / "mine.py"
    file.write_text(f"{before}{HEAD}@hookimpl\ndef cliqa_{kind}():\n    return [{component}]\n")
    return file


def as_module(file, monkeypatch):
    """The same as a module that a listing imports; a plugin of one file is not imported by any."""
    monkeypatch.syspath_prepend(str(file.parent))
    monkeypatch.delitem(sys.modules, file.stem, raising=False)
    return importlib.import_module(file.stem)


def test_a_plugin_of_one_file_may_import_torch(tmp_path):
    file = write(tmp_path, "gates", "", before="import torch\n")
    (result,) = check_plugin(file, only=["importing-is-light"])
    assert result.status == "skipped"


def test_a_plugin_that_imports_torch_is_told_the_line(tmp_path, monkeypatch):
    file = write(tmp_path, "gates", "", before="import json\nimport torch\n")
    message = one(as_module(file, monkeypatch), "importing-is-light")
    assert "`torch`" in message
    assert f"{file}:2" in message


def test_settings_that_import_a_heavy_package_are_found_too(tmp_path, monkeypatch):
    (tmp_path / "mine_settings.py").write_text(
        "import scipy\nfrom cliqa.config import ComponentConfig\n\n"
        "class Mine(ComponentConfig):\n    pass\n"
    )
    made = 'Component(name="mine", factory="mine_settings:Mine", config="mine_settings:Mine")'
    module = as_module(write(tmp_path, "gates", made), monkeypatch)
    assert "`scipy`" in one(module, "importing-is-light")


def test_a_factory_that_is_not_there_is_named(tmp_path):
    file = write(tmp_path, "gates", 'Component(name="mine", factory="cliqa.seeds:nothing")')
    assert "`cliqa.seeds` defines no `nothing`" in one(file, "targets-exist")


def test_a_name_that_is_taken_is_named_with_both_owners(tmp_path):
    file = write(tmp_path, "gates", 'Component(name="kmeans", factory=print)')
    message = one(file, "names-are-free")
    assert "`kmeans`" in message
    assert "cliqa-bench" in message


def test_a_dataset_in_the_order_of_a_set_is_found(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        HEAD
        + """
def build(config):
    from cliqa.data import RatedDataset
    from cliqa.testing.material import generated_dataset

    whole = generated_dataset("mine")
    places = {name: row for row, name in enumerate(whole.table["sample_id"][:])}
    rows = [places[name] for name in set(places)]
    return RatedDataset(name="mine", table=whole.table.select(rows), quality_range=(0.0, 10.0))


@hookimpl
def cliqa_datasets():
    return [Component(name="mine", factory=build, summary="generated")]
"""
    )
    assert "Sort them" in one(file, "same-in-another-process")


TRACKER = """
from cliqa.errors import ConfigError
from cliqa.tracking import Tracker, require
{before}

class Mine(Tracker):
    def __init__(self, config):
        {init}

    def start(self, run):
        {start}
"""


@pytest.fixture
def track(tmp_path, monkeypatch):
    """`track(init, start, before)`: a plugin whose tracker is in a module of its own."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made = 'Component(name="mine", factory="mine_tracker:Mine", summary="mine")'

    def track(init="pass", start="pass", before=""):
        monkeypatch.delitem(sys.modules, "mine_tracker", raising=False)
        code = TRACKER.format(init=init, start=start, before=before)
        (tmp_path / "mine_tracker.py").write_text(code)
        return write(tmp_path, "trackers", made)

    return track


def test_a_tracker_that_loads_its_library_at_once_is_told_the_line(track, tmp_path):
    message = one(track(before="import torch"), "making-it-is-light")
    assert "`torch`" in message
    assert f"{tmp_path / 'mine_tracker.py'}:4" in message


# hypothesis stands for a client: it is installed for the tests, and cliqa does not bring it.
@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"start": "import hypothesis"}, "in a run that has begun: ModuleNotFoundError"),
        ({"before": "import hypothesis"}, "No module named 'hypothesis'"),
        ({"init": "require('hypothesis', 'x', 'mine')", "start": "import hypothesis"}, ""),
        ({"init": "import numpy", "start": "import numpy"}, ""),  # cliqa brings it
    ],
)
def test_a_tracker_is_asked_to_say_what_is_missing_before_a_run_begins(parts, words, track):
    (found,) = check_plugin(track(**parts), only=["says-what-is-missing"])
    assert (found.status, words in found.message) == ("failed" if words else "passed", True)


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("raise SystemExit(3)", "it raised SystemExit"),
        ("import time; time.sleep(60)", "it did not come back within 0.1 s"),
    ],
)
def test_a_tracker_that_ends_or_holds_up_its_thread_does_not_end_the_checks(
    start, words, track, monkeypatch
):
    monkeypatch.setattr("cliqa.testing.tracked._PATIENCE", 0.1)
    assert words in one(track(start=start), "follows-a-run")


def test_checks_of_trackers_find_no_account_and_leave_the_environment_as_it_was(
    track, monkeypatch, tmp_path
):
    monkeypatch.setenv("WANDB_API_KEY", "a key")
    monkeypatch.chdir(tmp_path)
    found = "[n for n in ('WANDB_API_KEY',) if n in os.environ] + os.listdir(Path.home())"
    file = track(start=f"raise LookupError({found})", before="import os\nfrom pathlib import Path")
    before = dict(os.environ)
    assert "it raised LookupError: [] " in one(file, "follows-a-run")
    assert (dict(os.environ), Path.cwd()) == (before, tmp_path)


def test_the_tracker_of_the_documentation_fails_no_check(tmp_path):
    page = Path(__file__).parents[2] / "docs" / "how-to" / "trackers.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    (tmp_path / "columns.py").write_text(code)
    found = [r for r in check_plugin(tmp_path / "columns.py") if r.component == "tracker:columns"]
    assert {r.status for r in found if r.level == "behaviour"} == {"passed"}
    assert [r for r in found if r.status == "failed"] == []


def test_distorted_images_without_a_reference_are_found(cases_of, faults):
    whole = faults["dataset"]["table-keeps-the-contract"][0].factory(None)
    without = whole.table.remove_columns("reference").add_column(
        "reference", [None] * len(whole.table)
    )
    made = type(whole)(name="mine", table=without, quality_range=(0.0, 11.0))
    cases = cases_of("dataset", Component(name="mine", factory=lambda _: made))
    assert "20 distorted image(s)" in cases["splits-part-no-reference"].result().message


@pytest.mark.parametrize(
    ("kind", "name", "content", "check", "words"),
    [
        ("recipe", "mine.yaml", "", "file-is-there", "is empty"),
        ("recipe", "mine.yaml", "backbone: resnet81\n", "recipe-resolves", "resnet81"),
        ("preset", "mine.yaml", "strategy: ewcc\n", "preset-resolves", "Did you mean `ewc`?"),
        ("preset", "mine.yaml", "train: {epohcs: 3}\n", "preset-resolves", "train.epohcs"),
        ("weights", "mine.safetensors", "{}", "weights-tell-how-they-were-made", "cliqa pretrain"),
        ("published", "mine.json", "{}", "published-file-keeps-the-format", "Field required"),
    ],
)
def test_a_wrong_file_fails_its_check(kind, name, content, check, words, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    plural = {"weights": "weights", "published": "published"}.get(kind, f"{kind}s")
    (tmp_path / name).write_text(content)
    made = f'Component(name="mine", factory="mine_files:{name}", summary="mine")'
    write(tmp_path, plural, made).rename(tmp_path / "mine_files.py")
    monkeypatch.delitem(__import__("sys").modules, "mine_files", raising=False)
    assert words in one(tmp_path / "mine_files.py", check)
