"""`cliqa data` at the terminal: what it lists, what it checks, and how it ends."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from PIL import Image

from cliqa.cli import cli

_FIXTURES = Path(__file__).parents[1] / "support" / "iqa_fixtures.py"


@pytest.fixture(scope="module")
def iqa():
    name = "cliqa_test_support_iqa_fixtures"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, _FIXTURES)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture
def data(tmp_path, monkeypatch, iqa):
    """Call the command; `tmp_path/sets` is CLIQA_DATA, with KADID-10k and LIVE in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLIQA_DATA", str(tmp_path / "sets"))
    iqa.kadid(iqa.Disk(tmp_path / "sets/kadid10k"))
    iqa.live(iqa.Disk(tmp_path / "sets/live"))
    return lambda *arguments: CliRunner().invoke(cli, ["--no-plugins", "data", *arguments])


KADID = ("check", "kadid-10k", "--set", "expect=24")


def test_the_list_tells_what_is_published_and_what_is_here(data, tmp_path):
    listed = {row["name"]: row for row in json.loads(data("list", "--json").stdout)}
    assert listed["kadid-10k"]["found"] == str(tmp_path / "sets/kadid10k")
    assert listed["kadid-10k"]["facts"]["images"] == 10125
    assert listed["live"]["facts"]["lower_is_better"] is True
    assert listed["tid2013"]["found"] is None
    assert "looked for a folder `tid2013`" in listed["tid2013"]["note"]
    assert listed["embedded"]["note"] == "needs no download"
    assert listed.pop("rated-images")["facts"] is None  # the user's own
    assert all(row["facts"]["licence"] for row in listed.values())
    table = data("list").stdout
    assert "DMOS -3..112, lower is better" in table
    assert "10,125" in table


def test_without_a_data_folder_the_list_says_so(data, monkeypatch):
    monkeypatch.delenv("CLIQA_DATA")
    rows = json.loads(data("list", "--json").stdout)
    notes = {row["note"] for row in rows if row["facts"]}
    assert notes == {"CLIQA_DATA is not set", "needs no download"}


def test_a_plugin_that_tells_no_facts_is_listed_all_the_same(data, tmp_path):
    plugin = "from cliqa import Component, hookimpl\n\n\n@hookimpl\ndef cliqa_datasets():\n"
    old = 'Component(name="old", factory="json:loads", summary="an old set")'
    lost = 'Component(name="lost", factory="json:loads", facts="json:nothing")'
    (tmp_path / "mine.py").write_text(f"{plugin}    return [{old}, {lost}]\n")
    done = CliRunner().invoke(cli, ["data", "list", "--local", "mine.py"])
    assert done.exit_code == 0, done.stderr
    assert "an old set" in done.stdout
    assert "its facts `json:nothing` cannot be imported" in done.stdout


def test_listing_loads_nothing_heavy():
    code = (
        "import sys; from cliqa.cli import cli; cli(['data', 'list'], standalone_mode=False); "
        "print([m for m in ('torch', 'numpy', 'datasets', 'pydantic', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_good_set_ends_with_0_and_writes_nothing(data, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    done = data(*KADID)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == "kadid-10k: fine"
    assert "contents    3 of 8 to 8 images" in done.stdout
    assert "split       train 8, val 8, test 8 (70/10/20, by reference, seed 0)" in done.stdout
    assert sorted(tmp_path.rglob("*")) == before


def test_missing_and_damaged_files_end_with_1_and_are_all_named(data, tmp_path):
    images = tmp_path / "sets/kadid10k/images"
    gone = [f"I01_0{kind}_0{level}.png" for kind in (1, 9) for level in (1, 5)]
    for name in gone:
        (images / name).unlink()
    (images / "I02_01_01.png").write_bytes(b"no picture")
    done = data(*KADID)
    assert done.exit_code == 1
    assert "fault: 5 images are missing or unreadable" in done.stdout
    assert "... and 2 more; --json prints all" in done.stdout
    found = json.loads(data(*KADID, "--json").stdout)
    assert found["verdict"] == "faults"
    (one,) = found["sets"]
    assert [bad["sample_id"] for bad in one["bad"]] == [*gone, "kadid-10k/i02_01_01.png"]
    assert one["images"] == 20


def test_what_cannot_be_read_at_all_ends_with_2_and_its_message(data):
    done = data("check", "tid2013")
    assert done.exit_code == 2
    assert "request the set at" in done.stderr
    found = json.loads(data("check", "tid2013", "--json").stdout)
    assert found["verdict"] == "unreadable"
    assert "tid2013" in found["error"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("kadi",), "Did you mean `kadid-10k`?"),
        (("kadid-10k", "--set", "expct=3"), "expct: unknown key. Did you mean `expect`?"),
        (("embedded", "--root", "x"), "root: unknown key"),
        (("kadid-10k", "--task", "x"), "--task picks a task of a configuration"),
        (("nowhere.yaml",), "nowhere.yaml"),
    ],
)
def test_a_mistake_in_the_arguments_is_told(data, arguments, told):
    done = data("check", *arguments)
    assert done.exit_code == 2
    assert told in done.stderr


