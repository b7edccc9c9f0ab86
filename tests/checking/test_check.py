"""The check of a set: what it counts, and what it calls a fault."""

from __future__ import annotations

import hashlib
from functools import partial
from importlib import import_module

import datasets
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from cliqa.checking import check_set, contact_sheet, scan, sheet_rows
from cliqa.checking.duplicates import find_duplicates
from cliqa.checking.scores import levels_against_quality
from cliqa.data import RatedDataset, Split, make_split, split_record

divide = partial(make_split, protocol="70/10/20", by="reference", seed=0)


def checked(dataset, split=None, **options):
    make = (
        (lambda d: (split, split_record("official", by="image", seed=0)))
        if split
        else (lambda d: (divide(d), split_record("70/10/20", by="reference", seed=0)))
    )
    return check_set("toy", dataset, scan(dataset, threads=2), make, **options)


def test_a_good_set_is_fine_and_counted_right(make_dataset):
    dataset = make_dataset(count=30)
    report = checked(dataset)
    assert report.faults == []
    assert report.verdict == "fine"
    assert report.images == 30
    assert report.sizes["smallest"] == [32, 24]
    assert report.sizes["largest"] == [28, 28]
    assert report.sizes["different"] == 3
    assert report.sizes["portrait"] == 10
    assert report.scores["quality"] == [
        min(dataset.table["quality"]),
        max(dataset.table["quality"]),
    ]
    assert report.scores["deviations"] == 30
    assert (report.split["train"], report.split["val"], report.split["test"]) == (21, 3, 6)


def test_every_missing_and_unreadable_file_is_named(make_dataset, random_pixels, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    Image.fromarray(random_pixels(1, sizes=((200, 200),))[0]).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:5000])
    bad = [tmp_path / "gone.png", tmp_path / "text.png", tmp_path / "cut.png", tmp_path]
    report = checked(make_dataset(count=12, images=[*random_pixels(8), *bad]))
    kinds = {entry["path"].rpartition("/")[2]: entry["kind"] for entry in report.bad}
    assert kinds == {
        "gone.png": "missing",
        "text.png": "unreadable",
        "cut.png": "unreadable",
        tmp_path.name: "unreadable",
    }
    assert report.faults == ["4 images are missing or unreadable"]
    assert [entry["sample_id"] for entry in report.bad] == [f"toy/{i:05}.png" for i in range(8, 12)]
    assert not any("0x" in entry["cause"] for entry in report.bad)


def test_images_left_out_because_they_are_absent_are_faults_too(make_dataset):
    report = checked(make_dataset(), missing=["one.png", "two.png"])
    assert report.faults == ["2 images are missing or unreadable"]
    assert [entry["sample_id"] for entry in report.bad] == ["one.png", "two.png"]


def test_a_picture_in_two_parts_is_a_fault_also_in_another_file_format(
    make_dataset, random_pixels, encoded
):
    pictures = random_pixels(12)
    files = [encoded(p) for p in pictures]
    files[11] = encoded(pictures[0], "BMP")
    report = checked(make_dataset(images=files), divided(train=range(8), val=[8, 9], test=[10, 11]))
    (group,) = report.duplicates
    assert group["sample_ids"] == ["toy/00000.png", "toy/00011.png"]
    assert group["parts"] == ["train", "test"]
    assert not group["same_file"]
    (fault,) = report.faults
    assert "1 picture is there in more than one part of the split" in fault
    assert any("under different qualities" in warning for warning in report.warnings)


def divided(**parts):
    return Split(**{part: tuple(rows) for part, rows in parts.items()})


