"""Each set is read from every layout in which users have it."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cliqa.data import make_split
from cliqa.data.table import check_table, fingerprint

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
#: Set -> variants of its files beside the one that is written without arguments.
VARIANTS = [
    ("live", {"scores": "realigned"}, {}),
    ("csiq", {"scores": "csiq.beta.xlsx"}, {}),
    ("csiq", {"scores": "csiq.beta.xls"}, {}),
    ("csiq", {"scores": "csiq.beta.txt"}, {}),
    ("csiq", {"scores": "csiq_label.txt", "flat": True}, {}),
    ("csiq", {"flat": True}, {}),
    ("bid", {"scores": "DatabaseGrades.xlsx"}, {}),
    ("bid", {"scores": "DatabaseGrades.csv"}, {}),
    ("koniq-10k", {"files": "sets", "read": "1-100"}, {}),
    ("koniq-10k", {"files": "scores", "read": "1-100"}, {"scale": "1-100"}),
    ("koniq-10k", {"files": "both", "read": "1-5"}, {"scale": "1-5"}),
    ("koniq-10k", {"files": "both", "read": "1-100"}, {"scale": "1-100"}),
    ("koniq-10k", {"sizes": ("512x384", "1024x768")}, {"resolution": "512x384"}),
    ("koniq-10k", {"sizes": ("1024x768", "512x384")}, {}),
    ("tid2013", {"deviations": False}, {}),
    ("spaq", {"scores": "MOS_and_Image_attribute_scores.csv"}, {}),
    ("agiqa-3k", {"flat": True}, {}),
]


@pytest.fixture(scope="module")
def written(iqa, tmp_path_factory):
    """Each set in a folder of its own name: name -> (folder, truth)."""
    above = tmp_path_factory.mktemp("sets")
    return {name: (above / name, iqa.WRITERS[name](iqa.Disk(above / name))) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_every_row_holds_what_the_set_says_of_that_very_image(name, written, build, same):
    folder, truth = written[name]
    dataset = build(name, folder, expect=len(truth))
    same(dataset, truth)
    check_table(dataset)
    assert dataset.name == name
    assert not dataset.pseudo_scores


@pytest.mark.parametrize(("name", "files", "config"), VARIANTS)
def test_every_documented_variant_of_the_files_is_read(
    name, files, config, iqa, tmp_path, build, same
):
    truth = iqa.WRITERS[name](iqa.Disk(tmp_path), **files)
    same(build(name, tmp_path, expect=len(truth), **config), truth)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_above_that_holds_all_sets_will_do(name, written, build, same):
    folder, truth = written[name]
    same(build(name, folder.parent, expect=len(truth)), truth)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_around_the_sets_own_will_do(name, iqa, tmp_path, build, same):
    truth = iqa.WRITERS[name](iqa.Disk(tmp_path / "download" / "set"))
    same(build(name, tmp_path, expect=len(truth)), truth)


@pytest.mark.parametrize("name", NAMES)
def test_without_root_the_data_folder_of_the_environment_is_used(
    name, written, build, same, monkeypatch
):
    folder, truth = written[name]
    monkeypatch.setenv("CLIQA_DATA", str(folder.parent))
    same(build(name, None, expect=len(truth)), truth)


@pytest.mark.parametrize(
    ("name", "folder"),
    [("live", "databaserelease2"), ("clive", "ChallengeDB_release"), ("kadid-10k", "KADID10K")],
)
def test_in_the_data_folder_a_set_may_keep_the_name_it_was_downloaded_with(
    name, folder, iqa, tmp_path, build, same, monkeypatch
):
    truth = iqa.WRITERS[name](iqa.Disk(tmp_path / folder))
    monkeypatch.setenv("CLIQA_DATA", str(tmp_path))
    same(build(name, None, expect=len(truth)), truth)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=4)
@given(seed=st.integers(0, 2**32))
def test_letter_case_place_and_order_on_disk_change_nothing(name, seed, iqa, written, build, same):
    """Ids, rows in their order, groups, divisions and the fingerprint are those of a plain copy."""
    rng = random.Random(seed)  # noqa: S311
    plain, truth = written[name]

    def spelling(part: str) -> str:
        return "".join(rng.choice((c.lower(), c.upper())) for c in part)

    with tempfile.TemporaryDirectory() as folder:
        disk = iqa.Disk(Path(folder) / "elsewhere", spelling, rng)
        iqa.WRITERS[name](disk)
        found = build(name, folder, expect=len(truth))
        same(found, truth)
        expected = build(name, plain, expect=len(truth))
        for column in ("sample_id", "reference", "quality"):
            assert found.table[column][:] == expected.table[column][:]
        parts = [make_split(d, "70/10/20", by="image", seed=1) for d in (found, expected)]
        assert parts[0] == parts[1]
        assert fingerprint(found) == fingerprint(expected)


@pytest.mark.parametrize("name", NAMES)
def test_what_file_managers_leave_behind_is_no_part_of_a_set(name, iqa, tmp_path, build, same):
    truth = iqa.WRITERS[name](iqa.Disk(tmp_path / "set"))
    files = [file for file in (tmp_path / "set").rglob("*") if file.is_file()]
    for file in files:
        (file.parent / f"._{file.name}").write_bytes(b"clutter")
        copy = tmp_path / "set" / "__MACOSX" / file.name
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(b"clutter")
    same(build(name, tmp_path / "set", expect=len(truth)), truth)


@pytest.mark.parametrize("name", NAMES)
def test_building_opens_no_image(name, iqa, tmp_path, build):
    truth = iqa.WRITERS[name](iqa.Disk(tmp_path))
    for file in tmp_path.rglob("*"):
        if file.suffix.lower() in (".bmp", ".jpg", ".png"):
            file.write_bytes(b"no picture")
    dataset = build(name, tmp_path, expect=len(truth))
    assert len(dataset.table) == len(truth)


@pytest.mark.parametrize("name", NAMES)
def test_ids_and_groups_bear_the_sets_name_so_that_no_two_sets_share_any(name, written, build):
    folder, truth = written[name]
    table = build(name, folder, expect=len(truth)).table
    for value in [*table["sample_id"][:], *filter(None, table["reference"][:])]:
        assert value.startswith(f"{name}/")


@pytest.mark.parametrize("name", NAMES)
def test_a_result_keeps_the_citation_the_source_and_the_score_file_but_no_local_path(
    name, written, build
):
    folder, truth = written[name]
    info = build(name, folder, expect=len(truth)).info
    assert info["citation"]
    assert info["source"].startswith("https://")
    assert info["score_file"]
    assert info["part"].startswith(f"{len(truth)} rated images listed")
    assert not any(str(folder.parent) in value for value in info.values())
