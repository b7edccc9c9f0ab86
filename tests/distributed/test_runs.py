"""`torchrun -m cliqa run` gives what `cliqa run` gives, once, and can be gone on with."""

import json
import re
import signal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner
from safetensors.numpy import load_file

from cliqa.cli import cli
from cliqa.errors import ConfigError, ResultError
from cliqa.run import run

RUNS = Path(__file__).with_name("runs.py")
#: How far two processes may be from one, in the unit of weights and scores: sums are added up in
#: another order, and heads and losses are float32.
TOLERANCE = 1e-6

STRATEGIES = {
    "lwf": {"name": "lwf"},  # a head more at every stage
    "ewc": {"name": "ewc", "heads": "single"},
    "liqa": {
        "name": "liqa", "gan_epochs": 1, "head_epochs": 1, "copies": 2, "replay_size": 50,
        "gan_width": 32,
    },
}  # fmt: skip

#: Tells of every step, slowly; and on request fails, but on one process only.
PLUGIN = """
import os
import time

from cliqa import Component, hookimpl
from cliqa.errors import DataError
from cliqa.training import Strategy


class Telling(Strategy):
    multi_head = True

    def loss(self, context, batch):
        if os.environ.get("RANK") == "0":
            print("step", flush=True)
        time.sleep(0.05)
        return super().loss(context, batch)


class Failing(Strategy):
    def loss(self, context, batch):
        if os.environ.get("RANK") == "1":
            raise DataError("the disk of this process is gone")
        return super().loss(context, batch)


@hookimpl
def cliqa_strategies():
    return [Component(name="telling", factory=Telling), Component(name="failing", factory=Failing)]
"""


@pytest.fixture(scope="module")
def write(write_tiny_config):
    """Write the configuration of a strategy into a folder; returns its path."""

    def go(folder, name, strategy, **changes):
        config = write_tiny_config(folder)
        plugin = folder / "tiny_plugin.py"
        # In float64, for Adam makes steps of any size out of rounding noise; and without biases in
        # front of batch normalization, whose gradient is nothing else.
        text = plugin.read_text().replace("3, 2, 1)", "3, 2, 1, bias=False)")
        text = text.replace("return Tiny()", "return Tiny().double()")
        text = text.replace("self.one(images)", "self.one(images.double())")
        plugin.write_text(text.replace(".mean((2, 3))\n", ".mean((2, 3)).float()\n"))
        (folder / "own.py").write_text(PLUGIN)
        config["plugins"].append("./own.py")
        config["strategy"] = strategy
        if name == "liqa":
            config["objective"] = "squared-error"
        config["stream"]["tasks"] = config["stream"]["tasks"][:2]
        config["gates"] = [{"name": "kmeans", "k": 4, "n_init": 1}, "newest"]
        config["train"] |= {"warmup_epochs": 1, "epochs": 2, "batch_size": 15}
        config["evaluate"] = {"scorer": "reference"}  # the others score in float32
        config |= changes
        path = folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(config))
        return path

    return go


@pytest.fixture(scope="module")
def load():
    from cliqa.config import load_config
    from cliqa.registry import Registry

    def go(path):
        return load_config(
            path, registry_factory=lambda files: Registry.discover(local_files=files)
        )

    return go


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory, write, finish):
    """All strategies, trained by two processes."""
    folder = tmp_path_factory.mktemp("two")
    for name, strategy in STRATEGIES.items():
        write(folder, name, strategy)
    write(folder, "telling", "telling")
    code, stdout, stderr = finish(2, RUNS, folder)
    assert code == 0, stderr
    assert set(stdout.splitlines()) == {"step"}
    return folder


