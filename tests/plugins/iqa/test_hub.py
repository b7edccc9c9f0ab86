"""The sets from archives on the Hub, through its own client, at a server on this machine."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import threading
import zipfile

import datasets
import numpy as np
import pytest
from pydantic import ValidationError

from cliqa.data.table import check_table, fingerprint
from cliqa.errors import DataError

ARCHIVES = "chaofengc/IQA-PyTorch-Datasets"
TABLE = "xmba15/TID2013"
#: Set -> its archive there, as IQA-PyTorch's `dataset_api.py` and users of the repository name it.
NAMES = {
    "live": "live.tgz",
    "csiq": "csiq.tgz",
    "clive": "live_challenge.tgz",
    "koniq-10k": "koniq10k.tgz",
    "kadid-10k": "kadid10k.tgz",
    "tid2013": "tid2013.tgz",
    "spaq": "spaq.tgz",
    "agiqa-3k": "AGIQA-3K.zip",
}


def packed(folder, form) -> bytes:
    """A folder as an archive."""
    stream = io.BytesIO()
    if form == "zip":
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
            for path in sorted(folder.rglob("*")):
                file.write(path, path.relative_to(folder))
    else:
        with tarfile.open(fileobj=stream, mode="w:gz") as file:
            file.add(folder, "set")
    return stream.getvalue()


@pytest.fixture
def make(iqa, tmp_path):
    """`make(name)`: write a set, and say how many rated images it has."""

    def make(name):
        (tmp_path / "set").mkdir()
        return len(iqa.WRITERS[name](iqa.Disk(tmp_path / "set")))

    return make


@pytest.mark.parametrize("name", [*NAMES, "bid"])
def test_a_set_from_its_archive_is_the_set_from_a_folder(name, make, build, fake_hub, tmp_path):
    expect = make(name)
    file = NAMES.get(name, "BID.zip")
    commit = fake_hub.add(ARCHIVES, {file: packed(tmp_path / "set", file[-3:])})
    chosen = {"files": [file]} if name == "bid" else {}
    settings = {"scale": "1-5"} if name == "koniq-10k" else {}
    local = build(name, tmp_path / "set", expect=expect, **settings)
    for revision in (commit, "main"):
        found = build(
            name, None, source="hub", revision=revision, expect=expect, **chosen, **settings
        )
        check_table(found)
        assert fingerprint(found) == fingerprint(local)
        assert found.info["source"] == f"{ARCHIVES} at {commit}: {file}"


def test_an_archive_is_downloaded_and_unpacked_once(make, build, fake_hub, tmp_path):
    expect = make("kadid-10k")
    commit = fake_hub.add(ARCHIVES, {"kadid10k.tgz": packed(tmp_path / "set", "tgz")})
    settings = {"source": "hub", "revision": commit, "expect": expect}
    first = build("kadid-10k", None, **settings)
    stamp = [
        (p, p.stat().st_mtime_ns) for p in map(_path, first.table.with_format("arrow")[:]["image"])
    ]
    fake_hub.stop()
    second = build("kadid-10k", None, **settings)
    again = [
        (p, p.stat().st_mtime_ns) for p in map(_path, second.table.with_format("arrow")[:]["image"])
    ]
    assert stamp == again


def _path(cell):
    from pathlib import Path

    return Path(cell.as_py()["path"])


def test_several_at_once_unpack_one_copy(make, build, fake_hub, tmp_path):
    expect = make("tid2013")
    commit = fake_hub.add(ARCHIVES, {"tid2013.tgz": packed(tmp_path / "set", "tgz")})
    found, failed = [], []

    def one():
        try:
            found.append(build("tid2013", None, source="hub", revision=commit, expect=expect))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len({fingerprint(dataset) for dataset in found}) == 1
    place = _path(found[0].table.with_format("arrow")[:]["image"][0]).parents[2]
    assert sorted(p.name for p in place.parent.iterdir()) == ["tid2013.tgz", "tid2013.tgz.lock"]


def test_a_score_file_that_an_archive_lacks_can_lie_in_root(make, build, fake_hub, tmp_path):
    expect = make("agiqa-3k")
    own = tmp_path / "own"
    own.mkdir()
    (tmp_path / "set/data.csv").rename(own / "data.csv")
    fake_hub.add(ARCHIVES, {"AGIQA-3K.zip": packed(tmp_path / "set", "zip")})
    settings = {"source": "hub", "revision": "main", "expect": expect}
    with pytest.raises(DataError, match=r"no score file .*may hold pictures only.*as `root`"):
        build("agiqa-3k", None, **settings)
    assert len(build("agiqa-3k", own, **settings).table) == expect


def test_archive_and_score_file_may_be_two_files_of_a_repository(make, build, fake_hub, tmp_path):
    expect = make("agiqa-3k")
    scores = (tmp_path / "set/data.csv").read_bytes()
    (tmp_path / "set/data.csv").unlink()
    fake_hub.add(
        "my/sets", {"a/pictures.zip": packed(tmp_path / "set", "zip"), "a/data.csv": scores}
    )
    found = build(
        "agiqa-3k",
        None,
        source="hub",
        repository="my/sets",
        revision="main",
        files=["a/pictures.zip", "a/data.csv"],
        expect=expect,
    )
    assert len(found.table) == expect


@pytest.mark.parametrize("given", [{}, {"repository": "VQA-CityU/IQA_data"}])
def test_where_no_file_name_is_known_the_user_must_give_it(build, fake_hub, given):
    name = "kadid-10k" if given else "bid"
    with pytest.raises(DataError, match=r"is known to hold it: .*`files: \[NAME, ...\]`"):
        build(name, None, source="hub", revision="main", **given)
    assert not fake_hub.requests


def test_a_revision_must_be_written(build):
    with pytest.raises(
        ValidationError, match=r"`revision` is missing: .*IQA-PyTorch-Datasets/commits"
    ):
        build("live", None, source="hub")
    with pytest.raises(ValidationError, match=r"xmba15/TID2013/commits"):
        build("tid2013", None, source="hub-table")
    with pytest.raises(ValidationError, match="`revision` belongs to `source: hub`"):
        build("live", None, revision="main")


def test_without_hub_and_cache_one_message_names_the_folder_as_way_out(build, fake_hub):
    fake_hub.stop()
    with pytest.raises(DataError, match=r"^dataset `live`: `live.tgz` of .*`source: folder`\)$"):
        build("live", None, source="hub", revision="main")


def test_a_fresh_process_finds_the_hub_where_the_environment_says(make, fake_hub, tmp_path):
    """As users set it, without anything patched."""
    import os

    expect = make("csiq")
    fake_hub.add(ARCHIVES, {"csiq.tgz": packed(tmp_path / "set", "tgz")})
    code = (
        "from cliqa_iqa.csiq import build; from cliqa_iqa.config import FolderConfig; "
        f"d = build(FolderConfig(source='hub', revision='main', expect={expect})); "
        "print(len(d.table))"
    )
    place = {"HF_ENDPOINT": fake_hub.url, "HF_HOME": str(tmp_path / "home"), "NO_PROXY": "*"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | place, capture_output=True, text=True
    )
    assert done.stdout.strip() == str(expect), done.stderr
    assert (tmp_path / "home/assets").is_dir()


def table(truth, rows=None):
    """TID2013's table: pictures and scores without names, in the published order."""
    features = datasets.Features({"image": datasets.Image(), "score": datasets.Value("float32")})
    stream = io.BytesIO()
    chosen = truth[:rows]
    datasets.Dataset.from_dict(
        {"image": [t[1] for t in chosen], "score": [t[0] for t in chosen]}, features=features
    ).to_parquet(stream)
    return stream.getvalue()


