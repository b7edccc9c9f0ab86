"""Cells as tasks of Ray: a worker, a machine and the driver are lost, and nothing with them."""

from __future__ import annotations

import json
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


def drive(sweeps, cluster) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cliqa", "sweep", "grid.yaml", "--out", "out"]
    return subprocess.Popen(
        [*command, "--ray-address", cluster.address, "--workers", "2"],
        cwd=sweeps.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until(what, process, seconds=120):
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


def trained(out) -> list[str]:
    """Address of every stage that a cell trained itself, as the logs of the runs say."""
    found = []
    for file in out.path.glob("cells/*/train_log.jsonl"):
        records = [json.loads(line) for line in file.read_text().splitlines()]
        stages = [r for r in records if r.get("event") == "stage"]
        found += [r.get("address", f"{file}, {r['step']}") for r in stages if not r.get("reused")]
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="finds a process's machine in /proc")
def test_a_sweep_that_loses_a_worker_a_machine_and_its_driver_ends_complete(sweeps, cluster):
    plan, out = sweeps.plan(GRID), sweeps.out()
    (sweeps.folder / "hold").touch()  # every run waits after its first stage
    held = lambda: {int(p.name[5:]) for p in sweeps.folder.glob("held-*")}  # noqa: E731
    driver = drive(sweeps, cluster)
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
    again = drive(sweeps, cluster)
    output, _ = again.communicate(timeout=240)

    assert again.returncode == 0, output
    assert all(state.value == "done" for state in out.states(plan).values())
    stages = trained(out)
    assert len(stages) == len(set(stages)) == 6  # 2 of TSN-IQA for both orders, 2 of FT for each


def outcomes(plan, out) -> list[str]:
    return [a.outcome for cell in plan.cells for a in out.attempts(cell.name).read()]
