"""What is odd about each set, one by one; numbers here are written, not computed by a loader."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image

from cliqa.data import ImageReader, make_split


def column(dataset, name):
    return dict(zip(dataset.table["sample_id"][:], dataset.table[name][:], strict=True))


# --- LIVE -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole_live(iqa, tmp_path_factory):
    """All 982 entries as published, 203 of them copies; image files hold nothing."""
    root = tmp_path_factory.mktemp("live")
    sizes = {"jp2k": 227, "jpeg": 233, "wn": 174, "gblur": 174, "fastfading": 174}
    for kind, size in sizes.items():
        (root / kind).mkdir()
        for i in range(1, size + 1):
            (root / kind / f"img{i}.bmp").touch()
    orgs = np.zeros((1, 982), np.uint8)
    orgs[0, np.linspace(0, 981, 203).astype(int)] = 1
    dmos = np.arange(982, dtype=float)[None] / 10
    names = iqa.cells([f"ref{i % 29}.bmp" for i in range(982)])
    (root / "refnames_all.mat").write_bytes(iqa.mat(refnames_all=names))
    realigned = iqa.mat(dmos_new=dmos, dmos_std=dmos / 10, orgs=orgs)
    (root / "dmos_realigned.mat").write_bytes(realigned)
    return root, orgs[0]


def test_live_has_779_of_its_982_entries_and_the_vectors_run_through_the_five_folders(
    whole_live, build
):
    root, orgs = whole_live
    dataset = build("live", root)
    assert len(dataset.table) == 779
    score = column(dataset, "score_raw")
    first_of = {"jp2k": 0, "jpeg": 227, "wn": 460, "gblur": 634, "fastfading": 808}
    for kind, first in first_of.items():
        for number in (2, 10, 100, 173):
            entry = first + number - 1
            found = score.get(f"live/{kind}/img{number}.bmp")
            assert found == (None if orgs[entry] else pytest.approx(entry / 10))
    assert "part" not in dataset.info


def test_an_absent_image_of_live_moves_no_other_score(whole_live, build):
    root, _ = whole_live
    before = column(build("live", root), "score_raw")
    gone = root / "jp2k" / "img227.bmp"
    gone.unlink()
    try:
        dataset = build("live", root, allow_missing=1)
    finally:
        gone.touch()
    del before["live/jp2k/img227.bmp"]
    assert column(dataset, "score_raw") == before
    assert dataset.info["missing_images"] == "1 of 779 listed images absent, left out"


def test_lives_realigned_scores_are_used_where_both_are_there(iqa, tmp_path, build, same):
    truth = iqa.live(iqa.Disk(tmp_path), scores="both")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset = build("live", tmp_path, expect=len(truth))
    same(dataset, truth)
    assert dataset.info["scores"] == "realigned DMOS"


def test_lives_original_scores_are_used_with_a_warning_that_stays_with_the_result(
    iqa, tmp_path, build, same
):
    truth = iqa.live(iqa.Disk(tmp_path), scores="original")
    with pytest.warns(UserWarning, match="dataset `live`: original DMOS"):
        dataset = build("live", tmp_path, expect=len(truth))
    same(dataset, truth)
    assert "not realigned" in dataset.info["scores"]
    assert dataset.table["score_std"][:] == [None] * len(truth)


@pytest.mark.parametrize("name", ["live", "csiq"])
def test_where_a_low_score_is_good_quality_turns_it_round(name, iqa, tmp_path, build):
    truth = iqa.WRITERS[name](iqa.Disk(tmp_path))
    table = build(name, tmp_path, expect=len(truth)).table
    pairs = sorted(zip(table["score_raw"][:], table["quality"][:], strict=True))
    qualities = [quality for _, quality in pairs]
    assert qualities == sorted(qualities, reverse=True)


@pytest.mark.parametrize("dmos", [-2.64, 111.77])
def test_the_ends_of_lives_realigned_scale_are_inside_the_declared_range(
    dmos, iqa, tmp_path, build
):
    truth = iqa.live(iqa.Disk(tmp_path))
    entries = sum(iqa.LIVE_SIZES.values())
    values = np.full((1, entries), dmos)
    content = iqa.mat(dmos_new=values, dmos_std=values * 0, orgs=values * 0)
    (tmp_path / "dmos_realigned.mat").write_bytes(content)
    dataset = build("live", tmp_path, expect=entries)
    low, high = dataset.quality_range
    assert len(dataset.table) == entries > len(truth)
    assert all(low <= quality <= high for quality in dataset.table["quality"][:])


# --- CSIQ -----------------------------------------------------------------------------------------


def test_csiqs_photograph_1600_is_found_though_the_sheet_holds_a_number(iqa, tmp_path, build):
    truth = iqa.csiq(iqa.Disk(tmp_path))
    table = build("csiq", tmp_path, expect=len(truth)).table
    assert "csiq/1600.awgn.1.png" in table["sample_id"][:]
    assert "csiq/1600" in table["reference"][:]


def test_csiqs_contrast_has_only_the_images_that_were_rated(iqa, tmp_path, build):
    truth = iqa.csiq(iqa.Disk(tmp_path))
    kinds = build("csiq", tmp_path, expect=len(truth)).table["distortion"][:]
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    others = dict.fromkeys(("AWGN", "BLUR", "fnoise", "JPEG", "jpeg2000"), 6)
    assert counts == {"contrast": 5, **others}


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("noise", "AWGN"),
        ("AWGN", "AWGN"),
        ("Blur", "BLUR"),
        ("fnoise", "fnoise"),
        ("JPEG", "JPEG"),
        ("jpeg 2000", "jpeg2000"),
        ("JPEG-2000", "jpeg2000"),
        ("jpeg2000", "jpeg2000"),
    ],
)
def test_csiqs_names_of_a_type_lead_to_the_tag_of_its_files(written, tag, iqa, tmp_path, build):
    disk = iqa.Disk(tmp_path)
    disk.image(f"dst_imgs/{tag}/boston.{tag}.3.png", 100)
    disk.add("csiq.beta.txt", f"boston\t1\t{written}\t3\t0.042\t0.029\n")
    disk.write()
    (row,) = build("csiq", tmp_path, expect=1).table.remove_columns("image")
    assert row["sample_id"] == f"csiq/boston.{tag.lower()}.3.png"
    assert (row["distortion"], row["level"], row["quality"]) == (tag, 3, 1 - 0.029)


def test_csiqs_copy_in_the_published_folder_counts_where_there_are_two(iqa, tmp_path, build, same):
    truth = iqa.csiq(iqa.Disk(tmp_path))
    other = tmp_path / "dst_imgs_all"
    other.mkdir()
    for file in (tmp_path / "dst_imgs").rglob("*.png"):
        Image.new("RGB", (8, 8)).save(other / file.name)
    same(build("csiq", tmp_path, expect=len(truth)), truth)


# --- BID ------------------------------------------------------------------------------------------


def test_bids_images_go_by_number_and_not_by_position(iqa, tmp_path, build):
    truth = iqa.bid(iqa.Disk(tmp_path))
    dataset = build("bid", tmp_path, expect=len(truth))
    paths = [image["path"] for image in dataset.table.cast_column("image", _path())["image"]]
    assert [path[-8:-4] for path in paths] == [i[-8:-4] for i in dataset.table["sample_id"][:]]
    assert dataset.table["sample_id"][1] == "bid/databaseimage0003.jpg"


def _path():
    import datasets

    return datasets.Image(decode=False)


def test_bids_deviation_is_that_of_the_single_grades_with_n_minus_1(iqa, tmp_path, build):
    disk = iqa.Disk(tmp_path)
    header = ["Image Number", "Average Subjective Grade", "Number of Grades", "Grade #1"]
    rows = [[*header, "Grade #2", "Grade #3"], [7, 2.0, 3, 1.0, 2.0, 3.0], [8, 4.0, 1, 4.0]]
    for row in rows[1:]:
        disk.image(f"ImageDatabase/DatabaseImage{row[0]:04d}.JPG", 9)
    disk.add("DatabaseGrades.xls", iqa.xls({"Plan1": rows}))
    disk.write()
    assert build("bid", tmp_path, expect=2).table["score_std"][:] == [1.0, None]


@pytest.mark.parametrize("name", ["bid", "spaq"])
def test_photographs_are_turned_upright_unless_told_otherwise(name, iqa, tmp_path, build):
    truth = iqa.WRITERS[name](iqa.Disk(tmp_path))
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:, :16] = 255  # white on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying: to be turned clockwise by a quarter
    lying = Image.fromarray(np.ascontiguousarray(np.rot90(upright)))
    folder = {"bid": "ImageDatabase", "spaq": "TestImage"}[name]
    file = min((tmp_path / folder).iterdir())
    lying.save(file, exif=exif, quality=95)
    for setting, expected in (("apply", upright), ("ignore", np.rot90(upright))):
        dataset = build(name, tmp_path, expect=len(truth), exif=setting)
        np.testing.assert_allclose(ImageReader(dataset).read(0), expected, atol=8)
        assert dataset.info["exif"] == setting
    assert build(name, tmp_path, expect=len(truth)).exif_transpose


# --- LIVE Challenge -------------------------------------------------------------------------------


def test_clives_seven_training_images_are_no_part_of_it(iqa, tmp_path, build):
    truth = iqa.clive(iqa.Disk(tmp_path))
    dataset = build("clive", tmp_path, expect=len(truth))
    assert not any(i.startswith("clive/t") for i in dataset.table["sample_id"][:])
    assert column(dataset, "score_raw")["clive/3.bmp"] == 3.42
    assert max(dataset.table["score_raw"][:]) < 99


# --- KonIQ-10k ------------------------------------------------------------------------------------


def test_koniqs_two_sizes_have_the_same_ids_and_so_the_same_division(iqa, tmp_path, build):
    sizes = ("1024x768", "512x384")
    truth = iqa.koniq(iqa.Disk(tmp_path), sizes=sizes)
    sets = [build("koniq-10k", tmp_path, expect=len(truth), resolution=size) for size in sizes]
    assert sets[0].table["sample_id"][:] == sets[1].table["sample_id"][:]
    assert [s.info["resolution"] for s in sets] == list(sizes)
    reads = [ImageReader(s).read(0).mean() for s in sets]
    assert abs(reads[0] - reads[1]) > 10


def test_koniqs_scale_comes_with_its_range_its_deviations_and_its_note(iqa, tmp_path, build):
    truth = iqa.koniq(iqa.Disk(tmp_path), files="both")
    five = build("koniq-10k", tmp_path, expect=len(truth), scale="1-5")
    hundred = build("koniq-10k", tmp_path, expect=len(truth), scale="1-100")
    assert five.quality_range == (1, 5)
    assert hundred.quality_range == (1, 100)
    assert max(five.table["score_std"][:]) == 1.0
    assert hundred.table["score_std"][:] == [None] * len(truth)
    assert five.info["scale"] == "MOS on 1-5"
    assert hundred.info["scale"] == "MOS on 1-100"


def test_koniqs_official_split_can_be_used_on_either_scale(iqa, tmp_path, build):
    truth = iqa.koniq(iqa.Disk(tmp_path), files="both")
    for scale in ("1-5", "1-100"):
        dataset = build("koniq-10k", tmp_path, expect=len(truth), scale=scale)
        split = make_split(dataset, "official", by="image", seed=0)
        parts = column(dataset, "official_split")
        assert parts["koniq-10k/826373.jpg"] == "test"
        assert parts["koniq-10k/2956548148.jpg"] == "val"
        assert (len(split.train), len(split.val), len(split.test)) == (3, 1, 1)


# --- KADID-10k, TID2013, SPAQ, AGIQA-3K -----------------------------------------------------------


def test_kadids_dmos_is_higher_for_better_and_its_deviation_the_root_of_the_variance(
    iqa, tmp_path, build
):
    disk = iqa.Disk(tmp_path)
    disk.image("images/I07_10_04.png", 9)
    disk.add("dmos.csv", "dist_img,ref_img,dmos,var\nI07_10_04.png,I07.png,4.57,0.49\n")
    disk.write()
    (row,) = build("kadid-10k", tmp_path, expect=1).table.remove_columns("image")
    assert (row["quality"], row["score_raw"]) == (4.57, 4.57)
    assert row["score_std"] == pytest.approx(0.7)
    assert (row["reference"], row["distortion"], row["level"]) == ("kadid-10k/i07", "jpeg", 4)


def test_kadids_types_have_the_names_of_the_table_of_human_means_in_its_order():
    from importlib.resources import files

    from cliqa_iqa.kadid import TYPES

    text = files("cliqa_embedded").joinpath("data", "kadid10k_cell_means.csv").read_text("utf-8")
    rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")][1:]
    assert list(TYPES) == [row[1] for row in rows if row[2] == "1"]


def test_tids_names_are_one_in_whatever_case_list_and_disk_write_them(iqa, tmp_path, build):
    disk = iqa.Disk(tmp_path)
    disk.image("distorted_images/i04_10_5.BMP", 9)
    disk.add("mos_with_names.txt", "5.51429 I04_10_5.bmp\n")
    disk.add("mos_std.txt", "0.13013\n")
    disk.write()
    (row,) = build("tid2013", tmp_path, expect=1).table.remove_columns("image")
    assert row["sample_id"] == "tid2013/i04_10_5.bmp"
    assert (row["distortion"], row["level"], row["score_std"]) == ("jpeg", 5, 0.13013)


def test_tids_missing_deviations_are_told_with_the_result(iqa, tmp_path, build):
    truth = iqa.tid2013(iqa.Disk(tmp_path), deviations=False)
    info = build("tid2013", tmp_path, expect=len(truth)).info
    assert info["score_std"] == "none: mos_std.txt was not there"
    assert "synthetic" in info["contents"]


def test_spaqs_size_policy_is_told_with_the_result(iqa, tmp_path, build):
    truth = iqa.spaq(iqa.Disk(tmp_path))
    assert "train.shrink" in build("spaq", tmp_path, expect=len(truth)).info["resize"]


def test_agiqas_images_of_one_text_are_never_in_two_parts(iqa, tmp_path, build):
    rows = [["name", "prompt", "mos_quality", "std_quality"]]
    disk = iqa.Disk(tmp_path)
    for text in range(10):
        for generator in ("a", "b", "c"):
            rows.append([f"{generator}_{text}.jpg", f"a picture, number {text}", 2.5, 0.5])
            disk.image(f"{generator}_{text}.jpg", 9)
    disk.add("data.csv", iqa.comma_separated(rows))
    disk.write()
    dataset = build("agiqa-3k", tmp_path, expect=30)
    split = make_split(dataset, "70/10/20", by="reference", seed=3)
    references = dataset.table["reference"][:]
    parts = [{references[i] for i in part} for part in (split.train, split.val, split.test)]
    assert [len(part) for part in parts] == [7, 1, 2]
    assert len(set.union(*parts)) == 10
