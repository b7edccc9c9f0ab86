"""An archive of a stranger is unpacked whole into its folder, or refused and nothing is left."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile

import pytest
from cliqa_iqa import unpack as module
from cliqa_iqa.unpack import is_archive, unpack
from hypothesis import given
from hypothesis import strategies as st

from cliqa.errors import DataError

PARTS = st.text("ab.-_ ü", min_size=1, max_size=4).filter(lambda p: p not in (".", ".."))


def zipped(path, *members):
    """A zip of (name or ZipInfo, content)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def tarred(path, *members, mode="w:gz"):
    """A tar of (name or TarInfo, content)."""
    with tarfile.open(path, mode) as file:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return path


def entry(name, kind, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@given(
    st.dictionaries(st.lists(PARTS, min_size=1, max_size=3).map("/".join), st.binary(max_size=40))
)
def test_what_is_packed_comes_out(tmp_path_factory, files):
    clash = any(a != b and b.startswith(f"{a}/") for a in files for b in files)
    if clash or not files:
        return
    folder = tmp_path_factory.mktemp("packed")
    for archive in (
        zipped(folder / "a.zip", *files.items()),
        tarred(folder / "a.tgz", *files.items()),
    ):
        target = folder / f"{archive.name}.out"
        unpack(archive, target, fault=DataError)
        found = {
            p.relative_to(target).as_posix(): p.read_bytes()
            for p in target.rglob("*")
            if p.is_file()
        }
        assert found == files


def refused(archive, tmp_path):
    """The message, once nothing is left and nothing was made outside."""
    before = set(tmp_path.rglob("*"))
    with pytest.raises(DataError) as caught:
        unpack(archive, tmp_path / "deep/out", fault=DataError)
    assert set(tmp_path.rglob("*")) - before <= {tmp_path / "deep"}
    return str(caught.value)


@pytest.mark.parametrize("make", [zipped, tarred])
@pytest.mark.parametrize(
    "name", ["../out.txt", "a/../../out.txt", "/out.txt", "C:/out.txt", "a\\..\\out.txt"]
)
def test_a_name_that_leads_outside_is_refused(tmp_path, make, name):
    text = refused(make(tmp_path / "a.arc", ("fine.txt", b"1"), (name, b"2")), tmp_path)
    assert "is refused: `" in text
    assert "leads out of the folder" in text or "is no relative path" in text


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "a device or the like"),
        (tarfile.BLKTYPE, "a device or the like"),
        (tarfile.FIFOTYPE, "a device or the like"),
    ],
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind, said):
    archive = tarred(tmp_path / "a.tar", (entry("x", kind, "/etc/passwd"), b""), mode="w")
    assert f"`x` is {said}" in refused(archive, tmp_path)


def test_a_link_in_a_zip_is_refused(tmp_path):
    info = zipfile.ZipInfo("x")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert "`x` is a link" in refused(zipped(tmp_path / "a.zip", (info, "/etc/passwd")), tmp_path)


@pytest.mark.parametrize("make", [zipped, tarred])
def test_an_archive_that_grows_beyond_measure_is_refused(tmp_path, make, monkeypatch):
    monkeypatch.setattr(module, "_ALWAYS", 1000)
    archive = make(tmp_path / "a.arc", ("x", bytes(1 << 20)))
    assert "more than 20 times its own size" in refused(archive, tmp_path)


@pytest.mark.parametrize("make", [zipped, tarred])
def test_too_many_files_are_refused(tmp_path, make, monkeypatch):
    monkeypatch.setattr(module, "_FILES", 2)
    archive = make(tmp_path / "a.arc", ("x", b""), ("y", b""), ("z", b""))
    assert "more than 2 files" in refused(archive, tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_file_that_is_there_twice_is_refused(tmp_path, make):
    assert "holds `x` twice" in refused(make(tmp_path / "a", ("x", b"1"), ("x", b"2")), tmp_path)


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_damaged_archive_is_told(tmp_path, make):
    archive = make(tmp_path / "a", ("x", os.urandom(9000)))
    whole = archive.read_bytes()
    archive.write_bytes(whole[:4000] + b"damage" + whole[4006:])
    assert "cannot be unpacked" in refused(archive, tmp_path)
    archive.write_bytes(whole[:5000])
    assert "cannot be unpacked" in refused(archive, tmp_path)


def test_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / "out.part").mkdir()
    (tmp_path / "out.part/half").touch()
    unpack(zipped(tmp_path / "a.zip", ("x", b"1")), tmp_path / "out", fault=DataError)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["x"]
    assert not (tmp_path / "out.part").exists()


def test_a_spreadsheet_or_a_score_list_is_no_archive(tmp_path):
    zipped(tmp_path / "a.xlsx", ("x", b"1"))
    (tmp_path / "a.csv").write_text("name,mos\n")
    (tmp_path / "empty").touch()
    assert not any(is_archive(tmp_path / name) for name in ("a.xlsx", "a.csv", "empty"))
