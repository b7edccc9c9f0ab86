"""Files written once, and an environment into which built wheels are installed."""

from __future__ import annotations

import csv
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from click.testing import CliRunner

from cliqa.cli import cli

ROOT = Path(__file__).parents[2]
#: The least that a run of the embedded set can be.
SMALL = [
    option
    for value in (
        "stream.tasks.0.size=64",
        "train.crop=64",
        "train.epochs=1",
        "train.warmup_epochs=1",
    )
    for option in ("--set", value)
]


@pytest.fixture(scope="session")
def small():
    return SMALL


@pytest.fixture
def new(tmp_path, monkeypatch):
    """Runs `cliqa new` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(cli, ["new", *map(str, arguments)])


@pytest.fixture
def ratings(tmp_path, random_pixels):
    """Twelve pictures in `pictures`, each rated three times on a scale from 1 to 5."""
    from PIL import Image

    folder = tmp_path / "pictures"
    folder.mkdir()
    rows = []
    for number, pixels in enumerate(random_pixels(12, sizes=[(64, 72)])):
        Image.fromarray(pixels).save(folder / f"{number}.png")
        given = [1 + (number + rater) % 5 for rater in range(3)]
        rows += [(f"r{rater}", f"{number}.png", score) for rater, score in enumerate(given)]
    with (tmp_path / "ratings.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("rater", "image", "score"), *rows])
    return rows


class Clean:
    """A fresh environment that has wheels of ours, and the libraries of this one."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.call(sys.executable, "-m", "venv", "--without-pip", str(folder))
        inside = sysconfig.get_path("purelib", "venv", vars={"base": str(folder)})
        # Plain folders: an editable installation of cliqa among them is not followed.
        libraries = [path for path in sys.path if path.endswith("-packages")]
        (Path(inside) / "libraries.pth").write_text("\n".join(libraries) + "\n")

    def call(self, *arguments: str, cwd: Path | None = None, rc: int = 0) -> str:
        done = subprocess.run(arguments, cwd=cwd, capture_output=True, text=True, check=False)
        assert done.returncode == rc, done.stdout + done.stderr
        return done.stdout

    def python(self, *arguments: str, **options) -> str:
        return self.call(str(self.bin / "python"), *arguments, **options)

    def cliqa(self, *arguments: str, **options) -> str:
        return self.call(str(self.bin / "cliqa"), *arguments, **options)

    def install(self, *sources: Path) -> None:
        """Build and install without a network: the build backend is this environment's own."""
        without = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
        self.python("-m", "pip", "install", "--quiet", *without, *map(str, sources))


@pytest.fixture(scope="session")
def clean(tmp_path_factory):
    pytest.importorskip("hatchling", reason="it builds wheels; install the extra `test`")
    environment = Clean(tmp_path_factory.mktemp("clean") / "venv")
    environment.install(ROOT)
    return environment
