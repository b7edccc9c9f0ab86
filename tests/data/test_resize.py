"""Resize policies: what they do to sizes and pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliqa.data import ORIGINAL, Resize

sides = st.integers(1, 70)
policies = st.one_of(
    st.just(ORIGINAL),
    st.builds(Resize, shrink=st.integers(8, 60)),
    st.builds(Resize, fixed=st.tuples(st.integers(10, 60), st.integers(10, 60))),
)


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@given(sides, sides, policies)
def test_the_size_is_known_before_the_pixels_are(height, width, policy):
    pixels = noise(height, width)
    view = policy(pixels)
    assert view.shape == (*policy.size((height, width)), 3)
    assert (view is pixels) == (not policy.changes((height, width)))


@given(sides, sides, policies)
def test_resizing_what_is_resized_changes_nothing(height, width, policy):
    view = policy(noise(height, width))
    assert policy(view) is view


@given(sides, sides, st.tuples(st.integers(10, 60), st.integers(10, 60)))
def test_every_image_gets_the_fixed_size(height, width, size):
    assert Resize(fixed=size)(noise(height, width)).shape[:2] == size


@given(st.integers(5, 60), st.integers(5, 60), st.integers(5, 60), st.integers(5, 60))
def test_a_picture_that_fits_is_not_scaled_but_stands_in_the_middle(height, width, more, wider):
    """Nothing is enlarged, and no part of the picture is lost."""
    size = height + more, width + wider
    pixels = noise(height, width)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    view = Resize(fixed=size)(pixels)
    np.testing.assert_array_equal(view[top : top + height, left : left + width], pixels)


def test_a_wide_picture_is_shrunk_to_the_width_and_mirrored_above_and_below():
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[150:] = 255
    view = Resize(fixed=(224, 224))(pixels)
    assert view.shape == (224, 224, 3)
    assert (view[:100] == 0).all()
    assert (view[124:] == 255).all()


@pytest.mark.parametrize(
    ("value", "name"),
    [(768, "shrink-768"), (None, "original"), ("224x320", "fixed-224x320")],
)
def test_settings_are_read_and_named(value, name):
    assert Resize.parse(value).name == name


@pytest.mark.parametrize("value", ["224", "224 x 224", "0x10", "axb", "224x224x3", ""])
def test_a_setting_that_is_no_size_is_refused(value):
    with pytest.raises(ValueError, match="224x224"):
        Resize.parse(value)
