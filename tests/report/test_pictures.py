"""Thumbnails: from the datasets of the run's configuration, and never from code beside it."""

import base64
import io

import pytest
import yaml
from PIL import Image

from cliqa.config import load_config
from cliqa.data.table import fingerprint
from cliqa.registry import Registry
from cliqa.report import find_runs, thumbnails

CONFIG = {
    "backbone": "efficientnet-lite0",
    "strategy": "tsn-iqa",
    "gates": ["newest"],
    "stream": {"tasks": [{"name": "embedded", "as": "live", "images": 48, "size": 64}]},
    "train": {"epochs": 1, "crop": 48, "shrink": None},
}


@pytest.fixture(scope="module")
def registry():
    return Registry.discover(third_party=False)


@pytest.fixture
def run_with(make_run):
    """A run whose config.yaml says `config` and whose record has that fingerprint."""

    def make(config, digest):
        folder = make_run(
            "a", tasks=("live",), extra={"data": {"live": {"fingerprint": digest}}}, finish=False
        )
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        from cliqa.results import BundleWriter

        BundleWriter(folder).finish()
        return find_runs([folder]).runs[0]

    return make


@pytest.fixture(scope="module")
def dataset(registry, tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "c.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    return load_config(path, registry_factory=lambda _: registry).tasks[0].create()


def test_a_thumbnail_is_a_small_jpeg_of_the_image(registry, run_with, dataset):
    sample = dataset.table["sample_id"][3]
    run = run_with(CONFIG, fingerprint(dataset))
    found, why = thumbnails(registry)(run, [("live", sample)])
    assert why == ""
    head, _, data = found["live", sample].partition(",")
    assert head == "data:image/jpeg;base64"
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert image.size == (64, 64)


def test_other_images_than_those_of_the_run_are_not_shown(registry, run_with, dataset):
    run = run_with(CONFIG, "another")
    found, why = thumbnails(registry)(run, [("live", dataset.table["sample_id"][0])])
    assert not found
    assert why == "live: the images here are not those of the run"


def test_a_plugin_file_that_lies_in_a_run_is_not_executed(registry, run_with, tmp_path):
    run = run_with({**CONFIG, "plugins": ["./evil.py"]}, "x")
    (run.bundle.folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    found, why = thumbnails(registry)(run, [("live", "a")])
    assert not found
    assert "runs no code of a bundle" in why
    assert not (tmp_path / "ran").exists()
