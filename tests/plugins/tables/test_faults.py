"""Every mistake is one message that says what, where and what to do; nothing is skipped."""

from __future__ import annotations

import datasets
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cliqa.cli import cli
from cliqa.errors import DataError


@pytest.fixture
def told(build):
    def told(**settings):
        with pytest.raises(DataError) as caught:
            build(**settings)
        text = str(caught.value)
        assert text.startswith("dataset `rated-images`: ")
        assert "\n" not in text
        return text

    return told


def test_unknown_columns_are_told_together_with_the_nearest_and_all_there_are(ratings, told):
    text = told(data=ratings.write("t.csv"), score="mso", std="std", image="image")
    assert "`score: mso` names no column. Did you mean `mos`?" in text
    assert "`std: std` names no column. Did you mean `sd`?" in text
    assert text.endswith("Its columns are image, mos, sd, scene")


def test_a_table_without_the_usual_column_of_pictures_is_told(ratings, told):
    rows = [{"images": row["image"], "mos": 1} for row in ratings.rows]
    text = told(data=ratings.write("t.csv", rows))
    assert "`image: image` names no column. Did you mean `images`?" in text


@pytest.mark.parametrize(
    ("form", "place"), [("csv", "line 4"), ("jsonl", "line 3"), ("xlsx", "row 4")]
)
def test_a_score_that_is_no_number_is_told_with_its_row_in_the_file(ratings, told, form, place):
    ratings.pictures().rows[2]["mos"] = "good"
    text = told(data=ratings.write(f"t.{form}"))
    assert f"t.{form}`, {place}, column `mos` holds `good`, expected a number" in text


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("", "is empty"),
        ("3,5", "holds `3,5`, expected a number; write a decimal point"),
        ("nan", "holds `nan`"),
        ("inf", "holds `inf`"),
    ],
)
def test_cells_that_look_like_numbers_are_told(ratings, told, cell, said):
    ratings.pictures().rows[0]["mos"] = cell
    assert said in told(data=ratings.write("t.csv"))


def test_true_is_no_score(ratings, told):
    ratings.pictures().rows[0]["mos"] = True
    assert "holds `True`, expected a number" in told(data=ratings.write("t.jsonl"))


def test_missing_pictures_are_counted_and_the_first_three_told(ratings, told, tmp_path):
    table = ratings.pictures().write("t.csv")
    for row in ratings.rows[1:6]:
        (tmp_path / row["image"]).unlink()
    text = told(data=table, allow_missing=4)
    first = ", ".join(f"`{tmp_path / row['image']}`" for row in ratings.rows[1:4])
    assert f"5 of 6 pictures are not there, first {first};" in text
    assert "`allow_missing: 5`" in text


def test_all_pictures_missing_cannot_be_allowed(ratings, told):
    text = told(data=ratings.write("t.csv"), allow_missing=6)
    assert "6 of 6 pictures are not there" in text
    assert "allow_missing" not in text


def test_where_the_pictures_are_is_proposed_and_the_proposal_works(ratings, told, build):
    table = ratings.pictures("pictures/all").write("lists/t.csv")
    assert "`image_folder` says in which folder" in told(data=table)
    table = ratings.write("t.csv")
    assert told(data=table).split("; ")[1] == (
        f"`c0.png` is in `{ratings.folder}/pictures/all/sub`: write `image_folder: pictures/all`"
    )
    build(data=table, image_folder="pictures/all")


def test_another_case_of_a_file_name_is_told(ratings, told):
    table = ratings.pictures().write("t.csv")
    (ratings.folder / "sub/c0.png").rename(ratings.folder / "sub/C0.PNG")
    assert "there is `C0.PNG` in" in told(data=table)


def test_names_that_stand_twice_are_told_with_both_rows(ratings, told):
    ratings.pictures().rows[3]["image"] = ratings.rows[1]["image"]
    text = told(data=ratings.write("t.csv"))
    assert "1 names stand for several rows, first `sub/b1.png` in line 3 of" in text
    assert "and line 5 of" in text
    assert "name a column of unique names with `id`" in text
    assert "names must be unique" in told(data=ratings.folder / "t.csv", id="scene")


def test_a_missing_range_is_answered_with_one_that_holds(ratings, told, build):
    table = ratings.pictures().write("t.csv")
    text = told(data=table, range=...)
    assert "the 6 scores run from 1 to 3.5" in text
    assert "such as `range: [1, 4]`" in text
    build(data=table, range=[1, 4])