@pytest.mark.parametrize("name", STRATEGIES)
def test_two_processes_end_where_one_does(two_processes, name, tmp_path, write, load, built):
    """The same global batches; predictions of every step, head and gate, and the final weights."""
    alone, together = tmp_path / name, two_processes / name
    run(load(write(tmp_path, name, STRATEGIES[name])), alone, datasets=built)
    for table, column in (("heads", "score"), ("weights", "weight"), ("predictions", "score")):
        one, two = (pq.read_table(out / f"{table}.parquet") for out in (alone, together))
        assert one.drop(column).equals(two.drop(column))
        np.testing.assert_allclose(two[column], one[column], rtol=0, atol=TOLERANCE)
    one, two = (load_file(out / "checkpoints/model.safetensors") for out in (alone, together))
    assert one.keys() == two.keys()
    for key, tensor in one.items():
        np.testing.assert_allclose(two[key], tensor, rtol=0, atol=TOLERANCE, err_msg=key)
    assert np.ptp(pq.read_table(alone / "heads.parquet")["score"]) > 10_000 * TOLERANCE
    record, other = (json.loads((out / "run.json").read_text()) for out in (alone, together))
    assert (record["processes"], other["processes"]) == (1, 2)
    assert record["run_id"] == other["run_id"]
    for same in ("trained_images", "held_bytes", "parameters", "gates"):
        assert record["cost"][same] == other["cost"][same]
    assert record["evaluated_images"] == other["evaluated_images"]


def test_after_every_stage_all_processes_hold_the_same_bits(two_processes):
    """Model, later heads, strategy, gates and predictions; a digest of each."""
    first, second = (
        [json.loads(line) for line in (two_processes / f"digests-{rank}.jsonl").open()]
        for rank in (0, 1)
    )
    assert first == second
    places = [when for when, _ in first]
    assert places == (len(STRATEGIES) + 1) * [
        f"after the {what} of stage {stage}"
        for stage in (1, 2)
        for what in ("training", "evaluation")
    ]
    words = [word.split()[0] for when, found in first for word in found if "training" in when]
    assert any(word.startswith("model/head/1/") for word in words)
    assert "model/backbone/two.1.running_var" in words


def begun(process, steps):
    """The process in the middle of its so-many-th step, and the lines before."""
    lines = []
    while lines.count("step\n") < steps:
        lines.append(process.stdout.readline())
        assert lines[-1], process.stderr.read()
    return lines


def test_a_run_as_typed_is_printed_once_saved_at_a_signal_and_gone_on_with(
    two_processes, tmp_path, write, load, start, finish, support
):
    """The result of the interrupted run and of one that was not are equal bit for bit."""
    path = write(tmp_path, "telling", "telling", resume={"minutes": 1000})
    command = ("-m", "cliqa", "run", path, "--out")
    cut, whole = tmp_path / "cut", two_processes / "telling"
    process = start(2, *command, cut)
    begun(process, 8)  # stage 2 has its own head by then
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode != 0
    saved = "interrupted by SIGTERM; saved; the same command goes on from there"
    assert stderr.count(saved) == 1, stderr
    assert "\nerror: " not in stderr

    with pytest.raises(ResultError, match=r"processes was 2 and is 1; .*start over with --force"):
        run(load(path), cut)

    code, stdout, stderr = finish(2, *command, cut)
    assert code == 0, stderr
    assert stdout.count("telling: goes on, stage 2") == 1
    assert stdout.count("learned bid-like") == 1
    assert len(re.findall("Summary", stdout)) == 1
    assert re.findall("Result: (.*)", stdout) == [str(cut)]
    assert 0 < stdout.count("step\n") < 12

    assert support("killing").unlike(whole, cut) == []
    assert json.loads((cut / "run.json").read_text())["resumed"] == 1
    assert not (cut / "resume").exists()


def test_an_error_on_one_process_ends_all_with_that_message_and_is_said_once(
    tmp_path, write, finish
):
    path = write(tmp_path, "failing", "failing")
    code, _, stderr = finish(2, "-m", "cliqa", "run", path, "--out", tmp_path / "out", timeout=120)
    assert code != 0
    assert stderr.count("error: the disk of this process is gone") == 1, stderr
    assert "has lost another one" not in stderr


@pytest.mark.parametrize("command", [("sweep", "grid.yaml"), ("pretrain", "distortion-bn")])
def test_commands_that_several_processes_would_each_do_whole_are_refused(command, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr("cliqa.cli.lazy.speaks", lambda: True)
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == ConfigError.exit_code
    assert f"cliqa {command[0]} runs in one process and was started in 2" in done.output