@pytest.fixture(scope="module")
def two_contents():
    """Score and picture of 240 rows; the first score is the published one."""
    rng = np.random.default_rng(0)
    scores = [5.51429, *rng.uniform(0, 9, 239).round(5)]
    from PIL import Image

    def picture(i):
        stream = io.BytesIO()
        Image.new("RGB", (4, 4), (i, i, i)).save(stream, "PNG")
        return {"bytes": stream.getvalue(), "path": None}

    return [(score, picture(i)) for i, score in enumerate(scores)]


def test_the_table_of_tid2013_has_the_names_types_and_levels_of_the_folder(
    build, fake_hub, two_contents
):
    halves = {
        "data/train-00000-of-00002.parquet": table(two_contents[:100]),
        "data/train-00001-of-00002.parquet": table(two_contents[100:]),
    }
    commit = fake_hub.add(TABLE, halves)
    found = build("tid2013", None, source="hub-table", revision="main", expect=240)
    check_table(found)
    rows = found.table
    assert rows["sample_id"][:][0] == "tid2013/i01_01_1.bmp"
    for i, name in enumerate(rows["sample_id"][:]):
        reference, kind, level = name.removeprefix("tid2013/i").removesuffix(".bmp").split("_")
        assert rows["reference"][i] == f"tid2013/i{reference}"
        assert int(reference) - 1 == i // 120
        assert (int(kind), int(level)) == (i % 120 // 5 + 1, i % 5 + 1)
        assert rows["level"][i] == int(level)
        assert np.asarray(rows["image"][i])[0, 0, 0] == i
        assert rows["quality"][i] == pytest.approx(two_contents[i][0], abs=1e-6)
    assert rows["distortion"][35] == "gaussian_blur"
    assert found.quality_range == (0, 9)
    assert found.info["source"] == f"{TABLE} at {commit}"


def test_a_table_of_another_order_or_length_is_refused(build, fake_hub, two_contents):
    fake_hub.add(TABLE, {"t.parquet": table(two_contents[::-1])})
    settings = {"source": "hub-table", "revision": "main"}
    with pytest.raises(DataError, match="240 rows, expected 3000"):
        build("tid2013", None, **settings)
    with pytest.raises(DataError, match="its rows are in another order"):
        build("tid2013", None, **settings, expect=240)
    fake_hub.add(TABLE, {"t.parquet": b"nothing"}, word="second")
    with pytest.raises(DataError, match="is no table of the columns `image` and `score`"):
        build("tid2013", None, **settings)