def test_scores_outside_the_range_are_counted_and_the_first_told(ratings, told):
    text = told(data=ratings.pictures().write("t.csv"), range=[0, 2])
    assert "3 scores are outside `range: [0, 2]`, first 2.5 in line 5 of" in text
    assert "such as `range: [0, 4]`" in text


@settings(max_examples=40)
@given(low=st.floats(-1e6, 1e6), high=st.floats(-1e6, 1e6))
def test_a_proposed_range_always_holds_the_scores(low, high):
    from cliqa_tables.dataset import _whole

    low, high = sorted((low, high))
    below, above = yaml.safe_load(_whole(low, high))
    assert below <= low <= high <= above
    assert below < above


@pytest.mark.parametrize(
    ("key", "cell", "said"),
    [
        ("level", 1.5, "holds 1.5, expected a whole number"),
        ("std", -1, "holds -1, expected no negative number"),
        ("split", "tset", "holds `tset`, expected train, val or test. Did you mean `test`"),
        ("id", "", "is empty, expected a name"),
    ],
)
def test_cells_of_other_columns_are_checked(ratings, told, key, cell, said):
    rows = [row | {"other": cell} for row in ratings.pictures().rows]
    assert f"line 2, column `other` {said}" in told(
        data=ratings.write("t.csv", rows), **{key: "other"}
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"image,mos\n", "has no rows"),
        (b"image,mos\na.png,1,2\n", "line 2: 3 cells, but the header has 2"),
        (b"image,mos,mos\na.png,1,2\n", "has two columns `mos`"),
        (b"image,mos\nhttps://x.org/a.png,1\n", "holds the address `https://x.org/a.png`"),
        (b"image,mos\n,1\n", "line 2, column `image` is empty, expected a file name"),
    ],
)
def test_a_damaged_table_is_told(tmp_path, told, content, said):
    (tmp_path / "t.csv").write_bytes(content)
    assert said in told(data=tmp_path / "t.csv")


@pytest.mark.parametrize("name", ["t.parquet", "t.xlsx", "t.jsonl"])
def test_a_file_that_is_not_what_its_name_says_is_told(tmp_path, told, name):
    (tmp_path / name).write_bytes(b"\x00\x01 no table")
    assert name in told(data=tmp_path / name)


def test_what_is_no_table_is_told_with_the_forms_that_are(tmp_path, told):
    (tmp_path / "t.mat").write_bytes(b"")
    assert "expected a name that ends in .csv, .tsv, .jsonl, .parquet, .xlsx" in told(
        data=tmp_path / "t.mat"
    )
    assert "does not exist" in told(data=tmp_path / "none.csv")
    (tmp_path / "scores.csv").write_text("image,mos\n")
    text = told(data=tmp_path)
    assert "looked for metadata.csv" in text
    assert "it has scores.csv: name one" in text


def test_a_part_that_is_not_there_is_told_with_those_that_are(ratings, told, embedded, tmp_path):
    datasets.DatasetDict(train=embedded(ratings.rows)).save_to_disk(tmp_path / "saved")
    assert "no part `trian`; its parts are train. Did you mean" in told(
        data=tmp_path / "saved", part="trian"
    )
    table = ratings.write("t.csv")
    assert "it is not stored in parts" in told(data=table, part="train")


def test_a_sheet_that_is_not_there_is_told_with_those_that_are(ratings, told):
    assert "has no sheet `All`; it has Sheet" in told(data=ratings.write("t.xlsx"), sheet="All")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "neither `data` nor `hub`"),
        ({"hub": "a/b"}, r"`revision` is missing: write the commit hash of a/b .*`revision: main`"),
        ({"hub": "just-a-name", "revision": "main"}, "pattern"),
        ({"data": "x", "revision": "main"}, "`revision` belongs to `hub: OWNER/NAME`"),
        ({"data": "x", "range": [5, 1]}, "5 is not below 1"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_before_anything_is_read(
    build, given, said
):
    with pytest.raises(ValidationError, match=said):
        build(**given)


def test_the_command_line_says_it_in_one_message_and_exits_with_2(
    ratings, tiny_config, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    ratings.pictures().write("t.csv")
    task = {"name": "rated-images", "data": "t.csv", "score": "mso", "direction": "higher-better"}
    tiny_config["stream"]["tasks"] = [task]
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tiny_config))
    done = CliRunner().invoke(cli, ["run", "run.yaml", "--out", "out"])
    assert done.exit_code == 2
    assert "Did you mean `mos`?" in done.stderr
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()