def test_a_picture_twice_in_one_part_is_a_warning_unless_it_is_one_content(
    make_dataset, random_pixels
):
    pictures = random_pixels(12)
    pictures[1] = pictures[0]
    split = divided(train=range(8), val=[8, 9], test=[10, 11])
    same = {"quality": [5.0, 5.0, *map(float, range(10))]}
    report = checked(make_dataset(images=pictures, columns=same), split)
    assert report.faults == []
    assert [w for w in report.warnings if "not as one content" in w]
    grouped = same | {"reference": ["a", "a"] + [None] * 10}
    report = checked(make_dataset(images=pictures, columns=grouped), split)
    assert report.warnings == ["quality neither rises nor falls steadily with the published score"]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=15))
def test_duplicates_are_those_that_comparing_all_pixels_finds(make_dataset, random_pixels, kinds):
    pictures = random_pixels(5, sizes=((4, 6), (6, 4)))
    dataset = make_dataset(count=len(kinds), images=[pictures[kind] for kind in kinds])
    found = {
        tuple(group["sample_ids"])
        for group in find_duplicates(dataset, scan(dataset, threads=1), None)
    }
    ids = dataset.table["sample_id"][:]
    by_kind = {
        kind: tuple(i for i, k in zip(ids, kinds, strict=True) if k == kind) for kind in kinds
    }
    assert found == {group for group in by_kind.values() if len(group) > 1}


def test_pictures_of_equal_bytes_and_other_shape_are_not_equal(make_dataset):
    flat = np.zeros((4, 9, 3), np.uint8)
    dataset = make_dataset(count=2, images=[flat, flat.reshape(9, 4, 3)])
    assert find_duplicates(dataset, scan(dataset), None) == []


