"""One real run, made once, and a copy of it to change."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

#: Two tasks, a set never learned, gates of every kind, a method trained beside it.
CONFIG = {
    "backbone": "s-cnn",
    "strategy": "tsn-iqa",
    "compare": ["ft"],
    "gates": [
        {"name": "kmeans", "k": 2, "n_init": 1, "stages": [4]},
        "newest",
        "uniform",
        "oracle",
    ],
    "train": {"warmup_epochs": 1, "epochs": 1, "crop": 32, "shrink": None, "batch_size": 32},
    "threads": 1,
}


class Work:
    """A copy of the bundle in which files are changed, and all put back afterwards."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.source, self.folder = source, folder
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("compare"))
        self.files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*"))

    def read(self, name: str) -> bytes:
        return (self.source / name).read_bytes()

    def json(self, name: str):
        return json.loads(self.read(name))

    def write(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def write_json(self, name: str, value) -> None:
        self.write(name, json.dumps(value, indent=1, ensure_ascii=False).encode())

    def sign(self) -> None:
        """List every file anew, as a forger would."""
        files = sorted(p for p in self.folder.rglob("*") if p.is_file() and p.name != "SHA256SUMS")
        lines = [
            f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(self.folder).as_posix()}"
            for p in files
        ]
        self.write("SHA256SUMS", ("\n".join(lines) + "\n").encode())

    def restore(self) -> None:
        for path in self.folder.rglob("*"):
            name = path.relative_to(self.folder).as_posix()
            if (path.is_file() or path.is_symlink()) and not (self.source / name).is_file():
                path.unlink()
        for name in [*self.files, "SHA256SUMS"]:
            path = self.folder / name
            content = self.read(name)
            if path.is_symlink():
                path.unlink()
            if not path.exists() or path.read_bytes() != content:
                self.write(name, content)


@pytest.fixture(scope="session")
def bundle(finished_run, embedded, tmp_path_factory):
    """The folder of a finished run."""
    tasks = [embedded(subset) for subset in ("live-like", "bid-like")]
    stream = {"tasks": tasks, "evaluate_only": [embedded("clive-like", "far")]}
    return finished_run(CONFIG | {"stream": stream}, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def verifier():
    from cliqa.registry import Registry
    from cliqa.verification import Verifier

    return Verifier(Registry.discover(third_party=False))


@pytest.fixture(scope="session")
def honest(bundle, verifier):
    """What is found out about the run as it is."""
    return verifier.verify(bundle)


@pytest.fixture(scope="session")
def shared_work(bundle, tmp_path_factory):
    return Work(bundle, tmp_path_factory.mktemp("work") / "bundle")


@pytest.fixture
def work(shared_work):
    """A copy to change; put back after each test."""
    yield shared_work
    shared_work.restore()
