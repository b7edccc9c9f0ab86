"""Any rated set becomes a dataset by naming its columns."""

from __future__ import annotations

import shutil

import datasets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cliqa.data import make_split
from cliqa.data.table import fingerprint


def columns(dataset):
    return {name: dataset.table[name][:] for name in dataset.table.column_names if name != "image"}


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "xlsx", "parquet"])
def test_every_form_of_table_gives_the_same_dataset(ratings, build, greys, form):
    ratings.pictures()
    found = build(data=ratings.write(f"t.{form}"), std="sd", group="scene")
    assert columns(found) == {
        "sample_id": [row["image"] for row in ratings.rows],
        "score_raw": [row["mos"] for row in ratings.rows],
        "score_std": [row["sd"] for row in ratings.rows],
        "quality": [row["mos"] for row in ratings.rows],
        "reference": [row["scene"] for row in ratings.rows],
        "distortion": [None] * 6,
        "level": [None] * 6,
        "official_split": [None] * 6,
    }
    assert greys(found) == [10, 11, 12, 13, 14, 15]
    assert found.quality_range == (1, 5)
    assert not found.pseudo_scores


def test_a_lower_is_better_score_is_turned_and_kept(ratings, build):
    found = build(data=ratings.pictures().write("t.csv"), direction="lower-better", range=[1, 5])
    assert found.table["score_raw"][:] == [1, 1.5, 2, 2.5, 3, 3.5]
    assert found.table["quality"][:] == [4, 3.5, 3, 2.5, 2, 1.5]
    assert found.quality_range == (0, 4)


def test_ids_and_content_do_not_depend_on_where_the_set_lies(ratings, build, tmp_path):
    ratings.pictures().write("here/t.csv")
    (tmp_path / "sub").rename(tmp_path / "here/sub")
    shutil.copytree(tmp_path / "here", tmp_path / "far/away")
    one, other = (build(data=tmp_path / place / "t.csv") for place in ("here", "far/away"))
    assert columns(one) == columns(other)
    assert fingerprint(one) == fingerprint(other)


def test_absolute_paths_leave_no_trace_of_the_machine_in_ids(ratings, build, tmp_path):
    ratings.pictures("inside").pictures("other")
    for place, names in (("other", ["c0.png", "b1.png"]), ("inside", ["sub/c0.png", "sub/b1.png"])):
        rows = [r | {"image": str(tmp_path / place / r["image"])} for r in ratings.rows[:2]]
        table = ratings.write("inside/t.csv", rows)
        assert build(data=table).table["sample_id"][:] == names


def test_backslashes_and_dots_in_file_names_are_understood(ratings, build, greys):
    ratings.pictures()
    rows = [r | {"image": ".\\" + r["image"].replace("/", "\\")} for r in ratings.rows]
    found = build(data=ratings.write("t.csv", rows))
    assert found.table["sample_id"][:] == [row["image"] for row in ratings.rows]
    assert greys(found)[5] == 15


def test_image_folder_says_where_file_names_begin(ratings, build, greys):
    ratings.pictures("pictures/all")
    found = build(data=ratings.write("t.csv"), image_folder="pictures/all")
    assert found.table["sample_id"][0] == ratings.rows[0]["image"]
    assert greys(found) == [10, 11, 12, 13, 14, 15]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_hugging_face_image_folder_is_read(ratings, build, greys, tmp_path, form):
    ratings.pictures()
    rows = [{"file_name": row["image"], "mos": row["mos"]} for row in ratings.rows]
    ratings.write(f"metadata.{form}", rows)
    assert greys(build(data=tmp_path)) == [10, 11, 12, 13, 14, 15]


def test_an_image_folder_in_parts_has_an_official_split(ratings, build, greys, tmp_path):
    for part, rows in (
        ("train", ratings.rows[:3]),
        ("validation", ratings.rows[3:5]),
        ("test", ratings.rows[5:]),
    ):
        ratings.pictures(part)
        named = [{"file_name": row["image"], "mos": row["mos"]} for row in rows]
        ratings.write(f"{part}/metadata.csv", named)
    found = build(data=tmp_path)
    split = make_split(found, "official", by="image", seed=0)
    assert [len(split.train), len(split.val), len(split.test)] == [3, 2, 1]
    train = [found.table["sample_id"][i] for i in split.train]
    assert train == [f"train/{row['image']}" for row in ratings.rows[:3]]
    assert sorted(greys(found)) == [10, 11, 12, 13, 14, 15]
    only = build(data=tmp_path, part="test")
    assert only.table["official_split"][:] == [None]


def test_pictures_inside_the_table_are_used_as_they_are(ratings, build, embedded, greys, tmp_path):
    table = embedded(ratings.rows)
    table.to_parquet(tmp_path / "t.parquet")
    table.save_to_disk(tmp_path / "saved")
    one, other = build(data=tmp_path / "t.parquet"), build(data=tmp_path / "saved")
    assert columns(one) == columns(other)
    assert greys(one) == greys(other) == [10, 11, 12, 13, 14, 15]
    assert one.table["sample_id"][:2] == ["c0.png", "b1.png"]
    assert fingerprint(one) == fingerprint(other)


def test_plain_bytes_are_pictures_named_by_their_row(ratings, build, embedded, greys, tmp_path):
    pictures = [
        cell["bytes"]
        for cell in embedded(ratings.rows).with_format("arrow")[:]["image"].to_pylist()
    ]
    rows = [
        {"shot": data, "mos": row["mos"]} for data, row in zip(pictures, ratings.rows, strict=True)
    ]
    found = build(data=ratings.write("t.parquet", rows), image="shot")
    assert found.table["sample_id"][:2] == ["row-000001", "row-000002"]
    assert greys(found) == [10, 11, 12, 13, 14, 15]


