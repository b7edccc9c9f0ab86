"""Where the cache lies: the setting, the variable, the XDG folder, the home folder."""

from pathlib import Path

import pytest

from cliqa.cache import cache_folder


@pytest.fixture
def environment(monkeypatch):
    for name in ("CLIQA_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    return monkeypatch.setenv


def test_each_place_goes_before_the_next(environment):
    assert cache_folder() == Path("/home/me/.cache/cliqa")
    environment("XDG_CACHE_HOME", "/xdg")
    assert cache_folder() == Path("/xdg/cliqa")
    environment("CLIQA_CACHE", "~/mine")
    assert cache_folder() == Path("/home/me/mine")
    assert cache_folder("/setting") == Path("/setting")


def test_the_setting_and_the_variable_turn_it_off(environment):
    assert cache_folder("off") is None
    environment("CLIQA_CACHE", "off")
    assert cache_folder() is None
    assert cache_folder("/setting") == Path("/setting")


@pytest.mark.parametrize("name", ["CLIQA_CACHE", "XDG_CACHE_HOME"])
def test_an_empty_variable_is_none(environment, name):
    environment(name, "")
    assert cache_folder() == Path("/home/me/.cache/cliqa")


def test_a_relative_xdg_folder_is_ignored_as_its_specification_asks(environment):
    environment("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path("/home/me/.cache/cliqa")


def test_a_relative_folder_is_meant_from_here(environment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cache_folder("there") == tmp_path / "there"