def rotated(tmp_path, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / f"{orientation}.png"
    Image.fromarray(np.arange(24 * 32 * 3, dtype=np.uint8).reshape(24, 32, 3)).save(path, exif=exif)
    return path


@pytest.mark.parametrize("upright", [True, False])
def test_photographs_that_lie_on_their_side_are_counted_as_they_are_used(
    make_dataset, tmp_path, upright
):
    files = [rotated(tmp_path, orientation) for orientation in range(1, 9)]
    made = make_dataset(count=8, images=files)
    dataset = RatedDataset(
        name="toy", table=made.table, quality_range=(0.0, 10.0), exif_transpose=upright
    )
    sizes = checked(dataset).sizes
    assert sizes["exif_rotated"] == 7
    assert sizes["portrait"] == (4 if upright else 0)
    assert any("used as stored" in w for w in checked(dataset).warnings) is not upright


def test_stored_forms_that_reading_cuts_off_are_told(make_dataset, random_pixels, tmp_path):
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(tmp_path / "deep.png")
    report = checked(make_dataset(images=[*random_pixels(11), tmp_path / "deep.png"]))
    assert report.sizes["modes"] == {"RGB": 11, "I;16": 1}
    assert any("more than 8 bits" in warning for warning in report.warnings)


def test_scores_without_difference_are_a_fault(make_dataset):
    report = checked(make_dataset(columns={"quality": [5.0] * 12, "score_raw": [5.0] * 12}))
    assert report.faults == ["every image has the quality 5: there is nothing to learn"]


@pytest.mark.parametrize(
    ("raw", "direction"),
    [
        (lambda q: q, "as published"),
        (lambda q: 10 - q, "turned round"),
        (lambda q: 3 * q + 1, "rescaled"),
        (lambda q: abs(q - 5), "not a function of the published score"),
    ],
)
def test_how_quality_comes_from_the_score_is_found_out(make_dataset, raw, direction):
    quality = [0.5 * i for i in range(12)]
    columns = {"quality": quality, "score_raw": [float(raw(q)) for q in quality]}
    report = checked(make_dataset(columns=columns))
    assert report.scores["direction"] == direction
    assert report.scores["best"][0]["sample_id"] == "toy/00011.png"
    assert report.scores["worst"][0]["sample_id"] == "toy/00000.png"


@pytest.mark.parametrize("reversed_", [True, False])
def test_qualities_that_rise_with_the_level_are_doubted(make_dataset, reversed_):
    level = [1, 2, 3] * 4
    columns = {
        "level": level,
        "distortion": ["blur"] * 6 + ["noise"] * 6,
        "quality": [float(n if reversed_ else 9 - n) for n in level],
    }
    dataset = make_dataset(columns=columns)
    sign = 1 if reversed_ else -1
    assert levels_against_quality(dataset) == pytest.approx({"blur": sign, "noise": sign})
    report = checked(dataset)
    assert report.distortions["blur"] == {"1": 2, "2": 2, "3": 2}
    assert any("direction of the scores is reversed" in w for w in report.warnings) is reversed_


def test_a_division_that_cannot_be_made_is_a_fault(make_dataset):
    report = checked(make_dataset(columns={"reference": ["a"] * 6 + ["b"] * 6}))
    assert report.split is None
    assert "cannot be divided" in report.faults[0]


@given(threads=st.integers(1, 6), count=st.integers(1, 20))
def test_a_scan_is_the_same_with_any_number_of_threads(make_dataset, threads, count):
    dataset, calls = make_dataset(count=count), []
    one = scan(dataset, threads=1)
    many = scan(dataset, threads=threads, advance=lambda: calls.append(1))
    assert len(calls) == count
    for name in ("width", "height", "orientation", "files", "pixels"):
        assert np.array_equal(getattr(one, name), getattr(many, name))


def test_digests_of_files_are_those_of_their_bytes(make_dataset, random_pixels, encoded):
    files = [encoded(p) for p in random_pixels(3)]
    found = scan(make_dataset(count=3, images=files))
    wanted = [hashlib.sha256(file).digest()[:16] for file in files]
    assert [row.tobytes() for row in found.files] == wanted


def test_images_are_asked_for_only_when_they_can_be_worked_on(make_dataset, monkeypatch):
    """However many there are: that is what bounds the memory."""
    asked, done, most = 0, 0, 0
    module = import_module("cliqa.checking.scan")
    original = module._undecoded

    def counted(dataset):
        nonlocal asked, most
        for item in original(dataset):
            asked += 1
            most = max(most, asked - done)
            yield item

    def advance():
        nonlocal done
        done += 1

    monkeypatch.setattr(module, "_undecoded", counted)
    module.scan(make_dataset(count=60), threads=2, advance=advance)
    assert most <= 5
    assert done == 60


def test_the_sheet_goes_from_the_worst_to_the_best_image(make_dataset):
    dataset = make_dataset(count=100)
    rows = sheet_rows(dataset)
    quality = [dataset.table["quality"][row] for row in rows]
    assert quality == sorted(quality)
    assert (quality[0], quality[-1]) == (
        min(dataset.table["quality"]),
        max(dataset.table["quality"]),
    )
    assert len(set(rows)) == len(rows) == 42
    found = scan(dataset, thumbnails=set(rows))
    assert set(found.thumbnails) == set(rows)
    sheet = contact_sheet("toy", dataset, found)
    first = np.asarray(found.thumbnails[rows[0]])
    wide = np.asarray(sheet)
    windows = np.lib.stride_tricks.sliding_window_view(wide[:120, :60], first.shape)
    assert (windows == first).all(axis=(-1, -2, -3)).any()


@pytest.mark.parametrize("count", [1, 2, 8])
def test_a_sheet_of_few_images_and_none_readable_is_drawn(make_dataset, tmp_path, count):
    dataset = make_dataset(count=count, images=[tmp_path / "gone.png"] * count)
    assert contact_sheet("toy", dataset, scan(dataset)).width >= 520


def test_a_table_that_lies_on_the_disk_is_read_row_by_row(make_dataset, tmp_path):
    made = make_dataset(count=5)
    made.table.save_to_disk(tmp_path / "set")
    table = datasets.load_from_disk(str(tmp_path / "set"))
    stored = RatedDataset(name="toy", table=table, quality_range=(0.0, 10.0))
    assert np.array_equal(scan(stored).pixels, scan(made).pixels)