def test_a_saved_selection_has_its_own_rows(ratings, build, embedded, greys, tmp_path):
    embedded(ratings.rows).select([4, 1]).save_to_disk(tmp_path / "saved")
    assert greys(build(data=tmp_path / "saved")) == [14, 11]


def test_a_saved_set_of_paths_is_read_lazily(ratings, build, greys, tmp_path):
    ratings.pictures()
    rows = {
        "image": [str(tmp_path / row["image"]) for row in ratings.rows],
        "mos": [row["mos"] for row in ratings.rows],
    }
    table = datasets.Dataset.from_dict(rows).cast_column("image", datasets.Image())
    table.save_to_disk(tmp_path / "saved")
    found = build(data=tmp_path / "saved")
    assert greys(found) == [10, 11, 12, 13, 14, 15]
    assert found.table["sample_id"][0] == "c0.png"


def test_a_saved_set_in_parts_is_told_apart(ratings, build, embedded, tmp_path):
    parts = {"train": embedded(ratings.rows[:4]), "test": embedded(ratings.rows[:2], 4)}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "saved")
    found = build(data=tmp_path / "saved")
    assert found.table["official_split"][:] == ["train"] * 4 + ["test"] * 2
    assert found.table["sample_id"][4] == "test/c0.png"
    assert len(build(data=tmp_path / "saved", part="train").table) == 4


def test_parquet_files_of_a_folder_are_one_set_in_its_parts(ratings, build, embedded, tmp_path):
    (tmp_path / "data").mkdir()
    embedded(ratings.rows[:3]).to_parquet(tmp_path / "data/train-00000-of-00001.parquet")
    embedded(ratings.rows[3:]).to_parquet(tmp_path / "data/test-00000-of-00001.parquet")
    found = build(data=tmp_path)
    assert sorted(found.table["official_split"][:]) == ["test"] * 3 + ["train"] * 3


def test_every_column_is_taken_from_where_the_settings_say(ratings, build):
    rows = [
        row | {"kind": "blur", "step": i, "part": "Validation" if i else "train", "key": f"k{i}"}
        for i, row in enumerate(ratings.pictures().rows)
    ]
    found = build(
        data=ratings.write("t.xlsx", rows), distortion="kind", level="step", split="part", id="key"
    )
    table = columns(found)
    assert table["sample_id"] == ["k0", "k1", "k2", "k3", "k4", "k5"]
    assert table["distortion"] == ["blur"] * 6
    assert table["level"] == [0, 1, 2, 3, 4, 5]
    assert table["official_split"] == ["train"] + ["val"] * 5


def test_a_spreadsheets_csv_with_semicolons_and_a_byte_order_mark_is_read(ratings, build):
    ratings.pictures()
    text = "image;mos\r\n" + "".join(f'"{r["image"]}";{r["mos"]}\r\n' for r in ratings.rows)
    for encoding in ("utf-8-sig", "utf-16"):
        (ratings.folder / "t.csv").write_bytes(text.encode(encoding))
        assert len(build(data=ratings.folder / "t.csv").table) == 6


def test_pictures_that_are_absent_may_be_left_out_and_are_counted(ratings, build, greys):
    table = ratings.pictures().write("t.csv")
    (ratings.folder / ratings.rows[1]["image"]).unlink()
    found = build(data=table, allow_missing=1)
    assert greys(found) == [10, 12, 13, 14, 15]
    assert found.info["missing_images"] == "1 of 6 listed images absent, left out"


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).map(
    str.strip
)


@settings(max_examples=30)
@given(
    data=st.data(),
    names=st.lists(NAMES.filter(bool), min_size=6, max_size=6, unique=True),
    form=st.sampled_from(["csv", "jsonl", "parquet"]),
)
def test_whatever_columns_are_called_and_however_they_stand_they_mean_the_same(
    tmp_path_factory, build, data, names, form
):
    keys = ["image", "mos", "sd", "scene", "step", "key"]
    folder = tmp_path_factory.mktemp("any")
    count = data.draw(st.integers(1, 4))
    scores = data.draw(st.lists(st.floats(1, 5), min_size=count, max_size=count))
    rows = []
    for i, score in enumerate(scores):
        (folder / f"{i}.png").write_bytes(b"not opened")
        rows.append((f"{i}.png", score, i / 8, f"scene {i % 2}", i, f"id {i}"))
    order = data.draw(st.permutations(range(6)))
    table = [{names[k]: row[k] for k in order} for row in rows]
    from_support = _write(folder / f"t.{form}", table)
    called = dict(zip(keys, names, strict=True))
    found = build(
        data=from_support,
        image=called["image"],
        score=called["mos"],
        std=called["sd"],
        group=called["scene"],
        level=called["step"],
        id=called["key"],
    )
    held = columns(found)
    assert held["sample_id"] == [row[5] for row in rows]
    assert held["quality"] == [row[1] for row in rows]
    assert held["score_std"] == [row[2] for row in rows]
    assert held["reference"] == [row[3] for row in rows]
    assert held["level"] == [row[4] for row in rows]


def _write(path, rows):
    import csv
    import json

    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return path


def test_a_score_is_turned_by_the_range_and_its_order_reversed(ratings, build):
    table = ratings.pictures().write("t.csv")
    up, down = build(data=table), build(data=table, direction="lower-better")
    total = {u + d for u, d in zip(up.table["quality"][:], down.table["quality"][:], strict=True)}
    assert total == {5.0}
