"""The Hub's own client, at a server on this machine: what is fetched, and what is said if not."""

import re

import pytest

from cliqa.errors import DataError
from cliqa.hub import check_revision, hub_files, hub_folder

ASKING = {"asker": "dataset `toy`", "advice": "use a folder"}
FILES = {"a/scores.csv": b"image,mos\n", "pictures.zip": b"zip", "run.py": b"raise SystemExit"}


def test_files_are_fetched_once_and_their_commit_is_told(fake_hub):
    commit = fake_hub.add("owner/set", FILES)
    for revision in (commit, "main"):
        got = hub_files("owner/set", revision, ["a/scores.csv", "pictures.zip"], **ASKING)
        assert got.commit == commit
        assert [path.read_bytes() for path in got.paths] == [b"image,mos\n", b"zip"]
    assert sum(r.startswith("GET") and "pictures.zip" in r for r in fake_hub.requests) == 1


def test_a_branch_is_looked_up_once_for_all_files(fake_hub, monkeypatch):
    """Otherwise a commit made in between would mix two versions of a set."""
    first = fake_hub.add("owner/set", FILES)
    answer, told = fake_hub._answer, []

    def move_on(method, path):
        reply = answer(method, path)
        if "scores.csv" in path and method == "GET" and not told:
            told.append(fake_hub.add("owner/set", {"pictures.zip": b"new"}, word="second"))
        return reply

    monkeypatch.setattr(fake_hub, "_answer", move_on)
    got = hub_files("owner/set", "main", ["a/scores.csv", "pictures.zip"], **ASKING)
    assert (got.commit, got.paths[1].read_bytes()) == (first, b"zip")
    assert hub_files("owner/set", "main", ["pictures.zip"], **ASKING).commit == told[0]


def test_of_a_folder_only_what_is_wanted_is_fetched(fake_hub):
    commit = fake_hub.add("owner/set", FILES)
    folder = hub_folder("owner/set", "main", ["*.csv", "*.zip"], **ASKING)
    assert folder.commit == commit
    there = {p.relative_to(folder.path).as_posix() for p in folder.path.rglob("*") if p.is_file()}
    assert there == {"a/scores.csv", "pictures.zip"}


def test_what_was_fetched_before_changes_nothing_about_what_is_wanted_now(fake_hub):
    fake_hub.add("owner/set", FILES)
    hub_folder("owner/set", "main", ["*"], **ASKING)
    folder = hub_folder("owner/set", "main", ["*.csv"], **ASKING)
    assert [p.name for p in folder.path.rglob("*") if p.is_file()] == ["scores.csv"]
    assert folder == hub_folder("owner/set", "main", ["*.csv"], **ASKING)


def test_what_is_in_the_cache_needs_no_hub(fake_hub):
    commit = fake_hub.add("owner/set", FILES)
    for revision in (commit, "main"):
        hub_files("owner/set", revision, ["pictures.zip"], **ASKING)
        hub_folder("owner/set", revision, ["*.csv"], **ASKING)
    fake_hub.stop()
    for revision in (commit, "main"):
        got = hub_files("owner/set", revision, ["pictures.zip"], **ASKING)
        folder = hub_folder("owner/set", revision, ["*.csv"], **ASKING)
        assert got.commit == folder.commit == commit


@pytest.mark.parametrize("fetch", [hub_files, hub_folder])
def test_without_hub_and_cache_one_sentence_says_what_to_do(fake_hub, fetch):
    fake_hub.stop()
    with pytest.raises(DataError) as caught:
        fetch("owner/set", "main", ["scores.csv"], **ASKING)
    told = str(caught.value)
    assert re.match(r"dataset `toy`: .*owner/set at main is not in the cache of this machine", told)
    assert told.endswith("run once with a network, or use a folder")
    assert "\n" not in told


@pytest.mark.parametrize("fetch", [hub_files, hub_folder])
@pytest.mark.parametrize(
    ("repository", "revision", "told"),
    [
        ("owner/none", "main", "there is no dataset http.*/datasets/owner/none, or it is private"),
        ("owner/set", "0" * 40, "has no revision `0{40}`; take a commit hash from"),
        ("owner/set", "v9", "has no revision `v9`; take a commit hash from"),
        ("owner/gated", "main", r"access to .*owner/gated must be requested there; .*HF_TOKEN"),
        ("owner/se--t", "main", "is no name on the Hub"),
    ],
)
def test_what_the_hub_refuses_is_told_with_the_way_out(fake_hub, fetch, repository, revision, told):
    fake_hub.add("owner/set", FILES)
    fake_hub.add("owner/gated", FILES)
    fake_hub.gate("owner/gated")
    with pytest.raises(DataError, match=rf"^dataset `toy`: .*{told}"):
        fetch(repository, revision, ["scores.csv"], **ASKING)


def test_a_file_that_is_not_there_is_told_with_those_that_are(fake_hub):
    fake_hub.add("owner/set", FILES)
    with pytest.raises(DataError, match=r"has no file `picture.zip`") as caught:
        hub_files("owner/set", "main", ["picture.zip"], **ASKING)
    told = str(caught.value)
    assert "Did you mean `pictures.zip`? It has a/scores.csv, pictures.zip, run.py" in told
    with pytest.raises(DataError, match=r"has no file like \*.parquet$"):
        hub_folder("owner/set", "main", ["*.parquet"], **ASKING)


def test_no_revision_is_refused_with_where_to_find_one():
    with pytest.raises(ValueError, match=r"/datasets/owner/set/commits/main, or `revision: main`"):
        check_revision("owner/set", None)
    check_revision("owner/set", "main")
