"""What a test and a training step see of an image."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cliqa.data import images as views
from cliqa.seeds import named_draws

sides = st.integers(8, 60)


def coordinates(height, width):
    """An image whose pixels hold their own row and column."""
    grid = np.zeros((height, width, 3), np.uint8)
    grid[..., 0] = np.arange(height)[:, None]
    grid[..., 1] = np.arange(width)
    return grid


def training_view(pixels, seed=0, *, shrink=None, crop=None, flip=False):
    draws = named_draws(seed, "view")
    return views.training_view(pixels, shrink=shrink, crop=crop, flip=flip, draws=draws)


@given(height=sides, width=sides, shrink=st.none() | st.integers(8, 60))
def test_an_image_is_shrunk_only_if_both_sides_are_longer(height, width, shrink):
    pixels = coordinates(height, width)
    assume(shrink is None or min(height, width) <= shrink)
    assert views.test_view(pixels, shrink=shrink) is pixels


@given(height=st.integers(17, 200), width=st.integers(17, 200))
def test_shrinking_gives_the_short_side_and_keeps_the_aspect(height, width):
    view = views.test_view(np.zeros((height, width, 3), np.uint8), shrink=16)
    assert min(view.shape[:2]) == 16
    exact = 16 * max(height, width) / min(height, width)
    assert abs(max(view.shape[:2]) - exact) <= 0.5
    assert (view.shape[0] > view.shape[1]) <= (height > width)


@settings(max_examples=20)
@given(height=st.integers(33, 90), width=st.integers(33, 90), seed=st.integers(0, 99))
def test_shrinking_is_bilinear_and_antialiased_as_in_torch(height, width, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    view = views.test_view(pixels, shrink=32)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(pixels).permute(2, 0, 1)[None].double(),
        size=view.shape[:2],
        mode="bilinear",
        antialias=True,
    )[0].permute(1, 2, 0)
    assert np.abs(view - theirs.numpy()).max() < 1.5  # Pillow rounds to bytes after each axis


@given(height=st.integers(32, 60), width=st.integers(32, 60), seed=st.integers(0, 999), flip=...)
def test_a_crop_is_a_window_of_the_image_or_its_mirror_image(
    height: int, width: int, seed: int, flip: bool
):
    view = training_view(coordinates(height, width), seed, crop=32, flip=flip).astype(int)
    assert view.shape == (32, 32, 3)
    if view[0, 0, 1] > view[0, 1, 1]:
        assert flip
        view = view[:, ::-1]
    top, left = view[0, 0, :2]
    np.testing.assert_array_equal(
        view, coordinates(height, width)[top : top + 32, left : left + 32]
    )


def test_every_window_can_be_drawn():
    pixels = coordinates(10, 12)
    corners = {tuple(training_view(pixels, seed, crop=8)[0, 0, :2]) for seed in range(400)}
    assert corners == {(top, left) for top in range(3) for left in range(5)}


def test_half_of_the_views_are_mirrored():
    pixels = coordinates(8, 8)
    mirrored = [training_view(pixels, seed, flip=True)[0, 0, 1] == 7 for seed in range(2000)]
    assert 900 < sum(mirrored) < 1100


def reflected(index, length):
    """Row numbers of an image that goes on as in a mirror, edge pixels twice."""
    index = index % (2 * length)
    return index if index < length else 2 * length - 1 - index


@given(height=st.integers(1, 32), width=st.integers(1, 32))
def test_a_small_image_is_continued_by_reflection_on_all_sides(height, width):
    """Never enlarged: that would blur it, and blur is what the model judges."""
    view = training_view(coordinates(height, width), crop=32)
    top, left = (32 - height) // 2, (32 - width) // 2
    for row in range(32):
        for column in range(32):
            here = (reflected(row - top, height), reflected(column - left, width))
            assert tuple(view[row, column, :2]) == here


def test_only_the_short_side_is_padded():
    view = training_view(coordinates(8, 40), seed=3, crop=16)
    assert view.shape == (16, 16, 3)
    assert list(view[4:12, 0, 0]) == list(range(8))
    assert (np.diff(view[0, :, 1].astype(int)) == 1).all()


def test_a_view_is_shrunk_before_it_is_cropped(random_pixels):
    pixels = random_pixels(1, sizes=((64, 64),))[0]
    view = training_view(pixels, shrink=16, crop=16)
    np.testing.assert_array_equal(view, views.test_view(pixels, shrink=16))


def test_without_crop_and_flip_a_training_view_is_the_test_view(random_pixels):
    pixels = random_pixels(1)[0]
    assert training_view(pixels) is pixels


@pytest.mark.parametrize("name", ["a", "b"])
def test_equal_random_numbers_give_an_equal_view(random_pixels, name):
    pixels = random_pixels(1, sizes=((50, 50),))[0]

    def view():
        draws = named_draws(0, name)
        return views.training_view(pixels, shrink=None, crop=32, flip=True, draws=draws)

    np.testing.assert_array_equal(view(), view())


@given(height=sides, width=sides, side=st.integers(8, 60))
def test_a_centre_crop_is_the_square_in_the_middle(height, width, side):
    view = views.centre_crop(coordinates(height, width), side)
    assert view.shape == (side, side, 3)
    if side <= min(height, width):
        top, left = (height - side) // 2, (width - side) // 2
        assert tuple(view[0, 0, :2]) == (top, left)
        assert tuple(view[-1, -1, :2]) == (top + side - 1, left + side - 1)


def test_a_centre_crop_of_a_small_image_is_what_training_sees_of_it():
    pixels = coordinates(20, 25)
    np.testing.assert_array_equal(views.centre_crop(pixels, 32), training_view(pixels, crop=32))
