"""Grids over a tiny run, planned and run in a folder of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from cliqa.errors import ConfigError
from cliqa.registry import Registry
from cliqa.sweep import SweepFolder, plan_sweep

if TYPE_CHECKING:
    from pathlib import Path

#: Breaks, hangs or counts, where a test asks for it.
HELPER = """
import os, pathlib, signal, time
from cliqa import Component, hookimpl

BUILT = []
HERE = pathlib.Path(__file__).parent

if (HERE / "count-epochs").exists():  # a run's own log forgets what was trained in vain
    from cliqa.sweep.running import ProgressFile

    before = ProgressFile.epoch

    def epoch(self, record):
        with (HERE / "epochs").open("a") as file:
            file.write(f"{self._path.stem}, {self._stage}, {self._phase}, {record['epoch']}\\n")
        before(self, record)

    ProgressFile.epoch = epoch


@hookimpl
def cliqa_run_start(run):
    if os.environ.get("HANG_AT_SEED") == str(run["seed"]):
        pathlib.Path(os.environ["HANG_MARK"]).touch()
        time.sleep(600)
    once = HERE / f"kill-at-seed-{run['seed']}"
    if once.exists():
        once.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


@hookimpl
def cliqa_task_end(step, summary):
    if step == 1 and (HERE / "hold").exists():
        (HERE / f"held-{os.getpid()}").touch()
        while (HERE / "hold").exists():
            time.sleep(0.05)


@hookimpl
def cliqa_strategies():
    return [
        Component(name="broken", factory=broken),
        Component(name="refusing", factory=refusing),
        Component(name="flaky", factory=flaky),
        Component(name="starving", factory=starving),
    ]


@hookimpl
def cliqa_datasets():
    return [Component(name="counted", factory=build, config="cliqa_embedded.config:EmbeddedConfig")]


def broken(config):
    raise ZeroDivisionError("a defect")


def flaky(config):
    from cliqa.training import Strategy
    if (HERE / "flaky").exists():
        raise ZeroDivisionError("not today")
    return Strategy()


def starving(config):
    from cliqa.training import Strategy
    left = HERE / "starving"
    tries = int(left.read_text()) if left.exists() else 0
    if tries:
        left.write_text(str(tries - 1))
        raise MemoryError("no room")
    return Strategy()


def refusing(config):
    from cliqa.errors import CapabilityError
    raise CapabilityError("this strategy takes nobody")


def build(config):
    from cliqa_embedded.dataset import build
    BUILT.append(config.subset)
    return build(config)
"""


class Sweeps:
    """Writes grids beside `base.yaml`, plans them and keeps them apart from their results."""

    def __init__(self, folder: Path, config: dict) -> None:
        self.folder = folder
        (folder / "helper.py").write_text(HELPER)
        config["plugins"].append("./helper.py")
        config["stream"]["tasks"] = config["stream"]["tasks"][:2]
        config["gates"] = [{"name": "kmeans", "k": 4, "n_init": 2}, "newest"]
        config["train"] |= {"warmup_epochs": 1, "epochs": 1}
        self.config = config
        self.base("base.yaml", config)
        self.discovered: list[list[Path]] = []
        self._known: dict[tuple[Path, ...], Registry] = {}

    def base(self, name: str, config: dict) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        return path

    def grid(self, text: str, name: str = "grid.yaml") -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text if text.startswith("base:") else f"base: base.yaml\n{text}")
        return path

    def registry(self, files: list[Path]) -> Registry:
        self.discovered.append(files)
        return self._known.setdefault(tuple(files), Registry.discover(local_files=files))

    def plan(self, text: str, *overrides: str, name: str = "grid.yaml"):
        return plan_sweep(
            self.grid(text, name), overrides=overrides, registry_factory=self.registry
        )

    def names(self, text: str, *overrides: str) -> list[str]:
        return [cell.name for cell in self.plan(text, *overrides).cells]

    def refused(self, text: str, *overrides: str) -> str:
        """The message, without the folder of the files."""
        with pytest.raises(ConfigError) as caught:
            self.plan(text, *overrides)
        return str(caught.value).replace(f"{self.folder}/", "")

    def out(self, name: str = "out") -> SweepFolder:
        return SweepFolder(self.folder / name)


@pytest.fixture
def sweeps(tmp_path, tiny_config) -> Sweeps:
    return Sweeps(tmp_path, tiny_config)


@pytest.fixture(scope="module")
def shared_sweeps(tmp_path_factory, write_tiny_config) -> Sweeps:
    """For tests with generated inputs, which write nothing but the grid."""
    folder = tmp_path_factory.mktemp("sweeps")
    return Sweeps(folder, write_tiny_config(folder))
