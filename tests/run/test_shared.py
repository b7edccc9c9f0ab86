"""What a process does that is not the one that writes."""

import inspect

import pytest

from cliqa.distributed import World
from cliqa.errors import ConfigError
from cliqa.results import BundleWriter
from cliqa.run import prepare, shared


def test_who_does_not_write_takes_everything_and_touches_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(shared, "world", lambda: World(1, 2))
    folder = tmp_path / "nowhere"
    writer = shared.writer_of(folder)
    names = [n for n, _ in inspect.getmembers(BundleWriter, inspect.isfunction) if n[0] != "_"]
    assert "write_predictions" in names
    for name in names:
        if name not in ("path", "checkpoint_path"):  # for code that would then write
            method = getattr(writer, name)
            given = {"task": "live", "text": ""}  # every other argument is only handed on
            method(*(given.get(p, {}) for p in inspect.signature(method).parameters))
    for name in ("path", "checkpoint_path"):
        with pytest.raises(NotImplementedError, match="only process 0 writes"):
            getattr(writer, name)("some")
    assert list(tmp_path.iterdir()) == []


def test_alone_it_is_the_writer_itself_and_the_ways_are_those_found(tmp_path):
    assert type(shared.writer_of(tmp_path)) is BundleWriter
    ways = iter("abc")
    assert list(shared.shared_ways(ways)) == ["a", "b", "c"]


def test_compiled_networks_are_refused_on_several_processes(tiny_config, resolve, monkeypatch):
    monkeypatch.setattr(prepare, "world", lambda: World(0, 2))
    tiny_config["train"]["compile"] = True
    with pytest.raises(ConfigError, match=r"train\.compile: not on several processes"):
        prepare.prepare(resolve(tiny_config))
