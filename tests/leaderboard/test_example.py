"""The example of docs/ is what its bundles give."""

import json
import shutil
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import CliRunner

from cliqa.cli.main import cli

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "leaderboard"
FILES = ("index.html", "leaderboard.json", "leaderboard.csv", "leaderboard.md")
#: What the pixels of the embedded sets come out of; with another version they may be others.
DRAWN_BY = ("pillow", "scikit-image", "numpy", "scipy")


def made_with():
    first = next(EXAMPLE.glob("bundles/*.zip"))
    with zipfile.ZipFile(first) as archive:
        return json.loads(archive.read("run.json"))["environment"]["libraries"]


def test_it_is_small_enough_for_a_repository():
    size = sum(path.stat().st_size for path in EXAMPLE.rglob("*") if path.is_file())
    assert size < 8e6  # 0.1 MB a run, and the page


def test_built_again_from_its_bundles_it_has_the_same_bytes(tmp_path, monkeypatch):
    then = made_with()
    other = [name for name in DRAWN_BY if metadata.version(name) != then[name]]
    if other:
        pytest.skip(f"its runs were made with another {other[0]}, which may draw other pixels")
    shutil.copytree(EXAMPLE, tmp_path / "example")
    monkeypatch.chdir(tmp_path / "example")
    script = Path("build.sh").read_text()
    title = script.split('--title "', 1)[1].split('"', 1)[0]
    arguments = ["leaderboard", "bundles", "--baseline", "ft", "--title", title]
    done = CliRunner().invoke(cli, ["--no-plugins", *arguments, "--out", ".", "--force"])
    assert done.exit_code == 0, done.output
    assert " 0 rejected" in done.output
    for name in FILES:
        assert Path(name).read_bytes() == (EXAMPLE / name).read_bytes(), name


def test_every_row_is_recomputed_and_says_that_its_scores_are_pseudo_mos():
    board = json.loads((EXAMPLE / "leaderboard.json").read_text())
    assert board["tracks"]
    for track in board["tracks"]:
        assert any("pseudo-MOS" in note for note in track["notes"])
        assert {row["trust"] for row in track["rows"]} == {"recomputed"}
