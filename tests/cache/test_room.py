"""The bound holds; what was used longest ago goes first, and nothing that is in use."""

import os
import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cliqa.cache import PixelCache, look
from cliqa.cache.layout import HEADER, place_of

SIZE = 3 * 20 * 30 + HEADER


def age(cache, address, seconds):
    used = time.time() - seconds
    os.utime(place_of(cache.root, "entries", address), (used, used))


def filled(open_cache, pixels_of, count, bound):
    cache = open_cache(bound)
    for number in range(count):
        assert cache.put(*pixels_of(number))
        age(cache, pixels_of(number)[0], 10_000 - number)
    return cache


def there(cache, pixels_of, numbers):
    return [n for n in numbers if cache.has(*(pixels_of(n)[0], SIZE - HEADER))]


def test_the_least_recently_used_go_first(open_cache, pixels_of):
    filled(open_cache, pixels_of, 10, 10 * SIZE)
    other = open_cache(10 * SIZE)
    other.get(pixels_of(0)[0])
    assert other.put(*pixels_of(10))
    assert there(open_cache(), pixels_of, range(11)) == [0, 3, 4, 5, 6, 7, 8, 9, 10]


def test_what_another_process_used_a_moment_ago_stays(open_cache, pixels_of, told):
    cache = filled(open_cache, pixels_of, 4, 4 * SIZE)
    for number in range(4):
        age(cache, pixels_of(number)[0], 60)
    assert not open_cache(4 * SIZE).put(*pixels_of(4))
    assert there(open_cache(), pixels_of, range(5)) == [0, 1, 2, 3]
    assert "is full of what is in use" in told[-1]


def test_a_run_over_more_than_fits_keeps_what_came_first_and_says_so_once(
    open_cache, pixels_of, told
):
    cache = open_cache(5 * SIZE)
    for _ in range(3):
        for number in range(8):
            if cache.get(pixels_of(number)[0]) is None:
                cache.put(*pixels_of(number))
            else:
                age(cache, pixels_of(number)[0], 10_000)
    assert there(cache, pixels_of, range(8)) == [0, 1, 2, 3, 4]
    assert sum("is full" in text for text in told) == 1


def test_a_picture_larger_than_the_bound_is_not_stored_and_fills_nothing(open_cache, pixels_of):
    cache = open_cache(2 * SIZE)
    assert not cache.put(*pixels_of(1, size=(200, 300)))
    assert cache.put(*pixels_of(2))


def test_evicting_leaves_mapped_pictures_whole(open_cache, pixels_of):
    cache = filled(open_cache, pixels_of, 3, 3 * SIZE)
    mapped = [cache.get(pixels_of(number)[0]) for number in range(3)]
    for number in range(3):
        age(cache, pixels_of(number)[0], 10_000)
    other = open_cache(3 * SIZE)
    assert other.put(*pixels_of(9))
    assert look(cache.root.parent).images < 4
    for number, pixels in enumerate(mapped):
        np.testing.assert_array_equal(pixels, pixels_of(number)[1])


@settings(max_examples=30)
@given(
    bound=st.integers(0, 12 * SIZE),
    writes=st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=40),
)
def test_the_entries_of_one_writer_never_exceed_the_bound(
    tmp_path_factory, pixels_of, bound, writes
):
    """Whatever is written again, by this process or the next."""
    folder = tmp_path_factory.mktemp("cache")
    cache = PixelCache(folder, bound, smallest=0)
    for number, anew in writes:
        if anew:
            cache = PixelCache(folder, bound, smallest=0)
            for path in (cache.root / "entries").rglob("?" * 64):
                os.utime(path, (1, 1))
        cache.put(*pixels_of(number))
        assert look(folder).nbytes <= bound
