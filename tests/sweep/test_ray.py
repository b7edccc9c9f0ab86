"""Cells as tasks of Ray: a worker, a machine and the driver are lost, and nothing with them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

ray = pytest.importorskip("ray", reason="Ray is not installed (extra `ray`)")

GRID = "grid: {strategy: [tsn-iqa, ft], stream.order: [I, reverse]}"


@pytest.fixture
def cluster(monkeypatch):
    """A head that takes no cells, and two machines with room for one each."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    small = {"object_store_memory": 80 * 1024**2, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    cluster.nodes = [cluster.add_node(num_cpus=1, **small) for _ in range(2)]
    yield cluster
    cluster.shutdown()


@pytest.fixture
def drive(sweeps, cluster):
    """Starts drivers, and leaves none behind."""
    started = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "cliqa", "sweep", "grid.yaml", "--out", "out"]
        process = subprocess.Popen(
            [*command, "--ray-address", cluster.address, "--workers", "2"],
            cwd=sweeps.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def until(what, process, seconds=400):
    """Wait for something that comes true while the driver lives."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)
    return found


def parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - no file of the disk
        return int(file.read().rpartition(")")[2].split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="finds a process's machine in /proc")
def test_a_sweep_that_loses_a_worker_a_machine_and_its_driver_ends_complete(sweeps, cluster, drive):
    sweeps.config["resume"] = {"minutes": 0}  # a checkpoint after every step
    sweeps.base("base.yaml", sweeps.config)
    plan, out = sweeps.plan(GRID), sweeps.out()
    (sweeps.folder / "count-epochs").touch()
    (sweeps.folder / "hold").touch()  # every run waits after its first stage
    held = lambda: {int(p.name[5:]) for p in sweeps.folder.glob("held-*")}  # noqa: E731
    driver = drive()
    first = until(lambda: len(held()) == 2 and held(), driver)

    worker = min(first)
    os.kill(worker, signal.SIGKILL)
    second = until(lambda: held() - first, driver)

    (stays,) = first - {worker}
    raylets = {node.all_processes["raylet"][0].process.pid: node for node in cluster.nodes}
    cluster.remove_node(raylets[parent(stays)], allow_graceful=False)
    until(lambda: outcomes(plan, out).count("lost") == 2, driver)

    driver.kill()
    driver.communicate()
    (sweeps.folder / "hold").unlink()
    assert len(second) == 1
    again = drive()
    output, _ = again.communicate(timeout=400)

    assert again.returncode == 0, output
    assert all(state.value == "done" for state in out.states(plan).values())
    epochs = (sweeps.folder / "epochs").read_text().splitlines()
    stages = {tuple(line.split(", ")[:2]) for line in epochs}
    assert len(stages) == 6  # two of TSN-IQA for both orders, two of FT for each
    assert len(epochs) == len(set(epochs))


def outcomes(plan, out) -> list[str]:
    return [a.outcome for cell in plan.cells for a in out.attempts(cell.name).read()]
