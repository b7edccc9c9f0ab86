"""Contents come from installed packages and from fixed scenes, textured and without download."""

from __future__ import annotations

import socket

import numpy as np
import pytest
from cliqa_embedded.contents import CROPS, contents, textured_crops
from cliqa_embedded.photographs import PHOTOGRAPHS, Photograph
from cliqa_embedded.scenes import SCENES

from cliqa.errors import DataError


def test_there_are_at_least_twenty_references_and_most_are_photographs():
    names = [source.name for source in (*PHOTOGRAPHS, *SCENES)]
    assert len(names) == len(set(names)) >= 20
    assert len(PHOTOGRAPHS) > len(SCENES)


def test_photographs_are_read_without_a_network(monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("the network was asked"))
    for photograph in PHOTOGRAPHS:
        pixels = photograph.read()
        assert pixels.dtype == np.uint8
        assert pixels.shape[2] == 3


def test_no_photograph_is_colourless():
    for photograph in PHOTOGRAPHS:
        assert np.ptp(photograph.read().astype(int), axis=-1).mean() > 3, photograph.name


def test_a_missing_file_is_named_with_its_package():
    lost = Photograph(name="x", package="skimage", path="data/no_such.png", licence="")
    with pytest.raises(DataError, match=r"data/no_such\.png.*scikit-image"):
        lost.read()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("cliqa_embedded.photographs.find_spec", lambda _: None)
    with pytest.raises(DataError, match=r"china\.jpg.*scikit-learn.*not installed"):
        next(p for p in PHOTOGRAPHS if p.name == "china").read()


def test_an_unreadable_file_is_named(monkeypatch, tmp_path):
    broken = tmp_path / "china.jpg"
    broken.write_bytes(b"no picture")
    monkeypatch.setattr(Photograph, "_file", lambda _: broken)
    with pytest.raises(DataError, match=r"china\.jpg.*cannot be read"):
        next(p for p in PHOTOGRAPHS if p.name == "china").read()


def test_scenes_depend_on_the_seed_alone_and_differ():
    drawn = [scene.draw(1) for scene in SCENES[:2]]
    np.testing.assert_array_equal(drawn[0], SCENES[0].draw(1))
    assert not np.array_equal(drawn[0], SCENES[0].draw(2))
    assert not np.array_equal(*drawn)


def test_every_reference_has_crops_of_the_asked_size():
    for crops in contents(64, 2019).values():
        assert 4 <= len(crops) <= CROPS
        assert all(crop.shape == (64, 64, 3) for crop in crops)


def test_crops_are_taken_where_the_texture_is():
    picture = np.full((300, 300, 3), 90, np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
    picture[200:, :100] = noise
    first = textured_crops(picture, 64)[0]
    assert first.std() > 60


def test_the_largest_size_of_the_config_fits_every_source():
    assert all(len(crops) >= 1 for crops in contents(256, 2019).values())
