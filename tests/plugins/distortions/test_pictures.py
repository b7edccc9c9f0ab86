"""Photographs, their division, and crops of them."""

from __future__ import annotations

import numpy as np
import pytest
from cliqa_distortions.config import DistortionConfig, classes_of
from cliqa_distortions.pictures import divide, in_folder, random_crop, shipped
from cliqa_distortions.samples import Samples
from PIL import Image

from cliqa.errors import DataError
from cliqa.seeds import named_rng


@pytest.fixture
def folder(tmp_path, random_pixels):
    """Four photographs of different content, one of them twice, and a file that is none."""
    names = ["a.png", "deep/b.BMP", "deep/c.webp", "d.png"]
    for name, pixels in zip(names, random_pixels(4, sizes=((40, 48),)), strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / name, lossless=True)
    (tmp_path / "e.png").write_bytes((tmp_path / "a.png").read_bytes())
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_a_folder_is_searched_with_its_folders_and_each_content_is_taken_once(folder):
    found, doubles = in_folder(folder)
    assert [p.name for p in found] == ["a.png", "d.png", "deep/b.BMP", "deep/c.webp"]
    assert doubles == ["e.png (the same as a.png)"]
    assert all(p.read().shape == (40, 48, 3) for p in found)


def test_a_missing_or_empty_folder_and_an_unreadable_file_are_named(tmp_path):
    with pytest.raises(DataError, match=r"photographs: no folder .*gone"):
        in_folder(tmp_path / "gone")
    with pytest.raises(DataError, match=r"nothing in .* ends in \.png"):
        in_folder(tmp_path)
    (tmp_path / "bad.png").write_text("no picture")
    with pytest.raises(DataError, match=r"bad\.png cannot be read"):
        in_folder(tmp_path)[0][0].read()


@pytest.mark.parametrize("share", [0.01, 0.25, 0.5, 0.99])
def test_no_photograph_is_on_both_sides_and_none_is_lost(share):
    train, test = divide(shipped(), share, seed=3)
    assert len(test) == min(max(1, round(share * 13)), 12)
    names = [p.name for p in (*train, *test)]
    assert sorted(names) == sorted(p.name for p in shipped())


def test_the_division_depends_on_the_seed_and_not_on_the_order():
    one = {p.name for p in divide(shipped(), 0.3, 0)[1]}
    assert one == {p.name for p in divide(shipped()[::-1], 0.3, 0)[1]}
    assert any(one != {p.name for p in divide(shipped(), 0.3, seed)[1]} for seed in range(1, 5))


def test_a_single_photograph_cannot_be_divided():
    with pytest.raises(DataError, match="at least 2"):
        divide(shipped()[:1], 0.5, 0)


@pytest.mark.parametrize("scale", [0.1, 0.5, 1.0])
def test_crops_have_the_asked_size_from_any_picture_that_holds_one(scale):
    picture = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    for number in range(20):
        assert random_crop(picture, 48, scale, named_rng(number, "x")).shape == (48, 48, 3)


def test_an_unscaled_crop_is_a_part_of_the_picture_or_of_its_mirror_image():
    picture = np.arange(60 * 60 * 3, dtype=np.uint32).reshape(60, 60, 3).astype(np.uint8)
    crop = random_crop(picture, 40, 1.0, named_rng(0, "x"))
    windows = [
        side[y : y + 40, x : x + 40]
        for side in (picture, picture[:, ::-1])
        for y in range(21)
        for x in range(21)
    ]
    assert any((crop == window).all() for window in windows)


def test_crops_prefer_texture():
    picture = np.full((200, 200, 3), 90, np.uint8)
    picture[:, :100] = np.random.default_rng(0).integers(0, 256, (200, 100, 3), dtype=np.uint8)
    spreads = [random_crop(picture, 48, 1.0, named_rng(n, "x")).std() for n in range(40)]
    assert np.mean(np.array(spreads) > 20) > 0.8  # half of the picture is flat


@pytest.fixture
def samples():
    config = DistortionConfig(crop=32, batch_size=10, levels=(2,), types=("jpeg", "white-noise"))
    return Samples(shipped()[:3], classes_of(config), 4, config, "train")


def test_an_epoch_holds_every_class_of_every_crop_once(samples):
    batches = list(samples.batches(0))
    assert len(samples) == 3 * 4 * 2
    assert samples.steps == len(batches) == 3
    classes = [number for _, numbers in batches for number in numbers]
    assert sorted(classes) == [0] * 12 + [1] * 12
    sizes = [len(numbers) for _, numbers in batches]
    assert max(sizes) - min(sizes) <= 1


def test_a_sample_is_the_same_whenever_asked_and_new_in_another_epoch(samples):
    first = samples.sample(0, 5)
    samples.sample(3, 1)
    np.testing.assert_array_equal(samples.sample(0, 5)[0], first[0])
    assert (samples.sample(1, 5)[0] != first[0]).any()