def test_a_released_list_is_checked_as_a_split(data, tmp_path):
    images = sorted((tmp_path / "sets/kadid10k/images").glob("I??_??_??.png"))
    truth = [f"images/{path.name}" for path in images]
    parts = {"train": truth[:10], "val": truth[10:16], "test": truth[16:]}
    for part, names in parts.items():
        lines = "".join(f"{name}\t3.5\t0.5\r" for name in names)
        (tmp_path / f"kadid10k_{part}.txt").write_text(lines)
    done = data(*KADID, "--split", ".")
    assert done.exit_code == 0, done.output
    assert "warning: 1 contents have images in more than one part" in done.stdout
    assert "train 10, val 6, test 8 (kadid10k_train.txt," in done.stdout


def test_a_picture_in_train_and_test_ends_with_1(data, tmp_path):
    images = tmp_path / "sets/kadid10k/images"
    (images / "I81_25_05.png").write_bytes((images / "I01_01_01.png").read_bytes())
    done = data(*KADID)
    assert done.exit_code == 1
    assert "1 picture is there in more than one part of the split" in done.stdout
    assert "`kadid-10k/i01_01_01.png` = `kadid-10k/i81_25_05.png`" in done.stdout


def test_the_contact_sheet_is_written_only_when_asked_and_not_over_another(data, tmp_path):
    assert data(*KADID, "--out", "looks").exit_code == 0
    with Image.open(tmp_path / "looks/contact-sheet.jpg") as sheet:
        assert sheet.format == "JPEG"
    assert [path.name for path in (tmp_path / "looks").iterdir()] == ["contact-sheet.jpg"]
    done = data(*KADID, "--out", "looks")
    assert done.exit_code == 2
    assert "exists; use --force" in done.stderr
    assert data(*KADID, "--out", "looks", "--force").exit_code == 0


def test_the_tasks_of_a_configuration_are_checked_as_it_divides_them(data, tmp_path):
    tasks = [{"name": "kadid-10k", "expect": 24}]
    others = [{"name": "live", "expect": 17, "as": "seen-last"}]
    config = {
        "backbone": "efficientnet-lite0",
        "strategy": "tsn-iqa",
        "stream": {"tasks": tasks, "evaluate_only": others, "split": {"protocol": "34/33/33"}},
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    found = json.loads(data("check", "run.yaml", "--json").stdout)
    assert [(one["name"], one["split"]["source"]) for one in found["sets"]] == [
        ("kadid-10k", "34/33/33"),
        ("seen-last", "all-test"),
    ]
    one = json.loads(data("check", "run.yaml", "--task", "seen-last", "--json").stdout)
    assert [report["name"] for report in one["sets"]] == ["seen-last"]
    assert "Did you mean `seen-last`?" in data("check", "run.yaml", "--task", "seenlast").stderr
    assert "change it with --set" in data("check", "run.yaml", "--root", "x").stderr


def test_checking_loads_no_part_of_a_run():
    code = (
        "import sys; from cliqa.cli import cli\n"
        "cli(['data', 'check', 'embedded', '--set', 'images=48'], standalone_mode=False)\n"
        "print([m for m in ('cliqa.run', 'cliqa.model', 'timm') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
