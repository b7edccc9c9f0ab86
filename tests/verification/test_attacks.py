"""Hostile folders and zips, one attack each: refused with a fault, never followed, no crash."""

import io
import json
import os
import shutil
import struct
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cliqa.verification import Limits, Trust, Verifier
from cliqa.verification.names import name_fault
from cliqa.verification.strict import DamagedError, read_json, read_table, read_weights

LIMITS = Limits()


def zipped(bundle, path, *, change=None, extra=()):
    """A zip of the bundle; `change` may touch each entry, `extra` is added behind."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(p for p in bundle.rglob("*") if p.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(bundle).as_posix())
            entry.compress_type = zipfile.ZIP_DEFLATED
            if change:
                change(entry)
            archive.writestr(entry, file.read_bytes())
        for name, content in extra:
            archive.writestr(name, content)
    return path


def faults(verifier, path):
    found = verifier.verify(path)
    assert found.trust is Trust.REJECTED
    assert found.metrics is None
    assert found.identity is None
    assert not any("could not be checked to its end" in f.text for f in found.faults)
    return " | ".join(map(str, found.all_faults()))


@pytest.fixture(scope="module")
def small(bundle, tmp_path_factory):
    """The bundle without the methods beside it."""
    folder = tmp_path_factory.mktemp("small") / "bundle"
    shutil.copytree(bundle, folder, ignore=shutil.ignore_patterns("compare"))
    return folder


def test_a_zip_is_verified_like_its_folder_also_inside_one_folder(small, verifier, tmp_path):
    assert verifier.verify(zipped(small, tmp_path / "a.zip")).trust is Trust.RECOMPUTED
    path = zipped(small.parent, tmp_path / "b.zip")
    assert verifier.verify(path).trust is Trust.RECOMPUTED


@pytest.mark.parametrize(
    "name",
    [
        "../evil.json",
        "a/../../evil.json",
        "/etc/evil.json",
        "C:/evil.json",
        "..\\evil.json",
        "splits/\x1bevil.json",
        "splits/\u202egnp.json",
        "splits/con.json",
        "splits/a .json ",
        "splits//a.json",
        "splits/./a.json",
        "splits/e\u0301.json",
        "a" * 300 + ".json",
        "checkpoints/model.pkl",
        "plugin.py",
        ".git/config",
    ],
)
def test_odd_names_are_refused_and_nothing_is_written(small, verifier, tmp_path, name):
    path = zipped(small, tmp_path / "x.zip", extra=[(name, b"{}")])
    before = sorted(tmp_path.rglob("*"))
    assert faults(verifier, path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_nul_in_a_name_is_seen_although_python_cuts_it(small, verifier, tmp_path):
    path = zipped(small, tmp_path / "x.zip", extra=[("splits/aXb.json", b"{}")])
    path.write_bytes(path.read_bytes().replace(b"splits/aXb.json", b"splits/a\0b.json"))
    assert "U+0000" in faults(verifier, path)


def test_two_files_of_one_name_or_of_names_that_differ_in_case_are_refused(
    small, verifier, tmp_path
):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = zipped(small, tmp_path / "x.zip", extra=[("run.json", b"{}")])
    assert "twice" in faults(verifier, path)
    path = zipped(small, tmp_path / "y.zip", extra=[("RUN.json", b"{}")])
    assert "differ only in case" in faults(verifier, path)
    path = zipped(small, tmp_path / "z.zip", extra=[("run.json/x.json", b"{}")])
    assert "a file and a folder" in faults(verifier, path)


def test_a_link_in_a_zip_is_refused(small, verifier, tmp_path):
    link = zipfile.ZipInfo("splits/far2.json")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    path = zipped(small, tmp_path / "x.zip", extra=[(link, "/etc/passwd")])
    assert "link" in faults(verifier, path)


def test_a_bomb_is_refused_by_its_ratio_before_it_is_unpacked(small, verifier, tmp_path):
    path = zipped(small, tmp_path / "x.zip")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("splits/bomb.json", b"0" * (8 << 20))
    assert "unpack to" in faults(verifier, path)


def test_a_file_that_is_longer_than_the_zip_says_is_refused(small, verifier, tmp_path):
    path = zipped(small, tmp_path / "x.zip", change=lambda e: setattr(e, "compress_type", 8))
    content = bytearray(path.read_bytes())
    at = content.rindex(b"run.json") - 46  # its entry in the directory
    assert content[at : at + 4] == b"PK\1\2"
    size = struct.unpack_from("<L", content, at + 24)[0]
    struct.pack_into("<L", content, at + 24, size - 100)
    path.write_bytes(content)
    assert "run.json" in faults(verifier, path)


def test_files_of_a_zip_that_share_bytes_are_refused(small, verifier, tmp_path):
    path = zipped(small, tmp_path / "x.zip")
    content = bytearray(path.read_bytes())
    first = content.index(b"PK\1\2")
    second = content.index(b"PK\1\2", first + 4)
    struct.pack_into("<L", content, second + 42, struct.unpack_from("<L", content, first + 42)[0])
    path.write_bytes(content)
    assert "shares bytes" in faults(verifier, path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "no zip"), (b"PK\5\6", "no zip"), (b"hello" * 100, "no zip")],
)
def test_what_is_no_zip_is_refused(verifier, tmp_path, content, expected):
    (tmp_path / "x.zip").write_bytes(content)
    assert expected in faults(verifier, tmp_path / "x.zip")


def test_bytes_before_or_behind_a_zip_are_refused(small, verifier, tmp_path):
    path = zipped(small, tmp_path / "x.zip")
    content = path.read_bytes()
    path.write_bytes(b"#!/bin/sh\n" + content)
    assert "belong to none" in faults(verifier, path)
    path.write_bytes(content + b"more")
    assert "no zip" in faults(verifier, path)


def test_an_encrypted_or_oddly_packed_file_is_refused(small, verifier, tmp_path):
    path = zipped(small, tmp_path / "x.zip")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    assert "encrypted" in faults(verifier, path)
    with zipfile.ZipFile(tmp_path / "y.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("SHA256SUMS", b"")
    assert "method 14" in faults(verifier, tmp_path / "y.zip")


def test_too_many_and_too_large_files_are_refused(small, verifier, tmp_path):
    path = zipped(small, tmp_path / "x.zip")
    few = Verifier(verifier.registry, limits=Limits(files=5))
    assert "at most 5" in faults(few, path)
    assert "more than 5" in faults(few, small)
    short = Verifier(verifier.registry, limits=Limits(json=100))
    assert "at most 100 are read" in faults(short, small)
    tight = Verifier(verifier.registry, limits=Limits(total=1000))
    assert "at most 1,000" in faults(tight, small)


def test_links_and_devices_in_a_folder_are_refused_and_not_followed(work, verifier, tmp_path):
    secret = tmp_path / "secret.json"
    secret.write_text('{"password": "swordfish"}')
    (work.folder / "metrics.json").unlink()
    (work.folder / "metrics.json").symlink_to(secret)
    told = faults(verifier, work.folder)
    assert "it is a link" in told
    assert "swordfish" not in told
    work.restore()
    (work.folder / "splits/more.json").symlink_to(tmp_path)
    assert "it is a link" in faults(verifier, work.folder)
    work.restore()
    os.link(work.folder / "run.json", tmp_path / "other-name.json")
    assert "hard link" in faults(verifier, work.folder)
    (tmp_path / "other-name.json").unlink()
    os.mkfifo(work.folder / "splits/pipe.json")
    try:
        assert "no plain file" in faults(verifier, work.folder)
    finally:
        (work.folder / "splits/pipe.json").unlink()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": 1e999}', "not finite"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": 123456789012345678901234567890}', "64 bits"),
        (b"[" * 100_000, "deep"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "deep"),
        (b'{"a": "\\ud800"}', "U+D800"),
        (b'{"a": "\\u202e"}', "U+202E"),
        (b'{"a": "\\u0000"}', "U+0000"),
        (b"\xff\xfe", "UTF-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b'{"a": 1} x', "Extra data"),
    ],
)
def test_hostile_json_is_refused(text, expected):
    with pytest.raises(DamagedError, match=expected.replace("+", r"\+")):
        read_json(text, LIMITS)


def test_a_table_that_would_grow_without_bound_is_refused():
    """One long text, named by every row: 40 kB that are 4 GB as plain texts."""
    rows = 100_000
    long = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["x" * 40_000])
    table = pa.table(
        {
            "task": pa.array(["t"] * rows),
            "sample_id": long,
            "quality": pa.array([0.0] * rows),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink, store_schema=False)
    assert len(sink.getvalue()) < 200_000
    with pytest.raises(DamagedError, match="beyond"):
        read_table("labels.parquet", sink.getvalue(), LIMITS)


@pytest.mark.parametrize("kind", ["rows", "groups", "columns", "nulls", "truncated", "bidi"])
def test_a_hostile_table_is_refused(kind):
    ids = ["a", "b", "\u202ec" if kind == "bidi" else "c"]
    columns = {"task": ["t"] * 3, "sample_id": ids, "quality": [1.0, 2.0, 3.0]}
    if kind == "columns":
        columns["more"] = [{"deep": [1]}] * 3
    if kind == "nulls":
        columns["sample_id"] = ["a", None, "c"]
    pq.write_table(pa.table(columns), sink := io.BytesIO(), row_group_size=1)
    limits = Limits(rows=2) if kind == "rows" else Limits(row_groups=2 if kind == "groups" else 9)
    content = sink.getvalue()[:-20] if kind == "truncated" else sink.getvalue()
    with pytest.raises(DamagedError):
        read_table("labels.parquet", content, limits)


def weights(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def one(**changes):
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 7,
        weights(one(), b"\0" * 8, length=2**63),
        weights(one(), b"\0" * 8, length=10**6),
        weights(b"[]"),
        weights(one(), b"\0" * 4),
        weights(one(), b"\0" * 12),
        weights(one(data_offsets=[4, 12]), b"\0" * 12),
        weights(one(shape=[3]), b"\0" * 8),
        weights(one(shape=[-2, -1]), b"\0" * 8),
        weights(one(shape=[2**39] * 4), b"\0" * 8),
        weights(one(dtype="OBJECT"), b"\0" * 8),
        weights(one(data_offsets=[0]), b"\0" * 8),
        weights({**one(), "b": one()["a"]}, b"\0" * 8),
        weights({**one(), "__metadata__": {"x": 1}}, b"\0" * 8),
    ],
)
def test_a_hostile_header_of_weights_is_refused(content):
    with pytest.raises(DamagedError):
        read_weights(content, len(content), LIMITS)


def test_honest_weights_are_read():
    content = weights(one(), b"\0" * 8)
    tensors, _ = read_weights(content, len(content), LIMITS)
    assert tensors["a"]["numel"] == 2


def test_what_a_stranger_wrote_reaches_no_terminal_as_control_characters(work, verifier):
    work.write("splits/\x1b[31m.json", b"{}")
    try:
        told = faults(verifier, work.folder)
    finally:
        work.restore()
    assert "\x1b" not in told


def test_names_of_an_honest_bundle_are_none_of_these(work):
    assert [name_fault(name) for name in work.files] == [""] * len(work.files)
