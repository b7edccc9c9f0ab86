"""Reading through the cache: the same pixels, and no image decoded twice."""

import os
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cliqa.cache import PixelCache, look
from cliqa.data import ORIGINAL, ImageReader, PixelStore, Resize
from cliqa.errors import DataError

POLICIES = (ORIGINAL, Resize(shrink=20), Resize(shrink=26), Resize(fixed=(20, 24)))


@pytest.fixture
def settled(monkeypatch):
    """Files are believed to be unchanged as soon as the clock of the file system has moved on."""
    monkeypatch.setattr("cliqa.data.sources._RESTLESS", 0)
    return lambda: time.sleep(0.05)


@pytest.fixture
def count_decodes(monkeypatch):
    from cliqa.data import reader

    decoded = []

    def counting(content, *, upright):
        decoded.append(content)
        return real(content, upright=upright)

    real = reader.decode
    monkeypatch.setattr(reader, "decode", counting)
    return decoded


@pytest.fixture
def anew(tmp_path):
    """A reader as another process would make one."""

    def reader(dataset, *, folder=tmp_path / "cache", tell=None, memory=0, bound=10**8):
        return ImageReader(dataset, PixelStore(memory, PixelCache(folder, bound, tell, smallest=0)))

    return reader


@pytest.fixture
def photographs(tmp_path, random_pixels, encoded, make_dataset):
    """Six JPEG files as a dataset."""
    files = []
    for number, pixels in enumerate(random_pixels(6)):
        files.append(tmp_path / f"{number}.jpg")
        files[-1].write_bytes(encoded(pixels, "JPEG"))
    return make_dataset(count=6, images=files)


@settings(max_examples=40)
@given(
    form=st.sampled_from(["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP"]),
    upright=st.booleans(),
    inside=st.booleans(),
    policies=st.lists(st.sampled_from(POLICIES), min_size=1, max_size=5),
    memory=st.sampled_from([0, 4000, 10**6]),
    bound=st.sampled_from([1, 6000, 10**6]),
)
def test_pixels_are_the_same_with_and_without_the_cache(
    tmp_path_factory,
    make_dataset,
    random_pixels,
    encoded,
    form,
    upright,
    inside,
    policies,
    memory,
    bound,
):
    """Whatever the format, place, policies and bounds; cold, warm and in another process."""
    folder = tmp_path_factory.mktemp("images")
    images = [encoded(pixels, form) for pixels in random_pixels(4)]
    if not inside:
        for number, content in enumerate(images):
            images[number] = folder / f"{number}.{form.lower()}"
            images[number].write_bytes(content)
    dataset = replace(make_dataset(count=4, images=images), exif_transpose=upright)
    plain = ImageReader(dataset)
    for _ in range(2):
        disk = PixelCache(folder / "cache", bound, smallest=0)
        cached = ImageReader(dataset, PixelStore(memory, disk))
        for policy in policies:
            for row in range(4):
                found = cached.read(row, policy)
                np.testing.assert_array_equal(found, policy(plain.read(row)))
                assert not found.flags.writeable


@pytest.mark.parametrize("inside", [True, False])
def test_no_image_is_decoded_twice_over_epochs_policies_and_processes(
    photographs, random_pixels, make_dataset, anew, count_decodes, inside
):
    dataset = make_dataset(count=6) if inside else photographs
    for _ in range(2):
        reader = anew(dataset)
        for _ in range(2):
            for policy in POLICIES:
                for row in range(6):
                    reader.read(row, policy)
    assert len(count_decodes) == 6


def test_a_policy_that_leaves_an_image_alone_shares_its_entry(photographs, anew, tmp_path):
    anew(photographs).check(range(6), (ORIGINAL, Resize(shrink=768)))
    assert look(tmp_path / "cache").images == 6


def test_two_sets_that_hold_the_same_bytes_share_them(
    photographs, make_dataset, anew, tmp_path, count_decodes
):
    copies = []
    for number in range(6):
        copies.append(tmp_path / f"copy-{number}.jpeg")
        copies[-1].write_bytes((tmp_path / f"{number}.jpg").read_bytes())
    stored = make_dataset("inside", count=6, images=[copy.read_bytes() for copy in copies])
    for dataset in (photographs, make_dataset("copied", count=6, images=copies), stored):
        anew(dataset).check(range(6))
    assert len(count_decodes) == 6


def test_pictures_that_are_turned_share_nothing_with_those_that_are_not(
    photographs, anew, tmp_path
):
    anew(photographs).check(range(6))
    anew(replace(photographs, exif_transpose=True)).check(range(6))
    assert look(tmp_path / "cache").images == 12


def test_another_version_of_the_decoder_shares_nothing(
    photographs, anew, count_decodes, monkeypatch
):
    anew(photographs).check(range(6))
    monkeypatch.setattr("cliqa.data.decoding._decoders", lambda: "Pillow of next year")
    anew(photographs).check(range(6))
    assert len(count_decodes) == 12


