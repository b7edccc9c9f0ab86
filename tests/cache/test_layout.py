"""An entry holds what was written, or says that it does not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliqa.cache.layout import (
    HEADER,
    DamagedError,
    Picture,
    entry_header,
    read_entry,
    read_source,
    source_line,
)

ADDRESS = "ab" * 32
sides = st.integers(1, 9)


def entry(height, width, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return pixels, entry_header(ADDRESS, pixels) + pixels.tobytes()


@given(sides, sides, st.booleans())
def test_pixels_come_back_as_they_were_and_cannot_be_written_to(height, width, whole):
    pixels, data = entry(height, width)
    found = read_entry(memoryview(data), ADDRESS, whole=whole)
    np.testing.assert_array_equal(found, pixels)
    assert not found.flags.writeable


@given(sides, sides, st.floats(0, 1, exclude_max=True), st.integers(1, 255))
def test_no_changed_byte_changes_pixels_unnoticed(height, width, place, change):
    """A byte of the header's filling may change without harm."""
    pixels, data = entry(height, width)
    damaged = bytearray(data)
    damaged[int(place * len(data))] ^= change
    try:
        found = read_entry(memoryview(damaged), ADDRESS, whole=True)
    except DamagedError:
        return
    np.testing.assert_array_equal(found, pixels)


@given(sides, sides, st.integers(-1000, 50).filter(bool))
def test_another_length_is_noticed_without_looking_at_the_pixels(height, width, more):
    data = entry(height, width)[1]
    changed = data + bytes(more) if more > 0 else data[:more]
    with pytest.raises(DamagedError):
        read_entry(memoryview(changed), ADDRESS, whole=False)


def test_an_entry_under_another_address_is_refused():
    with pytest.raises(DamagedError, match="another address"):
        read_entry(memoryview(entry(2, 2)[1]), "cd" * 32, whole=False)


@given(st.binary(max_size=2 * HEADER))
def test_any_other_bytes_are_refused(data):
    with pytest.raises(DamagedError):
        read_entry(memoryview(data), ADDRESS, whole=True)


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_source_record_comes_back(height, width):
    picture = Picture(ADDRESS, height, width)
    assert read_source(source_line(picture)) == picture


@given(st.integers(0, 80), st.integers(1, 255))
def test_half_a_source_record_or_a_damaged_one_is_none(cut, change):
    line = source_line(Picture(ADDRESS, 384, 512))
    assert read_source(line[: min(cut, len(line) - 2)]) is None
    damaged = bytearray(line)
    damaged[cut % (len(line) - 1)] ^= change
    assert read_source(bytes(damaged)) is None
