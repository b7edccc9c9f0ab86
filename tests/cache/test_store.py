"""What is stored is found again by every process; what cannot be is told once and harms nobody."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cliqa.cache import Picture, PixelCache, look, verify
from cliqa.cache.layout import place_of


def entries(cache):
    return sorted(path for path in (cache.root / "entries").rglob("*") if path.is_file())


def test_what_one_process_stores_another_finds(open_cache, pixels_of):
    address, pixels = pixels_of(1)
    assert open_cache().put(address, pixels)
    found = open_cache().get(address)
    np.testing.assert_array_equal(found, pixels)
    assert not found.flags.writeable
    assert open_cache().has(address, pixels.nbytes)
    assert not open_cache().has(address, pixels.nbytes + 3)


def test_pixels_that_are_not_contiguous_are_stored_too(open_cache, pixels_of):
    address, pixels = pixels_of(1)
    open_cache().put(address, pixels[::-1, ::2])
    np.testing.assert_array_equal(open_cache().get(address), pixels[::-1, ::2])


def test_what_was_never_stored_is_none_and_makes_no_folder(open_cache, pixels_of, told):
    cache = open_cache()
    assert cache.get(pixels_of(1)[0]) is None
    assert cache.find_source("ab" * 32) is None
    assert not cache.root.parent.exists()
    assert told == []


def test_making_the_folder_is_told_with_how_to_undo_it(open_cache, pixels_of, told):
    open_cache().put(*pixels_of(1))
    open_cache().put(*pixels_of(2))
    assert len(told) == 1
    assert "at most 0.1 GB" in told[0]
    assert "`cliqa cache clear`" in told[0]


def test_small_pictures_are_not_stored(tmp_path, pixels_of):
    address, pixels = pixels_of(1)
    cache = PixelCache(tmp_path, 10**8, smallest=pixels.nbytes + 1)
    assert not cache.put(address, pixels)
    cache.put_source(address, Picture(address, *pixels.shape[:2]))
    assert list(tmp_path.iterdir()) == []


def test_mapped_pictures_hold_no_file_open(open_cache, pixels_of):
    cache = open_cache()
    for number in range(50):
        cache.put(*pixels_of(number))
    before = len([*Path("/dev/fd").iterdir()])
    mapped = [cache.get(pixels_of(number)[0]) for number in range(50)]
    assert len([*Path("/dev/fd").iterdir()]) <= before + 1
    for number, pixels in enumerate(mapped):
        np.testing.assert_array_equal(pixels, pixels_of(number)[1])


def test_a_picture_stays_whole_when_its_entry_is_removed_or_replaced(open_cache, pixels_of):
    cache = open_cache()
    address, pixels = pixels_of(1, size=(300, 300))
    cache.put(address, pixels)
    mapped = cache.get(address)
    open_cache().put(address, pixels)
    entries(cache)[0].unlink()
    np.testing.assert_array_equal(mapped, pixels)
    assert cache.get(address) is None


@pytest.mark.parametrize("harm", ["truncated", "empty", "pixels", "header", "lengthened"])
def test_a_damaged_entry_is_told_removed_and_made_again(open_cache, pixels_of, told, harm):
    address, pixels = pixels_of(1)
    cache = open_cache()
    cache.put(address, pixels)
    path = entries(cache)[0]
    data = bytearray(path.read_bytes())
    if harm in {"pixels", "header"}:
        data[-5 if harm == "pixels" else 3] ^= 1
    changed = {"truncated": data[:-9], "empty": b"", "lengthened": data + b"x"}
    path.write_bytes(changed.get(harm, data))
    told.clear()
    other = open_cache()
    assert other.get(address) is None
    assert len(told) == 1
    assert "is damaged" in told[0]
    assert other.put(address, pixels)
    np.testing.assert_array_equal(open_cache().get(address), pixels)


def test_a_source_record_is_found_again_and_half_of_one_is_none(open_cache, pixels_of):
    picture = Picture(pixels_of(1)[0], 40, 50)
    cache = open_cache()
    cache.put_source("ab" * 32, picture)
    assert open_cache().find_source("ab" * 32) == picture
    path = place_of(cache.root, "sources", "ab" * 32)
    path.write_bytes(path.read_bytes()[:30])
    assert open_cache().find_source("ab" * 32) is None


WRITER = """
import sys, threading, numpy as np
from pathlib import Path
from cliqa.cache import PixelCache
cache = PixelCache(Path(sys.argv[1]), 10**9, smallest=0)
def work(start):
    for turn in range(60):
        n = (start + turn) % 40
        pixels = np.full((60, 70, 3), n, np.uint8)
        cache.put(f"{n:064x}", pixels)
        found = cache.get(f"{n:064x}")
        assert found is not None and (found == n).all(), n
