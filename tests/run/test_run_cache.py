"""No result depends on the cache, and a run says at which sizes it looked at its images."""

import json
from functools import partial

import pytest

from cliqa.cache import PixelCache, look
from cliqa.config import RunConfig
from cliqa.errors import ConfigError
from cliqa.run import Observer, run


class Listener(Observer):
    def __init__(self):
        self.notes, self.to_check, self.seen = [], 0, 0

    def note(self, text):
        self.notes.append(text)

    def checking(self, images):
        self.to_check += images

    def checked(self, images):
        self.seen += images


@pytest.fixture
def small_pictures(monkeypatch):
    """Test pictures are smaller than what is worth storing."""
    monkeypatch.setattr("cliqa.run.built.PixelCache", partial(PixelCache, smallest=0))


@pytest.fixture
def short(tiny_config):
    tiny_config["train"] |= {"warmup_epochs": 1, "epochs": 1, "shrink": 56}
    tiny_config["evaluate"] = {"shrink": "48x60"}
    del tiny_config["stream"]["tasks"][2:]
    return tiny_config


def results(folder):
    names = (
        "predictions.parquet",
        "heads.parquet",
        "metrics.json",
        "checkpoints/model.safetensors",
    )
    return {name: (folder / name).read_bytes() for name in names}


def test_a_run_gives_the_same_bits_without_the_cache_cold_and_warm(
    short, resolve, tmp_path, small_pictures, monkeypatch
):
    """And its record is that of the same run, which tells the resize policies."""
    cache, found, records = tmp_path / "cache", [], []
    for name, folder in (("off", "off"), ("cold", str(cache)), ("warm", str(cache))):
        listener = Listener()
        if name == "warm":
            monkeypatch.setattr("cliqa.data.reader.decode", lambda *a, **k: pytest.fail("decoded"))
        run(resolve(short, f"cache.folder={folder}"), tmp_path / name, observer=listener)
        found.append(results(tmp_path / name))
        records.append(json.loads((tmp_path / name / "run.json").read_text()))
        assert listener.seen == listener.to_check == 96
        told = [note for note in listener.notes if "decoded images are kept" in note]
        assert len(told) == (name == "cold")
    assert look(cache).images > 96
    assert found[0] == found[1] == found[2]
    assert len({record["run_id"] for record in records}) == 1
    assert records[0]["resize"] == {"train": "shrink-56", "test": "fixed-48x60"}
    assert records[0]["data"]["live-like"]["exif_transpose"] is False
    assert "cache" not in records[1]["config"]
    assert "cache" not in (tmp_path / "warm" / "config.yaml").read_text()


def test_two_runs_that_differ_in_the_cache_only_are_the_same_run(short, resolve):
    assert resolve(short, "cache.folder=off") == resolve(short, "cache.disk_gb=7")


@pytest.mark.parametrize("value", ["16", "224x", "0x0", "true", "10 x 10", "as-trained", "1.5"])
def test_a_size_that_is_none_is_refused_with_what_is_expected(short, resolve, value):
    expected = r"pixels \(at least 32\), a size such as 224x320, or null, got"
    with pytest.raises(ConfigError, match=rf"train\.shrink: expected {expected}"):
        resolve(short, f"train.shrink={value}")
    if value != "as-trained":
        with pytest.raises(ConfigError, match=rf"shrink: expected as-trained, {expected}"):
            resolve(short, f"evaluate.shrink={value}")


def test_a_size_is_a_setting_of_training_and_of_testing():
    shrinks = {"train": {"shrink": "224x320"}, "evaluate": {"shrink": "as-trained"}}
    stream = {"tasks": ["embedded"]}
    config = RunConfig(backbone="tiny", strategy="ft", stream=stream, **shrinks)
    assert config.train.shrink == "224x320"
