"""A run on a division of one's own, and one on the division of another run."""

from __future__ import annotations

import json

import pytest

from cliqa.config import load_config
from cliqa.errors import DataError
from cliqa.registry import Registry
from cliqa.results import load_bundle
from cliqa.run import Observer, run
from cliqa.run.prepare import prepare


@pytest.fixture
def short(tiny_config):
    """A run of seconds, on two tasks."""
    tiny_config["stream"]["tasks"] = tiny_config["stream"]["tasks"][:2]
    tiny_config["gates"] = ["newest"]
    tiny_config["train"] |= {"warmup_epochs": 1, "epochs": 1}
    return tiny_config


class Notes(Observer):
    def __init__(self):
        self.told = []

    def note(self, text):
        self.told.append(text)


def test_a_result_can_be_run_again_on_its_own_splits(short, resolve, tmp_path):
    first = tmp_path / "first"
    run(resolve(short), first)
    short["stream"]["split"] = {"files": "first/splits", "seed": 99}
    second = tmp_path / "deep" / "second"
    run(resolve(short), second)
    (second / "tiny_plugin.py").write_bytes((tmp_path / "tiny_plugin.py").read_bytes())
    registry = lambda files: Registry.discover(local_files=files)  # noqa: E731
    third = tmp_path / "third"
    run(load_config(second / "config.yaml", registry_factory=registry), third)
    bundles = [load_bundle(folder) for folder in (first, second, third)]
    assert len({(b.folder / "predictions.parquet").read_bytes() for b in bundles}) == 1
    for task in ("live-like", "bid-like"):
        drawn, own, again = (bundle.run["data"][task]["split"] for bundle in bundles)
        assert drawn["sha256"] == own["sha256"] == again["sha256"]
        assert (drawn["source"], drawn["by"], drawn["seed"]) == ("70/10/20", "reference", 0)
        assert own["source"] == "files"
        assert own["files"] == again["files"]
        assert own["files"][0]["name"] == f"{task}.json"
        assert "seed" not in own


def test_no_path_of_the_machine_is_kept_and_leaks_are_noted(short, resolve, tmp_path):
    config = resolve(short)
    ids = prepare(config).stream.tasks[0].sample_ids
    secret = tmp_path / "my-secret-folder"
    secret.mkdir()
    parts = {"train": ids[:30], "val": ids[30:38], "test": ids[38:46]}
    (secret / "mine.json").write_text(json.dumps(parts))
    short["stream"]["split"] = {"files": {"live-like": str(secret / "mine.json")}}
    with pytest.raises(DataError, match=r"2 of 48 images .* are in no part"):
        prepare(resolve(short))
    short["stream"]["split"]["allow_unlisted"] = 2
    heard, out = Notes(), tmp_path / "out"
    run(resolve(short), out, observer=heard)
    bundle = load_bundle(out)
    split = bundle.run["data"]["live-like"]["split"]
    assert split["left_out"] == 2
    assert bundle.run["data"]["bid-like"]["split"]["source"] == "70/10/20"
    assert bundle.split("live-like") == parts
    for file in ("run.json", "config.yaml", "train_log.jsonl"):
        assert "secret" not in (out / file).read_text()
    (note,) = (n for n in heard.told if "more than one part" in n)
    assert note.startswith("live-like: images of ")
    assert note in bundle.run["notes"]


def test_the_run_id_tells_divisions_apart(short, resolve, tmp_path):
    from cliqa.run.record import opening_record

    ids = prepare(resolve(short)).stream.tasks[0].sample_ids
    records = []
    for number, cut in enumerate((20, 21)):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps({"train": ids[:cut], "val": ids[cut:30], "test": ids[30:]}))
        short["stream"]["split"] = {"files": {"live-like": str(file)}}
        prepared = prepare(resolve(short))
        records.append(opening_record(prepared, prepared.methods[0]))
    assert records[0]["config"] == records[1]["config"]
    assert records[0]["run_id"] != records[1]["run_id"]
