"""Divisions that a user brings: what is read, how images are found, what is refused."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliqa.data import find_split, make_split, parted_groups, read_split, split_digest
from cliqa.errors import DataError

LIVE = [f"live/{kind}/img{i}.bmp" for kind in ("jp2k", "wn") for i in range(1, 7)]
PARTS = ("train", "val", "test")


def divided(ids):
    """Part -> ids, in a division that no protocol makes."""
    return {"train": ids[:6], "val": ids[6:8], "test": ids[8:]}


def as_json(parts):
    return json.dumps(parts, indent=1)


def as_csv(parts):
    stream = io.StringIO(newline="")
    rows = [("sample_id", "part"), *((i, p) for p, ids in parts.items() for i in ids)]
    csv.writer(stream).writerows(rows)
    return stream.getvalue()


def write_lists(folder, parts, name=lambda part: f"live_{part}.txt", end="\r"):
    """Lists as authors release them: path, mean and deviation, lines that end as on old Macs."""
    folder.mkdir(exist_ok=True, parents=True)
    for part, ids in parts.items():
        lines = [f"{i.removeprefix('live/')}\t{50 + n:.6f}\t2.500000" for n, i in enumerate(ids)]
        (folder / name(part)).write_bytes("".join(line + end for line in lines).encode())


def read(dataset, path, task="live", *, own=False, **options):
    return read_split(dataset, find_split(path, task, own=own), **options)


def ids_of(dataset, split):
    ids = dataset.table["sample_id"][:]
    return {part: [ids[row] for row in getattr(split, part)] for part in PARTS}


@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.parametrize("place", ["file", "folder", "subfolder"])
def test_a_file_is_read_wherever_it_may_lie(make_rows, tmp_path, form, place):
    parts = divided(LIVE)
    folder = tmp_path / "Live" if place == "subfolder" else tmp_path
    folder.mkdir(exist_ok=True)
    file = folder / f"LIVE.{form}"
    file.write_text({"json": as_json, "csv": as_csv}[form](parts))
    (tmp_path / "csiq.json").write_text("nothing of ours")
    dataset = make_rows(LIVE)
    split, record = read(dataset, file if place == "file" else tmp_path)
    assert ids_of(dataset, split) == parts
    assert [name for name, _ in record.files] == [f"LIVE.{form}"]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_lists_as_authors_release_them_are_read_whatever_ends_their_lines(make_rows, tmp_path, end):
    write_lists(tmp_path, divided(LIVE), end=end)
    dataset = make_rows(LIVE)
    split, record = read(dataset, tmp_path)
    assert ids_of(dataset, split) == divided(LIVE)
    assert [name for name, _ in record.files] == [f"live_{part}.txt" for part in PARTS]


def test_the_list_of_images_is_read_and_not_that_of_pairs_beside_it(make_rows, tmp_path):
    """Released folders hold `live_train.txt` with pairs and `live_train_score.txt` with images."""
    names = {"train": "live_train_score.txt"}
    write_lists(tmp_path, divided(LIVE), lambda part: names.get(part, f"live_{part}.txt"))
    pair = "jp2k/img1.bmp\twn/img2.bmp\t0.5\t3.6\t2.4\t0\r"
    (tmp_path / "live_train.txt").write_text(pair)
    dataset = make_rows(LIVE)
    assert ids_of(dataset, read(dataset, tmp_path)[0]) == divided(LIVE)
    (tmp_path / "live_train_score.txt").unlink()
    with pytest.raises(DataError, match=r"live_train\.txt:1: .* list of pairs"):
        read(dataset, tmp_path)


def test_a_folder_of_one_task_may_call_its_lists_anything(make_rows, tmp_path):
    write_lists(tmp_path, divided(LIVE), lambda part: f"{part}.txt")
    dataset = make_rows(LIVE)
    assert ids_of(dataset, read(dataset, tmp_path, own=True)[0]) == divided(LIVE)
    with pytest.raises(DataError, match=r"no division for the task `live`; looked for live\.json"):
        read(dataset, tmp_path)


def test_lists_of_many_sets_may_lie_in_one_folder(make_rows, tmp_path):
    write_lists(tmp_path, divided(LIVE))
    ids = [f"koniq-10k/{i}.jpg" for i in range(12)]
    lists = {
        part: [f"1024x768/{i.split('/')[1]}" for i in part_ids]
        for part, part_ids in divided(ids).items()
    }
    write_lists(tmp_path, lists, lambda part: f"koniq10k_{part}.txt")
    dataset = make_rows(ids)
    assert ids_of(dataset, read(dataset, tmp_path, "koniq-10k")[0]) == divided(ids)


@pytest.mark.parametrize(
    "listed",
    [
        "CSIQ/sunset.AWGN.1.PNG",
        "dst_imgs/awgn/sunset.AWGN.1.png",
        "sunset.awgn.1.png",
        "dst_imgs\\awgn\\sunset.AWGN.1.png",
        "./sunset.AWGN.1.png",
    ],
)
def test_an_image_is_found_by_the_end_of_its_id_in_any_case(make_rows, tmp_path, listed):
    ids = ["csiq/sunset.awgn.1.png", "csiq/sunset.awgn.2.png", "csiq/1600.awgn.1.png"]
    parts = {"train": [listed], "val": ids[1:2], "test": ids[2:]}
    (tmp_path / "csiq.json").write_text(as_json(parts))
    split, _ = read(make_rows(ids), tmp_path, "csiq")
    assert split.train == (0,)


def refusal(make_rows, tmp_path, text, form="json", ids=LIVE, **options):
    file = tmp_path / f"live.{form}"
    file.write_text(text)
    with pytest.raises(DataError) as caught:
        read(make_rows(ids), file, **options)
    return str(caught.value).replace(str(tmp_path) + "/", "")


def test_every_unknown_twofold_and_ambiguous_image_is_told_with_its_line(make_rows, tmp_path):
    parts = divided(LIVE)
    rows = as_csv(parts).splitlines()
    rows[3:3] = ["live/jp2k/img99.bmp,train", "img1.bmp,test"]
    rows.append(f"{LIVE[0]},test")
    told = refusal(make_rows, tmp_path, "\n".join(rows), "csv")
    assert "live.csv:4: `live/jp2k/img99.bmp` is no image of dataset `rows`" in told
    assert "live.csv:5: `img1.bmp` could be any of 2 images" in told
    assert f"live.csv:16: `{LIVE[0]}` is put into test, but was named before (train, " in told
    assert "live.csv:2)" in told


def test_lines_of_json_are_counted_through_escapes_and_line_ends(make_rows, tmp_path):
    text = '{"test": ["a\\"b.png",\r\n"c\\u00e9.png"],\n\n"val": ["d.png"\n],"train":\n["x.png"]}'
    told = refusal(make_rows, tmp_path, text, ids=['a"b.png', "cé.png", "d.png", "e.png"])
    assert "live.json:6: `x.png` is no image" in told
    assert "`e.png`" in told


def test_images_in_no_part_must_be_allowed_by_their_number(make_rows, tmp_path):
    parts = divided(LIVE) | {"train": LIVE[:4]}
    told = refusal(make_rows, tmp_path, as_json(parts))
    assert "2 of 12 images of `rows` are in no part" in told
    assert "`stream.split.allow_unlisted: 2`" in told
    assert refusal(make_rows, tmp_path, as_json(parts), allow_unlisted=1) == told
    dataset = make_rows(LIVE)
    split, record = read(dataset, tmp_path, allow_unlisted=2)
    assert ids_of(dataset, split) == parts
    assert record.left_out == 2


@pytest.mark.parametrize(
    ("form", "text", "told"),
    [
        ("json", '{"train": [],\n"val" []}', r"live.json:2: this is no JSON"),
        ("json", '{"train": ["a"], "val": ["b"]}', r"each of the three once"),
        ("json", '{"train": ["a"], "val": ["b"], "test": ["c"], "test": ["d"]}', r"the three once"),
        ("json", '{"train": ["a"], "val": ["b"], "test": [3]}', r"lists of sample ids"),
        ("json", '["a", "b"]', r"lists of sample ids"),
        ("json", "3", r"lists of sample ids"),
        ("csv", "image,fold\n", r"live.csv:1: the first line must name the columns"),
        ("csv", "", r"live.csv:1: the first line must name the columns"),
        ("csv", "sample_id,part\n\na,b,c\nx,later\n", r"live.csv:3: there is no part `b`"),
        ("csv", "sample_id,part\nx\n", r"live.csv:2: expected a sample id and a part"),
    ],
)
def test_a_file_of_another_form_is_refused_with_its_line(make_rows, tmp_path, form, text, told):
    assert told in refusal(make_rows, tmp_path, text, form)


def test_a_part_without_images_is_refused(make_rows, tmp_path):
    parts = divided(LIVE) | {"val": []}
    told = refusal(make_rows, tmp_path, as_json(parts), allow_unlisted=2)
    assert "no image is in val; each part needs one" in told


def test_two_divisions_for_one_task_are_refused(make_rows, tmp_path):
    (tmp_path / "live.json").write_text(as_json(divided(LIVE)))
    write_lists(tmp_path / "live", divided(LIVE))
    with pytest.raises(DataError, match=r"several divisions .* live\.json; live_train\.txt"):
        read(make_rows(LIVE), tmp_path)


def test_an_incomplete_set_of_lists_is_refused(make_rows, tmp_path):
    write_lists(tmp_path, {"train": LIVE[:6], "test": LIVE[6:]})
    with pytest.raises(DataError, match=r"no list for val beside live_test\.txt, live_train\.txt"):
        read(make_rows(LIVE), tmp_path)


@given(seed=st.integers(0, 10**6), shuffle=st.randoms())
def test_a_division_survives_writing_and_reading_whatever_the_order_of_rows(
    make_rows, tmp_path_factory, seed, shuffle
):
    ids = [f"set/{i}.png" for i in range(20)]
    references = [f"content {i % 9}" for i in range(20)]
    dataset = make_rows(ids, references)
    split = make_split(dataset, "70/10/20", by="reference", seed=seed)
    file = tmp_path_factory.mktemp("splits") / "set.json"
    file.write_text(as_json(ids_of(dataset, split)))
    order = shuffle.sample(range(20), 20)
    other = make_rows([ids[i] for i in order], [references[i] for i in order])
    again, _ = read(other, file, "set")
    digests = {split_digest(d.table["sample_id"], s) for d, s in ((dataset, split), (other, again))}
    assert len(digests) == 1
    assert parted_groups(other, again) == []


def test_contents_in_two_parts_are_named(make_rows, tmp_path):
    references = ["a", "a", "b", "b", "c", "c", "d", None, None, "e", "e", "d"]
    (tmp_path / "live.json").write_text(as_json(divided(LIVE)))
    dataset = make_rows(LIVE, references)
    assert parted_groups(dataset, read(dataset, tmp_path)[0]) == ["d"]


def test_the_record_names_files_without_their_folder(make_rows, tmp_path):
    write_lists(tmp_path, divided(LIVE))
    _, record = read(make_rows(LIVE), tmp_path)
    assert record.dump()["source"] == "files"
    assert str(tmp_path) not in json.dumps(record.dump())
    assert {len(file["sha256"]) for file in record.dump()["files"]} == {64}
