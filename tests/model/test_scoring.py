"""From pixels to network input."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cliqa.model import batches_of_equal_size, to_input

CPU = torch.device("cpu")


@given(count=st.integers(1, 3), size=st.tuples(st.integers(1, 9), st.integers(1, 9)), seed=...)
def test_input_is_each_pixel_standardised_with_the_backbones_numbers(
    tiny_backbone, count: int, size, seed: bool
):
    rng = np.random.default_rng(seed)
    pixels = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(count)]
    backbone = tiny_backbone()
    found = to_input(pixels, backbone, CPU)
    assert found.dtype == torch.float32
    assert found.shape == (count, 3, *size)
    for image in range(count):
        for channel in range(3):
            exact = pixels[image][..., channel].astype(np.float64) / 255
            exact = (exact - backbone.mean[channel]) / backbone.std[channel]
            np.testing.assert_allclose(found[image, channel], exact, rtol=1e-5, atol=1e-6)


def test_input_lies_in_memory_with_the_channels_last(tiny_backbone, random_pixels):
    found = to_input(random_pixels(2, sizes=((8, 8),)), tiny_backbone(), CPU)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert not found.is_contiguous()


def test_input_leaves_the_pixels_as_they_were(tiny_backbone, random_pixels):
    pixels = random_pixels(2, sizes=((8, 8),))
    before = [image.copy() for image in pixels]
    to_input(pixels, tiny_backbone(), CPU)
    np.testing.assert_array_equal(pixels, before)


def test_a_mirrored_view_is_accepted(tiny_backbone, random_pixels):
    """Its strides are negative, which torch cannot take as they are."""
    image = random_pixels(1)[0]
    found = to_input([image[:, ::-1]], tiny_backbone(), CPU)
    straight = to_input([image], tiny_backbone(), CPU)
    assert torch.equal(found.flip(3), straight)


def test_images_of_two_sizes_make_no_batch(tiny_backbone, random_pixels):
    with pytest.raises(ValueError, match="shape"):
        to_input(random_pixels(2), tiny_backbone(), CPU)


shapes = st.lists(st.sampled_from([(4, 5, 3), (5, 4, 3), (6, 6, 3)]), max_size=30)


@given(shapes=shapes, batch_size=st.integers(1, 8))
def test_batches_hold_every_image_once_and_only_one_size_each(shapes, batch_size):
    batches = list(batches_of_equal_size(shapes, lambda shape: batch_size))
    assert sorted(p for batch in batches for p in batch) == list(range(len(shapes)))
    assert all(len({shapes[p] for p in batch}) == 1 for batch in batches)
    assert all(1 <= len(batch) <= batch_size for batch in batches)
    fewest = sum(-(-shapes.count(shape) // batch_size) for shape in set(shapes))
    assert len(batches) == fewest
