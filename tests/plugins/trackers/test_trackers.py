"""Each tracker with the library it is for; one that is not installed is skipped."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest
from pydantic import ValidationError

from cliqa.errors import ConfigError, MissingPackageError
from cliqa.registry import Registry
from cliqa.tracking import TrackedRun

NAMES = ("mlflow", "tensorboard", "wandb")
LINES = [
    {
        "event": "epoch", "step": 1 + n // 3, "task": "ab"[n // 3], "phase": "joint",
        "epoch": 1 + n % 3, "loss": 1.0 / (n + 1), "validation_srcc": None if n == 0 else 0.25 * n,
        "lr": 0.001, "seconds": 0.5,
    }
    for n in range(4)
]  # fmt: skip
METRICS = {
    "tasks": ["a", "b"],
    "gates": {"newest": {"srcc": [[0.5, None], [0.25, 0.75]], "stability": [], "mSRCC": 0.5}},
}
CONFIG = {"seed": 3, "strategy": {"name": "ewc", "weight": 2.0}, "gates": ["newest"]}


@pytest.fixture(autouse=True)
def no_login(monkeypatch, tmp_path):
    """Neither the settings nor the login of whoever runs the tests."""
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL", "WANDB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_ALLOW_FILE_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")


def make(name, **settings):
    registered = Registry.discover(third_party=False).get("tracker", name)
    return registered.create(registered.config_model()(**settings))


class Life:
    """Attempts at one run, as the core tells them."""

    def __init__(self, folder, name):
        self.folder, self.name, self.memory, self.notes = folder, name, {}, []
        folder.mkdir(exist_ok=True)
        (folder / "config.yaml").write_text("seed: 3\n")

    def attempt(self, lines, *, known=0, ends=None, **settings):
        """Tell it these lines; `ends=None`: it is killed and hears no more."""
        tracker = make(self.name, **settings)
        run = TrackedRun(
            name="out/ewc", group="out", method="ewc", bundle=self.folder,
            folder=self.folder / "trackers" / self.name,
            record={"run_id": "0123456789abcdef", "config": CONFIG}, known=known,
            memory=dict(self.memory), remember=self._remember, note=self.notes.append,
        )  # fmt: skip
        tracker.start(run)
        for number, line in enumerate(lines, start=1):
            tracker.record(number, line)
        if ends == "finished":
            tracker.task_end(len(lines) + 1, {"step": 2, "task": "b", "train_seconds": 1.5})
            tracker.metrics(METRICS)
        if ends:
            tracker.close(ends)
        return tracker

    def _remember(self, values):
        self.memory = dict(values)


def scalars_of(folder):
    """Name -> (step, value) of what TensorBoard reads."""
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="tensorboard is not installed: pip install .[tensorboard]",
    )
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    found = accumulator.EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return {
        name: [(event.step, event.value) for event in found.Scalars(name)]
        for name in found.Tags()["scalars"]
    }


def mlflow_of(folder):
    """The only run of the file store in a bundle, and name -> (step, value) of its metrics."""
    from pathlib import Path

    tracking = pytest.importorskip(
        "mlflow.tracking", reason="mlflow-skinny is not installed: pip install .[mlflow]"
    )
    store = Path(folder / "trackers" / "mlflow" / "mlruns").absolute().as_uri()
    client = tracking.MlflowClient(tracking_uri=store)
    experiment = client.get_experiment_by_name("cliqa")
    (run,) = client.search_runs([experiment.experiment_id])
    found = {
        name: sorted((m.step, m.value) for m in client.get_metric_history(run.info.run_id, name))
        for name in run.data.metrics
    }
    return run, found


@pytest.mark.parametrize("name", NAMES)
def test_without_its_package_it_names_the_extra_before_anything_is_done(name, monkeypatch):
    monkeypatch.setattr("cliqa.tracking.values.find_spec", lambda package: None)
    with pytest.raises(MissingPackageError, match=rf'pip install "cliqa-bench\[{name}\]"'):
        make(name)


def test_listing_imports_none_of_the_packages():
    code = (
        "import atexit, sys; from cliqa.cli import main; sys.argv[1:] = ['list', 'trackers']\n"
        f"atexit.register(lambda: print([m for m in {NAMES!r} if m in sys.modules])); main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(name in done.stdout for name in NAMES)


def test_no_tracker_has_a_setting_for_a_key():
    registry = Registry.discover(third_party=False)
    fields = {
        f for name in NAMES for f in registry.get("tracker", name).config_model().model_fields
    }
    assert fields == {"wait", "uri", "experiment", "project", "entity", "mode"}


def test_tensorboard_reads_back_what_was_logged(tmp_path):
    pytest.importorskip("tensorboard", reason="pip install .[tensorboard]")
    Life(tmp_path, "tensorboard").attempt(LINES, ends="finished")
    found = scalars_of(tmp_path / "trackers" / "tensorboard")
    assert found["joint/loss"] == [(n, pytest.approx(1 / n)) for n in (1, 2, 3, 4)]
    assert found["joint/validation_srcc"] == [(2, 0.25), (3, 0.5), (4, 0.75)]
    assert found["stage/train_seconds"] == [(2, 1.5)]
    assert found["test_srcc/newest/a"] == [(1, 0.5), (2, 0.25)]
    assert found["summary/newest/mSRCC"] == [(2, 0.5)]


@pytest.mark.parametrize("ends", [None, "interrupted"])
def test_tensorboard_goes_on_in_the_same_folder_with_every_step_once(tmp_path, ends):
    pytest.importorskip("tensorboard", reason="pip install .[tensorboard]")
    whole, cut = Life(tmp_path / "whole", "tensorboard"), Life(tmp_path / "cut", "tensorboard")
    whole.attempt(LINES, ends="finished")
    cut.attempt(LINES[:3], ends=ends)
    cut.attempt(LINES, known=2, ends="finished")
    folders = [life.folder / "trackers" / "tensorboard" for life in (whole, cut)]
    one, other = map(scalars_of, folders)
    assert one == other
    assert len(list(folders[1].glob("events.*"))) == 2


def test_mlflow_holds_the_configuration_and_every_number(tmp_path):
    pytest.importorskip("mlflow", reason="pip install .[mlflow]")
    Life(tmp_path, "mlflow").attempt(LINES, ends="finished")
    run, found = mlflow_of(tmp_path)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "out/ewc"
    assert run.data.params["strategy.weight"] == "2.0"
    assert run.data.params["gates.0"] == "newest"
    assert run.data.tags["cliqa.run_id"] == "0123456789abcdef"
    assert found["joint/loss"] == [(n, 1 / n) for n in (1, 2, 3, 4)]
    assert found["test_srcc/newest/a"] == [(1, 0.5), (2, 0.25)]


@pytest.mark.parametrize("ends", [None, "interrupted", "failed"])
def test_mlflow_goes_on_in_the_same_run_with_every_step_once(tmp_path, ends):
    pytest.importorskip("mlflow", reason="pip install .[mlflow]")
    life = Life(tmp_path, "mlflow")
    life.attempt(LINES[:3], ends=ends)
    status = {None: "RUNNING", "interrupted": "KILLED", "failed": "FAILED"}
    assert mlflow_of(tmp_path)[0].info.status == status[ends]
    life.attempt(LINES, known=2, ends="finished")
    run, found = mlflow_of(tmp_path)  # which takes one run only
    assert run.info.status == "FINISHED"
    assert found["joint/loss"] == [(n, 1 / n) for n in (1, 2, 3, 4)]


def test_mlflow_begins_a_whole_run_in_another_store(tmp_path):
    pytest.importorskip("mlflow", reason="pip install .[mlflow]")
    life = Life(tmp_path, "mlflow")
    life.attempt(LINES[:3])
    first = dict(life.memory)
    life.attempt(LINES, known=2, ends="finished", uri=(tmp_path / "elsewhere").as_uri())
    assert life.memory["run"] != first["run"]
    assert "elsewhere" not in json.dumps(life.memory)


def wandb_folders(life):
    return sorted((life.folder / "trackers" / "wandb" / "wandb").glob("offline-run-*"))


def test_wandb_without_a_login_keeps_the_run_for_later_and_says_where(tmp_path):
    pytest.importorskip("wandb", reason="pip install .[wandb]")
    life = Life(tmp_path, "wandb")
    life.attempt(LINES, ends="finished")
    (folder,) = wandb_folders(life)
    assert list(folder.glob(f"run-{life.memory['id']}.wandb"))
    assert life.notes == [f"offline; to upload it later: wandb sync {folder}"]


def test_wandb_goes_on_under_the_same_id(tmp_path):
    pytest.importorskip("wandb", reason="pip install .[wandb]")
    life = Life(tmp_path, "wandb")
    life.attempt(LINES[:3], ends="interrupted")
    first = life.memory["id"]
    life.attempt(LINES, known=2, ends="finished")
    assert life.memory["id"] == first
    assert {f.name for d in wandb_folders(life) for f in d.glob("*.wandb")} == {
        f"run-{first}.wandb"
    }


@pytest.mark.parametrize(
    ("settings", "environment", "expected"),
    [
        ({}, {}, "offline"),
        ({}, {"WANDB_API_KEY": "k"}, "online"),
        ({}, {"WANDB_API_KEY": "k", "WANDB_MODE": "offline"}, "offline"),
        ({"mode": "offline"}, {"WANDB_API_KEY": "k"}, "offline"),
        ({"mode": "online"}, {"WANDB_API_KEY": "k"}, "online"),
    ],
)
def test_wandb_is_online_where_it_can_be_and_is_not_told_otherwise(
    settings, environment, expected, monkeypatch
):
    monkeypatch.setattr("cliqa.tracking.values.find_spec", lambda package: pytest)  # is there
    monkeypatch.setattr(pytest, "origin", "x", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert make("wandb", **settings)._mode == expected


def test_wandb_finds_the_login_that_wandb_login_writes(monkeypatch, tmp_path):
    pytest.importorskip("wandb", reason="pip install .[wandb]")
    (tmp_path / "netrc").write_text("machine api.wandb.ai\n  login user\n  password secret\n")
    assert make("wandb")._mode == "online"


def test_wandb_online_without_a_login_is_refused_before_anything_is_trained():
    pytest.importorskip("wandb", reason="pip install .[wandb]")
    with pytest.raises(ConfigError, match="wandb login"):
        make("wandb", mode="online")


@pytest.mark.parametrize("name", NAMES)
def test_a_wait_is_never_negative(name):
    model = Registry.discover(third_party=False).get("tracker", name).config_model()
    with pytest.raises(ValidationError):
        model(wait=-1)
