"""The recipe of unseen sets, as a user with the nine sets on disk types it."""

import json

from click.testing import CliRunner

from cliqa.cli import cli
from cliqa.results import load_bundle

SETS = {
    "live": "live", "csiq": "csiq", "bid": "bid", "clive": "clive", "koniq-10k": "koniq",
    "kadid-10k": "kadid", "tid2013": "tid2013", "spaq": "spaq", "agiqa-3k": "agiqa",
}  # fmt: skip


def test_the_cross_dataset_recipe_runs_on_the_nine_sets_as_downloaded(iqa, tmp_path, monkeypatch):
    """In miniature: 8 x 8 pixels, whole, and the gate that comes with the shipped network."""
    changes = [
        "backbone=efficientnet-lite0", "gates.0.normalization=distortion-bn-efficientnet-lite0",
        "train.epochs=1", "train.crop=null", "train.pair_list_size=6", "threads=1",
        "stream.split.by=image",
    ]  # fmt: skip
    sizes = {}
    for number, (name, write) in enumerate(SETS.items()):
        disk = iqa.Disk(tmp_path / "sets" / name)
        truth = getattr(iqa, write)(disk)
        disk.write()
        sizes[name] = len(truth)
        place = f"tasks.{number}" if number < 6 else f"evaluate_only.{number - 6}"
        changes.append(f"stream.{place}.expect={len(truth)}")
    monkeypatch.setenv("CLIQA_DATA", str(tmp_path / "sets"))
    options = [part for change in changes for part in ("--set", change)]
    done = CliRunner().invoke(
        cli, ["run", "tsn-iqa-unseen", "--out", str(tmp_path / "out"), "--quiet", *options]
    )
    assert done.exit_code == 0, done.output
    assert "SRCC on sets never learned" in done.output
    record = json.loads((tmp_path / "out/run.json").read_text())
    assert record["tasks"] == list(SETS)[:6]
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    last = load_bundle(tmp_path / "out").predictions.to_pandas().query("step == 6")
    for gate in ("kmeans", "uniform"):
        entry = metrics["gates"][gate]
        assert list(entry["evaluate_only"]) == list(SETS)[6:]
        for name in entry["evaluate_only"]:
            assert (last[last["gate"] == gate]["task"] == name).sum() == sizes[name]
            # Pictures of one grey and a few pixels look alike to the network, which must be said.
            assert "predictions are equal" in entry["undefined"][f"evaluate_only.{name}"]
    assert str(tmp_path) not in (tmp_path / "out/run.json").read_text()
