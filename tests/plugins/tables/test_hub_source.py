"""A dataset of the Hub, through its own client, at a server on this machine."""

from __future__ import annotations

import io

import pytest

from cliqa.errors import DataError


def files_of(embedded, rows, **parts):
    """A repository as `push_to_hub` leaves it."""
    made = {}
    for part, (start, stop) in parts.items():
        stream = io.BytesIO()
        embedded(rows[start:stop], start).to_parquet(stream)
        made[f"data/{part}-00000-of-00001.parquet"] = stream.getvalue()
    return made | {"set.py": b"raise SystemExit('run')", "README.md": b"# A set\n"}


def test_a_hub_table_is_the_table_and_the_result_names_the_commit(
    fake_hub, ratings, build, embedded, greys
):
    commit = fake_hub.add("owner/set", files_of(embedded, ratings.rows, train=(0, 6)))
    for revision in (commit, "main"):
        found = build(hub="owner/set", revision=revision)
        assert greys(found) == [10, 11, 12, 13, 14, 15]
        assert found.table["official_split"][:] == [None] * 6
        assert found.info["source"] == f"owner/set at {commit}"
    assert not any("set.py" in request for request in fake_hub.requests)


def test_its_parts_are_the_official_split_and_one_can_be_chosen(fake_hub, ratings, build, embedded):
    fake_hub.add("owner/set", files_of(embedded, ratings.rows, train=(0, 4), test=(4, 6)))
    whole = build(hub="owner/set", revision="main")
    assert sorted(whole.table["official_split"][:]) == ["test"] * 2 + ["train"] * 4
    assert len(build(hub="owner/set", revision="main", part="test").table) == 2
    one = build(hub="owner/set", revision="main", files=["data/test-*"])
    assert one.table["sample_id"][:] == [row["image"][4:] for row in ratings.rows[4:]]


def test_an_image_folder_or_a_table_inside_the_repository_is_read(fake_hub, ratings, build, greys):
    ratings.pictures()
    pictures = {
        f"x/{row['image']}": (ratings.folder / row["image"]).read_bytes() for row in ratings.rows
    }
    table = ratings.write("scores.csv").read_bytes()
    fake_hub.add("owner/set", pictures | {"x/scores.csv": table})
    found = build(hub="owner/set", revision="main", data="x/scores.csv")
    assert greys(found) == [10, 11, 12, 13, 14, 15]
    assert found.table["sample_id"][0] == ratings.rows[0]["image"]


@pytest.mark.parametrize("name", ["../../../secret.png", "/etc/passwd", "a/../../secret.png"])
def test_a_downloaded_table_cannot_name_files_outside(fake_hub, build, name):
    fake_hub.add("owner/set", {"metadata.csv": f"file_name,mos\n{name},1\n".encode()})
    with pytest.raises(DataError, match="leads out of what was downloaded"):
        build(hub="owner/set", revision="main")
    with pytest.raises(DataError, match="leads out of owner/set"):
        build(hub="owner/set", revision="main", data="../../x.csv")


def test_without_hub_and_cache_local_files_are_proposed(fake_hub, build):
    fake_hub.stop()
    with pytest.raises(DataError, match=r"^dataset `rated-images`: owner/set .*`data: FOLDER`\)$"):
        build(hub="owner/set", revision="main")


def test_a_repository_that_holds_a_program_and_no_table_is_told(fake_hub, build):
    fake_hub.add("owner/set", {"set.py": b"raise SystemExit('run')"})
    with pytest.raises(DataError, match=r"has no file like README.md, \*.csv"):
        build(hub="owner/set", revision="main")
