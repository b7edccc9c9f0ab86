"""Bad input is answered with the set, the file and the repair; nothing is skipped in silence."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cliqa.cli import cli
from cliqa.errors import DataError

NAMES = (
    "live",
    "csiq",
    "bid",
    "clive",
    "koniq-10k",
    "kadid-10k",
    "tid2013",
    "spaq",
    "agiqa-3k",
)
PUBLISHED = dict(zip(NAMES, (779, 866, 586, 1162, 10073, 10125, 3000, 11125, 2982), strict=True))
SCORE_FILE = {
    "live": "dmos_realigned.mat",
    "csiq": "csiq.DMOS.xlsx",
    "bid": "DatabaseGrades.xls",
    "clive": "Data/AllMOS_release.mat",
    "koniq-10k": "koniq10k_scores_and_distributions.csv",
    "kadid-10k": "dmos.csv",
    "tid2013": "mos_with_names.txt",
    "spaq": "Annotations/MOS and Image attribute scores.xlsx",
    "agiqa-3k": "data.csv",
}
PICTURES = (".bmp", ".jpg", ".png")


def told(build, name, root, **settings) -> str:
    """The message with which a set is refused; it always begins with the set."""
    with pytest.raises(DataError) as caught:
        build(name, root, **settings)
    text = str(caught.value)
    assert text.startswith(f"dataset `{name}`: ")
    return text


@pytest.fixture
def make(iqa, tmp_path):
    """`make(name)`: write a set and say how many rated images it has."""
    return lambda name, **files: len(iqa.WRITERS[name](iqa.Disk(tmp_path), **files))


@pytest.mark.parametrize("name", NAMES)
def test_without_a_folder_the_message_says_how_to_give_one(name, build, monkeypatch):
    monkeypatch.delenv("CLIQA_DATA", raising=False)
    text = told(build, name, None)
    for part in ("`root: FOLDER`", "CLIQA_DATA", "request the set at https://", f"`{name}`"):
        assert part in text


def test_a_set_that_is_not_in_the_data_folder_is_told_with_all_names_looked_for(
    build, tmp_path, monkeypatch
):
    monkeypatch.setenv("CLIQA_DATA", str(tmp_path))
    text = told(build, "clive", None)
    assert f"not in `{tmp_path}` (CLIQA_DATA)" in text
    assert "looked for a folder `clive` or `ChallengeDB_release`" in text
    assert "https://live.ece.utexas.edu/research/ChallengeDB/" in text


def test_a_data_folder_that_is_none_is_told(build, tmp_path, monkeypatch):
    monkeypatch.setenv("CLIQA_DATA", str(tmp_path / "nowhere"))
    assert "named by CLIQA_DATA, is no folder" in told(build, "bid", None)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_is_missing_or_a_file_is_told(name, build, tmp_path):
    assert f"`{tmp_path / 'gone'}` (`root`) does not exist" in told(build, name, tmp_path / "gone")
    (tmp_path / "file").touch()
    assert "is no folder" in told(build, name, tmp_path / "file")


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_score_file_is_told_with_the_names_looked_for(name, build, tmp_path, make):
    count = make(name)
    for file in tmp_path.rglob("*"):
        if file.suffix in (".mat", ".xlsx", ".xls", ".csv", ".txt"):
            file.unlink()
    text = told(build, name, tmp_path, expect=count)
    assert f"no score file in `{tmp_path}`: looked for `" in text
    assert "https://" in text


@pytest.mark.parametrize("name", NAMES)
def test_a_part_of_a_set_is_refused_until_expect_says_so(name, build, tmp_path, make):
    count = make(name)
    text = told(build, name, tmp_path)
    assert f"lists {count} rated images, expected {PUBLISHED[name]} as published" in text
    assert f"write `expect: {count}`" in text
    assert len(build(name, tmp_path, expect=count).table) == count
    text = told(build, name, tmp_path, expect=count + 1)
    assert f"expected {count + 1} as `expect` says" in text


@pytest.mark.parametrize("name", NAMES)
def test_absent_images_are_counted_named_and_left_out_only_when_allowed(name, iqa, build, tmp_path):
    truth = iqa.WRITERS[name](iqa.Disk(tmp_path))
    names = [t.sample_id.removeprefix(f"{name}/") for t in truth[1:5]]
    files = {str(f.relative_to(tmp_path)).lower(): f for f in tmp_path.rglob("*") if f.is_file()}
    gone = [f for key, f in files.items() if key.endswith(tuple(f"/{n}" for n in names))]
    gone += [f for key, f in files.items() if key in names]
    for file in gone:
        file.unlink()
    text = told(build, name, tmp_path, expect=len(truth))
    assert f"4 of {len(truth)} listed images are absent below `{tmp_path}`" in text
    first = ", ".join(f"`{n}`" for n in names[:3])
    assert f"first {first}; unpack" in text.lower()
    assert names[3] not in text.lower()
    assert "`allow_missing: 4`" in text
    told(build, name, tmp_path, expect=len(truth), allow_missing=3)
    dataset = build(name, tmp_path, expect=len(truth), allow_missing=4)
    assert set(dataset.table["sample_id"][:]) == {t.sample_id for t in [truth[0], *truth[5:]]}
    assert dataset.info["missing_images"] == f"4 of {len(truth)} listed images absent, left out"


@pytest.mark.parametrize("name", NAMES)
def test_a_set_without_any_image_is_refused_whatever_is_allowed(name, build, tmp_path, make):
    count = make(name)
    for file in tmp_path.rglob("*"):
        if file.suffix.lower() in PICTURES and not (name == "live" and "img" not in file.name):
            file.unlink() if name != "live" else file.rename(file.with_suffix(".gif"))
    text = told(build, name, tmp_path, expect=count, allow_missing=10**6)
    assert "images" in text
    assert "allow_missing" not in text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe damaged \n\xff" * 40])
def test_a_damaged_score_file_is_told_with_its_path(name, content, build, tmp_path, make):
    count = make(name)
    file = tmp_path / SCORE_FILE[name]
    file.write_bytes(content)
    text = told(build, name, tmp_path, expect=count)
    assert str(file) in text
    assert "download" in text


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=6)
@given(share=st.floats(0, 0.95))
def test_a_score_file_whose_download_broke_off_is_always_told(name, share, iqa, build):
    with tempfile.TemporaryDirectory() as folder:
        truth = iqa.WRITERS[name](iqa.Disk(Path(folder)))
        file = Path(folder) / SCORE_FILE[name]
        content = file.read_bytes()
        file.write_bytes(content[: int(share * len(content))])
        assert str(file) in told(build, name, folder, expect=len(truth))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("kadid-10k", "image,score\na.png,3\n", ["columns image, score", "missing: dist_img"]),
        ("koniq-10k", "image_name,score\na.jpg,3\n", ["columns image_name, score", "MOS"]),
        ("agiqa-3k", "name,prompt,mos\na.jpg,b,3\n", ["columns name, prompt, mos", "std_quality"]),
        ("tid2013", "I01_01_1.bmp 5.5\n", ["line 1, `I01_01_1.bmp 5.5`", "`5.51429 I01_01_1.bmp`"]),
        ("tid2013", "5.5 I01_25_1.bmp\n", ["`5.5 I01_25_1.bmp`"]),
    ],
)
def test_a_text_file_of_another_version_is_told_with_what_was_found_and_expected(
    name, content, expected, build, tmp_path, make
):
    count = make(name)
    (tmp_path / SCORE_FILE[name]).write_text(content)
    text = told(build, name, tmp_path, expect=count)
    assert "is of another version: found" in text
    for part in expected:
        assert part in text


def test_a_spreadsheet_of_another_version_is_told(iqa, build, tmp_path, make):
    count = make("csiq")
    file = tmp_path / "csiq.DMOS.xlsx"
    file.write_bytes(iqa.xlsx({"Sheet1": [["image", "dmos"]]}))
    assert "found sheets Sheet1, expected a sheet `all_by_image`" in told(build, "csiq", tmp_path)
    file.write_bytes(iqa.xlsx({"all_by_image": [["image", "dmos"], ["a", 1]]}))
    text = told(build, "csiq", tmp_path, expect=count)
    assert "found columns image, dmos, expected image, dst_type, dst_lev" in text


def test_a_matlab_file_of_another_version_is_told(iqa, build, tmp_path, make):
    count = make("live")
    (tmp_path / "dmos_realigned.mat").write_bytes(iqa.mat(dmos=[[1.0]], orgs=[[0]]))
    text = told(build, "live", tmp_path, expect=count)
    assert "found variables dmos, orgs, expected dmos_new, dmos_std, orgs" in text


def test_vectors_of_different_lengths_are_told(iqa, build, tmp_path, make):
    count = make("clive")
    (tmp_path / "Data/AllMOS_release.mat").write_bytes(iqa.mat(AllMOS_release=[[1.0, 2.0]]))
    text = told(build, "clive", tmp_path, expect=count)
    assert "found 15 names, 2 scores, 15 deviations" in text
    count = make("live")
    short = iqa.mat(dmos_new=[[1.0]], dmos_std=[[1.0]], orgs=[[0]])
    (tmp_path / "dmos_realigned.mat").write_bytes(short)
    assert "found vectors of 1, 22 entries" in told(build, "live", tmp_path, expect=count)
    make("tid2013")
    (tmp_path / "mos_std.txt").write_text("0.1\n0.2\n")
    assert "2 numbers for 18 images" in told(build, "tid2013", tmp_path, expect=18)


def test_a_part_of_live_whose_folders_and_vectors_differ_is_told(build, tmp_path, make):
    count = make("live")
    (tmp_path / "jp2k" / "img13.bmp").touch()
    text = told(build, "live", tmp_path, expect=count)
    assert "found 22 entries, while the folders hold images up to number: jp2k 13" in text


def test_clive_without_its_training_images_in_front_is_told(iqa, build, tmp_path, make):
    count = make("clive")
    names = iqa.cells([f"{i}.bmp" for i in range(15)]).reshape(-1, 1)
    (tmp_path / "Data/AllImages_release.mat").write_bytes(iqa.mat(AllImages_release=names))
    text = told(build, "clive", tmp_path, expect=count)
    assert "the training images t1 to t7 first, and only there" in text


@pytest.mark.parametrize("cell", ["good", "", "nan", "inf"])
def test_a_score_that_is_no_number_is_told_with_row_and_column(cell, build, tmp_path, make):
    count = make("kadid-10k")
    file = tmp_path / "dmos.csv"
    lines = file.read_text().splitlines()
    lines[3] = ",".join([*lines[3].split(",")[:2], cell, "0.5"])
    file.write_text("\n".join(lines))
    text = told(build, "kadid-10k", tmp_path, expect=count)
    assert f"`{file}`, row 4, column `dmos` holds" in text
    assert "expected a number" in text


def test_a_row_number_is_that_of_the_sheet_as_seen(iqa, build, tmp_path):
    head = ["image", "dst_idx", "dst_type", "dst_lev", "dmos_std", "dmos"]
    rows = [head, ["boston", 1, "noise", 1, 0.1, 0.2], ["boston", 1, "noise", 2, 0.1, "?"]]
    content = iqa.xlsx({"all_by_image": rows}, top=3, left=3)
    (tmp_path / "csiq.DMOS.xlsx").write_bytes(content)
    text = told(build, "csiq", tmp_path, expect=2)
    assert "row 6, column `dmos` holds `?`" in text


def test_a_matlab_score_that_is_no_number_is_told(iqa, build, tmp_path, make):
    count = make("clive")
    values = [[50.0] * 14 + [float("nan")]]
    (tmp_path / "Data/AllMOS_release.mat").write_bytes(iqa.mat(AllMOS_release=values))
    text = told(build, "clive", tmp_path, expect=count)
    assert "entry 15 of `AllMOS_release` is not a finite number" in text


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("kadid-10k", "1.0,", "55.0,"),
        ("agiqa-3k", "0.4,", "74.0,"),
        ("tid2013", "0.24242", "-1.0"),
        ("koniq-10k", "3.905,", "75.26,"),
    ],
)
def test_a_score_outside_the_published_scale_is_told(name, old, new, build, tmp_path, make):
    count = make(name)
    file = tmp_path / SCORE_FILE[name]
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    text = told(build, name, tmp_path, expect=count)
    assert "of another version or on another scale" in text
    assert str(file) in text


def test_a_grade_outside_bids_scale_is_told_with_its_row(iqa, build, tmp_path):
    header = ["Image Number", "Average Subjective Grade", "Number of Grades", "Grade #1"]
    rows = [header, [1, 2.0, 1, 2.0], [3, 2.0, 1, 20.0]]
    (tmp_path / "DatabaseGrades.xls").write_bytes(iqa.xls({"Plan1": rows}))
    assert "a grade outside 0..5 in row 3" in told(build, "bid", tmp_path, expect=2)


def test_an_image_that_is_listed_twice_is_told(build, tmp_path, make):
    count = make("kadid-10k")
    file = tmp_path / "dmos.csv"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([*lines, lines[1].lower()]))
    assert "lists `i01_01_01.png` twice" in told(build, "kadid-10k", tmp_path, expect=count + 1)


def test_an_image_that_could_be_two_files_is_told_with_both(build, tmp_path, make):
    count = make("kadid-10k")
    first = tmp_path / "images" / "I01_01_01.png"
    second = first.with_name("i01_01_01.PNG")
    second.write_bytes(first.read_bytes())
    if len({f.name for f in first.parent.iterdir() if f.name.lower() == "i01_01_01.png"}) < 2:
        pytest.skip("a file system without upper and lower case")
    text = told(build, "kadid-10k", tmp_path, expect=count)
    assert str(first) in text
    assert str(second) in text


def test_two_copies_of_a_set_are_told_with_both_score_files(iqa, build, tmp_path):
    for copy in ("a", "b"):
        iqa.kadid(iqa.Disk(tmp_path / copy))
    text = told(build, "kadid-10k", tmp_path, expect=24)
    assert str(tmp_path / "a" / "dmos.csv") in text
    assert str(tmp_path / "b" / "dmos.csv") in text
    assert "set `root`" in text


def test_koniqs_two_scales_are_never_chosen_from_in_silence(build, tmp_path, make):
    count = make("koniq-10k", files="both")
    text = told(build, "koniq-10k", tmp_path, expect=count)
    assert "scores on two scales are there" in text
    assert "`scale: 1-5` or `scale: 1-100`" in text


def test_a_scale_of_koniq_that_is_not_there_is_told(build, tmp_path, make):
    count = make("koniq-10k", files="sets")
    text = told(build, "koniq-10k", tmp_path, expect=count, scale="1-5")
    assert "no scores on the scale 1-5" in text
    assert "koniq10k_scores_and_distributions.csv" in text


def test_a_size_of_koniq_that_is_not_there_is_told_with_the_one_that_is(build, tmp_path, make):
    count = make("koniq-10k")
    text = told(build, "koniq-10k", tmp_path, expect=count, resolution="512x384")
    assert "no images in a folder `512x384`" in text
    assert "write `resolution: 1024x768`" in text


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text.replace("validation", "holdout"), "the set `holdout`"),
        (lambda text: text[: text.rstrip().rfind("\n") + 1], "does not say to which set 1 images"),
    ],
)
def test_an_official_split_of_koniq_that_is_incomplete_is_told(
    change, expected, build, tmp_path, make
):
    count = make("koniq-10k", files="both")
    file = tmp_path / "koniq10k_distributions_sets.csv"
    file.write_text(change(file.read_text()))
    text = told(build, "koniq-10k", tmp_path, expect=count, scale="1-5")
    assert expected in text
    assert str(file) in text


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("live", {"expect": 0}),
        ("live", {"allow_missing": -1}),
        ("live", {"exif": "apply"}),
        ("bid", {"exif": "maybe"}),
        ("koniq-10k", {"resolution": "1024"}),
        ("koniq-10k", {"scale": "0-1"}),
        ("live", {"path": "/data"}),
    ],
)
def test_settings_that_mean_nothing_are_refused(name, setting, build, tmp_path):
    with pytest.raises(ValidationError):
        build(name, tmp_path, **setting)


def test_the_command_line_answers_with_the_message_and_exit_code_2(tmp_path, monkeypatch):
    from click.testing import CliRunner

    monkeypatch.delenv("CLIQA_DATA", raising=False)
    config = tmp_path / "my.yaml"
    config.write_text("backbone: efficientnet-lite0\nstrategy: ft\nstream:\n  tasks:\n    - live\n")
    done = CliRunner().invoke(cli, ["run", str(config), "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "dataset `live`: no folder given" in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()