@pytest.mark.parametrize("trusting", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize("process", ["same", "another"])
@pytest.mark.parametrize("disk", [True, False])
def test_a_file_of_other_content_but_equal_path_size_and_time_gives_its_own_pixels(
    tmp_path,
    make_dataset,
    random_pixels,
    encoded,
    anew,
    settled,
    monkeypatch,
    trusting,
    process,
    disk,
):
    """Also when it is written at once after the first reading, before any clock has moved on."""
    if not trusting:
        monkeypatch.undo()
    first, second = random_pixels(2, sizes=((24, 32),))
    file = tmp_path / "image.bmp"
    file.write_bytes(encoded(first, "BMP"))
    dataset = make_dataset(count=1, images=[file])
    times = file.stat()
    if trusting:
        settled()

    def new_reader():
        return anew(dataset, memory=10**6) if disk else ImageReader(dataset)

    reader = new_reader()
    for _ in range(2):
        np.testing.assert_array_equal(reader.read(0), first)
    file.write_bytes(encoded(second, "BMP"))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (times.st_size, times.st_mtime_ns)
    reader = new_reader() if process == "another" else reader
    np.testing.assert_array_equal(reader.read(0), second)
    np.testing.assert_array_equal(new_reader().read(0), second)


def test_a_known_file_is_not_read_again(photographs, anew, settled, monkeypatch):
    settled()
    anew(photographs).check(range(6))
    monkeypatch.setattr("cliqa.data.reader.read_file", lambda path: pytest.fail(path))
    reader = anew(photographs)
    reader.check(range(6))
    for row in range(6):
        reader.read(row)


def test_checking_what_is_known_reads_no_pixels(photographs, anew, settled, monkeypatch):
    settled()
    sizes = anew(photographs).check(range(6), POLICIES)
    monkeypatch.setattr(PixelCache, "get", lambda cache, address: pytest.fail(address))
    assert anew(photographs).check(range(6), POLICIES) == sizes


def test_a_file_that_is_gone_is_an_error_though_its_pixels_are_kept(
    photographs, anew, settled, tmp_path
):
    settled()
    anew(photographs).check(range(6))
    (tmp_path / "3.jpg").unlink()
    with pytest.raises(DataError, match=r"`toy/00003.png` .*No such file"):
        anew(photographs).check(range(6))


@pytest.mark.parametrize("known", [False, True])
def test_a_bad_file_is_found_by_checking_in_threads_whatever_is_known(
    photographs, anew, settled, tmp_path, known
):
    """The first of them, as without threads."""
    settled()
    if known:
        anew(photographs).check(range(6))
    for number in (2, 4):
        file = tmp_path / f"{number}.jpg"
        file.write_bytes(file.read_bytes()[:200])
    for _ in range(2):
        with pytest.raises(DataError, match=r"`toy/00002.png`"):
            anew(photographs).check(range(6), workers=4)


def test_checking_tells_its_progress_and_the_smallest_sizes(photographs, anew):
    seen = []
    found = anew(photographs).check(range(6), POLICIES, workers=3, progress=seen.append)
    assert sum(seen) == 6
    assert found == [(24, 32), (20, 20), (24, 32), (20, 24)]


def test_a_damaged_entry_is_decoded_again_and_told(
    photographs, anew, settled, tmp_path, count_decodes
):
    settled()
    anew(photographs).check(range(6))
    for path in (tmp_path / "cache").rglob("entries/*/*"):
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
    count_decodes.clear()
    told = []
    reader, plain = anew(photographs, tell=told.append), ImageReader(photographs)
    reader.check(range(6))
    for row in range(6):
        np.testing.assert_array_equal(reader.read(row), plain.read(row))
    assert len(told) == 1
    assert "is damaged (its checksum differs)" in told[0]
    told.clear()
    again = anew(photographs, tell=told.append)
    for row in range(6):
        np.testing.assert_array_equal(again.read(row), plain.read(row))
    assert told == []


def test_a_cache_that_cannot_be_used_leaves_reading_as_it_is(photographs, anew, tmp_path):
    (tmp_path / "file").touch()
    told = []
    reader, plain = (
        anew(photographs, folder=tmp_path / "file", tell=told.append),
        ImageReader(photographs),
    )
    reader.check(range(6), workers=2)
    for row in range(6):
        np.testing.assert_array_equal(reader.read(row), plain.read(row))
    assert len(told) == 1


def test_one_bound_holds_for_all_readers_and_is_freed_with_them(make_dataset):
    store = PixelStore(memory=7 * 24 * 32 * 3)
    dataset = make_dataset(count=6, sizes=((24, 32),))

    def kept(reader):
        return sum(reader.read(row) is reader.read(row) for row in range(6))

    first, second = ImageReader(dataset, store), ImageReader(dataset, store)
    assert (kept(first), kept(second)) == (6, 1)
    del first
    assert kept(second) == 6


def test_what_is_on_the_disk_is_not_kept_in_memory_too(photographs, anew, settled):
    settled()
    reader = anew(photographs, memory=10**6)
    reader.check(range(6))
    assert reader.read(0) is not reader.read(0)