threads = [threading.Thread(target=work, args=(int(sys.argv[2]) + 5 * k,)) for k in range(8)]
failures = []
threading.excepthook = failures.append
[t.start() for t in threads]; [t.join() for t in threads]
sys.exit(bool(failures))
"""


def test_two_processes_of_eight_threads_write_and_read_the_same_addresses(tmp_path):
    command = [sys.executable, "-c", WRITER, tmp_path]
    writers = [subprocess.Popen([*command, str(start)]) for start in (0, 3)]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert verify(tmp_path).damaged == {}
    found = look(tmp_path)
    assert (found.images, found.unfinished) == (40, 0)


KILLED = """
import os, signal, sys, numpy as np
from pathlib import Path
from cliqa.cache import PixelCache
cache = PixelCache(Path(sys.argv[1]), 10**10, smallest=0)
pixels = np.full((400, 500, 3), 7, np.uint8)
if sys.argv[2] == "unflushed":
    os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
for n in range(10**6):
    cache.put(f"{n:064x}", pixels)
    print(n, flush=True)
"""


@pytest.mark.parametrize("turn", ["unflushed", "1", "2", "3"])
def test_a_writer_killed_at_any_moment_leaves_only_whole_entries(tmp_path, turn):
    """Once exactly between writing and renaming, and thrice after some entries."""
    command = [sys.executable, "-c", KILLED, tmp_path, turn]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        for _ in range(3 * int(turn) if turn.isdigit() else 1):
            writer.stdout.readline()
        writer.kill()
    found, checked = look(tmp_path), verify(tmp_path)
    assert checked.damaged == {}
    assert checked.whole == found.images
    cache = PixelCache(tmp_path, 10**10, smallest=0)
    if turn == "unflushed":
        assert (found.images, found.unfinished) == (0, 1)
        assert cache.get(f"{0:064x}") is None
    else:
        assert (cache.get(f"{0:064x}") == 7).all()


def test_what_a_killed_writer_left_is_removed_after_an_hour(open_cache, pixels_of):
    cache = open_cache()
    cache.put(*pixels_of(1))
    left = [cache.root / "new" / name for name in ("old", "young")]
    for path in left:
        path.write_bytes(b"half")
    os.utime(left[0], (0, 0))
    open_cache().put(*pixels_of(2))
    assert [path.exists() for path in left] == [False, True]


def test_a_place_that_is_no_folder_is_told_once_and_nothing_fails(tmp_path, pixels_of, told):
    (tmp_path / "file").write_text("mine")
    cache = PixelCache(tmp_path / "file", 10**8, told.append, smallest=0)
    for number in range(3):
        address, pixels = pixels_of(number)
        assert cache.get(address) is None
        assert not cache.put(address, pixels)
        assert not cache.takes(pixels.nbytes)
        cache.put_source(address, Picture(address, 1, 1))
    assert len(told) == 1
    assert "decoded instead" in told[0]
    assert (tmp_path / "file").read_text() == "mine"


def no_more(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("moment", ["fsync", "replace", "mkdir"])
def test_a_disk_that_is_full_stops_the_writing_with_one_note(
    open_cache, pixels_of, told, monkeypatch, moment
):
    cache = open_cache()
    cache.put(*pixels_of(1))
    told.clear()
    with monkeypatch.context() as patch:
        patch.setattr(*{"fsync": (os, "fsync")}.get(moment, (Path, moment)), no_more)
        assert not cache.put("ff" * 32, pixels_of(2)[1])
        assert not cache.put("ee" * 32, pixels_of(3)[1])
    assert len(told) == 1
    assert "No space left on device" in told[0]
    assert look(cache.root.parent).unfinished == 0
    np.testing.assert_array_equal(cache.get(pixels_of(1)[0]), pixels_of(1)[1])


def run(*command):
    subprocess.run([*map(str, command)], check=True, capture_output=True)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of one megabyte, where the system lets us have one."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to mount")
    yield place
    run("umount", "--lazy", place)


def test_on_a_real_disk_that_is_full_what_fits_is_kept_and_whole(
    small_disk, pixels_of, told, monkeypatch
):
    monkeypatch.setattr("cliqa.cache.room.LEAVE_FREE", -(10**9))  # until the system says no
    cache = PixelCache(small_disk, 10**9, told.append, smallest=0)
    stored = [cache.put(*pixels_of(number, size=(200, 300))) for number in range(9)]
    assert stored == sorted(stored, reverse=True)
    assert 0 < sum(stored) < 9
    assert [text for text in told if "No space left" in text] == told[1:]
    assert verify(small_disk).damaged == {}
    assert look(small_disk).images == sum(stored)


def test_space_is_left_to_others(small_disk, pixels_of, told):
    cache = PixelCache(small_disk, 10**9, told.append, smallest=0)
    assert not cache.put(*pixels_of(1))
    assert "its disk is" in told[-1]


def test_a_cache_that_may_only_be_read_is_read(small_disk, pixels_of, told, monkeypatch):
    monkeypatch.setattr("cliqa.cache.room.LEAVE_FREE", 0)
    address, pixels = pixels_of(1)
    assert PixelCache(small_disk, 10**9, smallest=0).put(address, pixels)
    run("mount", "-o", "remount,ro", small_disk)
    cache = PixelCache(small_disk, 10**9, told.append, smallest=0)
    np.testing.assert_array_equal(cache.get(address), pixels)
    assert not cache.put(*pixels_of(2))
    assert len(told) == 1
    assert "Read-only" in told[0]
