"""The command `cache`."""

import numpy as np
import pytest
from click.testing import CliRunner

from cliqa.cache import Picture, PixelCache
from cliqa.cli import cli


def cliqa(*arguments):
    return CliRunner().invoke(cli, ["cache", *arguments])


@pytest.fixture
def filled(tmp_path, monkeypatch):
    """A cache of three images where the environment says."""
    monkeypatch.setenv("CLIQA_CACHE", str(tmp_path / "cache"))
    cache = PixelCache(tmp_path / "cache", 10**8, smallest=0)
    for number in range(3):
        cache.put(f"{number:064x}", np.full((40, 50, 3), number, np.uint8))
        cache.put_source(f"{number:064x}", Picture("ab" * 32, 40, 50))
    return cache.root


def test_info_says_where_it_lies_and_what_is_in_it(filled):
    done = cliqa("info")
    assert done.exit_code == 0
    assert f"folder: {filled}\nimages: 3, 0.00 GB\nlast uses: 20" in done.output
    assert "stored images: 3" in done.output


def test_clear_removes_what_is_ours_and_nothing_else(filled):
    mine = filled.parent / "mine.txt"
    mine.write_text("mine")
    assert "removed 3 images" in cliqa("clear").output
    assert "images: 0" in cliqa("info").output
    assert mine.read_text() == "mine"


def test_verify_names_and_removes_the_damaged_and_exits_with_one(filled):
    assert cliqa("verify").exit_code == 0
    path = filled / "entries" / "00" / f"{1:064x}"
    path.write_bytes(path.read_bytes()[:-1])
    done = cliqa("verify")
    assert done.exit_code == 1
    assert str(path) in done.output
    assert "2 images are whole, 1 were damaged" in done.output
    assert not path.exists()
    assert cliqa("verify").exit_code == 0


@pytest.mark.parametrize("command", ["info", "clear", "verify"])
def test_a_cache_that_is_off_or_nowhere_or_no_folder_is_no_traceback(
    command, tmp_path, monkeypatch
):
    monkeypatch.setenv("CLIQA_CACHE", "off")
    assert "the cache is off" in cliqa(command).output
    assert cliqa(command, "--folder", str(tmp_path / "none")).exit_code == 0
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").touch()
    done = cliqa(command, "--folder", str(tmp_path / "file"))
    assert done.exit_code == 2
    assert "Not a directory" in done.output
