"""Contents come from installed packages and from fixed scenes, textured and without download."""

from __future__ import annotations

import numpy as np
from cliqa_embedded.contents import CROPS, contents, textured_crops
from cliqa_embedded.scenes import SCENES

from cliqa.data import PHOTOGRAPHS


def test_there_are_at_least_twenty_references_and_most_are_photographs():
    names = [source.name for source in (*PHOTOGRAPHS, *SCENES)]
    assert len(names) == len(set(names)) >= 20
    assert len(PHOTOGRAPHS) > len(SCENES)


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
