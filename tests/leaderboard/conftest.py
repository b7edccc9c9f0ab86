"""Bundles for leaderboards, honest and not."""

from __future__ import annotations

import hashlib
import json

import pytest

from cliqa.leaderboard import Options, build_board, collect

COUNTS = {"train": 35, "val": 5}
DATASETS = ("live", "csiq", "bid")


def with_counts(sizes):
    return {t: {"fingerprint": f"f{t}", "test": n, **COUNTS} for t, n in sizes.items()}


@pytest.fixture(scope="session")
def write_run(write_bundle):
    """Write a bundle whose records hold the sizes of the parts."""

    def write(folder, sizes=(14, 11, 12), **differences):
        data = with_counts(dict(zip(DATASETS, sizes, strict=True)))
        extra = {"data": data, **differences.pop("extra", {})}
        return write_bundle(folder, extra=extra, **differences)

    return write


@pytest.fixture
def make_run(tmp_path, write_run):
    return lambda name="run", **differences: write_run(tmp_path / "runs" / name, **differences)


@pytest.fixture(scope="session")
def three_seeds(tmp_path_factory, write_run):
    """Two methods and joint learning with three seeds each; only to be read."""
    root = tmp_path_factory.mktemp("board")
    for seed in range(3):
        write_run(root / f"ft-{seed}", method="ft", gates={"newest": False}, seed=seed)
        write_run(root / f"tsn-{seed}", seed=seed)
        write_run(root / f"jl-{seed}", method="jl", joint=True, seed=seed)
    return root


def fake_contents(run, task):
    """Two images show one content."""
    return {i: str(int(i.rpartition("-")[2]) // 2) for i in run.bundle.split(task)["test"]}, ""


@pytest.fixture(scope="session")
def believe(support):
    return support("verified").believe


@pytest.fixture(scope="session")
def board_of(believe):
    def build(*folders, **options):
        return build_board(collect(folders, believe), Options(**options))

    return build


@pytest.fixture(scope="session")
def reseal():
    """Change a bundle's run.json and make its sums agree again, as a forger would."""

    def change(folder, alter=None, text=None):
        path = folder / "run.json"
        record = json.loads(path.read_text())
        if alter:
            alter(record)
        path.write_text(json.dumps(record) if text is None else text)
        lines = []
        for line in (folder / "SHA256SUMS").read_text().splitlines():
            name = line.split("  ", 1)[1]
            digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            lines.append(f"{digest}  {name}\n")
        (folder / "SHA256SUMS").write_text("".join(lines))
        return folder

    return change
