"""Files appear whole, in the right place, with exactly the documented content."""

import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cliqa.errors import ResultError
from cliqa.results import BundleWriter, check_sums, load_bundle
from cliqa.results.files import write_atomic

ENDLESS = """
import sys
from pathlib import Path
from cliqa.results import BundleWriter
writer = BundleWriter(Path(sys.argv[1]))
n = 0
while True:
    n += 1
    writer.write_json("state.json", {"n": n, "fill": [n] * 20000})
    writer.log({"n": n, "fill": [n] * 500})
    if n == 1:
        print("ready", flush=True)
"""


def test_a_killed_writer_leaves_old_or_new_content_and_a_readable_log(tmp_path):
    counts = []
    for round_ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", ENDLESS, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as process:
            process.stdout.readline()
            time.sleep(0.05 + 0.013 * round_)
            process.send_signal(signal.SIGKILL)
        state = json.loads((tmp_path / "state.json").read_text())
        assert state["fill"] == [state["n"]] * 20000
        lines = (tmp_path / "train_log.jsonl").read_bytes().split(b"\n")[:-1]
        counts.append(len([json.loads(line) for line in lines]))
    assert counts == sorted(set(counts))  # every start appended, none overwrote


def test_a_log_line_that_was_cut_off_is_dropped_before_the_next_one(tmp_path):
    writer = BundleWriter(tmp_path)
    writer.log({"n": 1})
    with (tmp_path / "train_log.jsonl").open("ab") as file:
        file.write(b'{"n": 2, "lo')
    BundleWriter(tmp_path).log({"n": 3})
    assert (tmp_path / "train_log.jsonl").read_text() == '{"n": 1}\n{"n": 3}\n'


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (errno.ENOSPC, "no space is left on the device; free some, or name another --out"),
        (errno.EACCES, "permission denied; name a folder that you may write to"),
        (errno.EROFS, "the file system is read-only; name another --out"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_a_failed_write_is_one_sentence_and_keeps_the_old_content(tmp_path, code, cause):
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail(file):
        file.write(b"half")
        raise OSError(code, os.strerror(code))

    with pytest.raises(ResultError) as error:
        write_atomic(path, fail)
    assert str(error.value) == f"cannot write {path}: {cause}"
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_the_mode_of_a_file_follows_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        BundleWriter(tmp_path).write_config("a: 1\n")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "config.yaml").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "relative",
    ["../x", "/x", "a/../x", "./x", "", "a//b", "a\\b", "c:x", "a\nb", "SHA256SUMS", "compare/a/x"],
)
def test_nothing_is_written_outside_the_folder_or_over_its_markers(tmp_path, relative):
    writer = BundleWriter(tmp_path / "run")
    with pytest.raises(ResultError, match=r"cannot name a file|may write by itself"):
        writer.write_bytes(relative, b"x")


def test_a_link_inside_the_folder_is_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    writer = BundleWriter(tmp_path / "run")
    (tmp_path / "run" / "splits").symlink_to(outside)
    with pytest.raises(ResultError, match="leads through a link"):
        writer.write_split("live", {})
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("label", ["../x", "a/b", "", ".hidden", "-rf", "a\nb", "x" * 200, "end."])
def test_a_label_that_cannot_name_a_file_is_refused(tmp_path, label):
    writer = BundleWriter(tmp_path)
    with pytest.raises(ResultError, match="cannot name a file"):
        writer.write_split(label, {})
    with pytest.raises(ResultError, match="cannot name a file"):
        writer.checkpoint_path(label)


@pytest.mark.parametrize("label", ["live", "KADID-10K", "blur + noise", "Größe", "v1.2_x,y=3@a"])
def test_ordinary_labels_name_files(tmp_path, label):
    writer = BundleWriter(tmp_path)
    writer.write_split(label, {"test": ["a"]})
    assert json.loads((tmp_path / "splits" / f"{label}.json").read_text()) == {"test": ["a"]}


def test_numpy_and_nan_become_strict_json(tmp_path):
    writer = BundleWriter(tmp_path)
    writer.write_run(
        {
            "seed": np.int64(3),
            "array": np.array([[1.0, np.nan], [np.inf, 2.0]]),
            "folder": tmp_path,
            "set": {"b", "a"},
            "flag": np.bool_(True),
            "label": "é",
        }
    )
    assert json.loads((tmp_path / "run.json").read_text("utf-8")) == {
        "schema_version": 1,
        "seed": 3,
        "array": [[1.0, None], [None, 2.0]],
        "folder": str(tmp_path),
        "set": ["a", "b"],
        "flag": True,
        "label": "é",
    }


SCHEMAS = {
    "predictions": [
        ("step", pa.int32()),
        ("task", pa.string()),
        ("gate", pa.string()),
        ("sample_id", pa.string()),
        ("score", pa.float32()),
    ],
    "heads": [
        ("step", pa.int32()),
        ("task", pa.string()),
        ("sample_id", pa.string()),
        ("head", pa.int32()),
        ("score", pa.float32()),
    ],
    "weights": [
        ("step", pa.int32()),
        ("task", pa.string()),
        ("gate", pa.string()),
        ("sample_id", pa.string()),
        ("head", pa.int32()),
        ("weight", pa.float32()),
    ],
    "labels": [("task", pa.string()), ("sample_id", pa.string()), ("quality", pa.float64())],
}
VALUES = {
    "step": np.array([1, 2]),
    "head": [1, 2],
    "task": np.array(["live", "csiq"]),
    "gate": ["kg", "kg"],
    "sample_id": ["a", "b"],
    "score": np.array([0.1, 0.2]),
    "weight": np.array([0.5, 0.5], dtype=np.float32),
    "quality": [3, 4],
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_table_has_exactly_the_documented_columns_whatever_is_given(tmp_path, name):
    columns = {column: VALUES[column] for column, _ in reversed(SCHEMAS[name])}
    getattr(BundleWriter(tmp_path), f"write_{name}")(columns)
    schema = pq.read_schema(tmp_path / f"{name}.parquet")
    assert [(field.name, field.type) for field in schema] == SCHEMAS[name]
    assert not any(field.nullable for field in schema)
    table = pq.read_table(tmp_path / f"{name}.parquet").to_pydict()
    for column, kind in SCHEMAS[name]:
        assert table[column] == np.array(VALUES[column], kind.to_pandas_dtype()).tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": None}, "got step, task, gate, sample_id"),
        ({"extra": [1, 2]}, "must have the columns"),
        ({"score": [0.1]}, "cannot hold"),
        ({"score": ["a", "b"]}, "cannot hold"),
        ({"step": [0.5, 1.5]}, "cannot hold"),
        ({"task": ["live", None]}, "no nulls; there are some in task"),
    ],
)
def test_a_table_with_wrong_columns_is_refused(tmp_path, change, message):
    columns = {column: VALUES[column] for column, _ in SCHEMAS["predictions"]} | change
    columns = {name: values for name, values in columns.items() if values is not None}
    with pytest.raises(ResultError, match=message):
        BundleWriter(tmp_path).write_predictions(columns)
    assert not (tmp_path / "predictions.parquet").exists()


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs coreutils")
def test_sha256sum_itself_accepts_the_sums(finished):
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"],  # noqa: S607 - found above
        cwd=finished,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 8


def test_sums_list_every_file_of_the_run_sorted_without_themselves_and_nested_runs(
    tmp_path, write_run
):
    write_run(tmp_path / "compare" / "lwf")
    writer = write_run(tmp_path, finish=False)
    writer.write_bytes("report/table.md", b"|")
    BundleWriter(tmp_path).finish()  # another process, which did not write the report
    names = [line.split("  ")[1] for line in (tmp_path / "SHA256SUMS").read_text().splitlines()]
    assert names == sorted(names)
    assert set(names) == {
        "checkpoints/step-1.safetensors",
        "config.yaml",
        "labels.parquet",
        "metrics.json",
        "predictions.parquet",
        "report/table.md",
        "run.json",
        "splits/live.json",
        "train_log.jsonl",
    }
    assert not (tmp_path / "UNFINISHED").exists()
    assert check_sums(tmp_path) == []
    assert load_bundle(tmp_path).finished


def test_a_run_without_its_essential_files_cannot_be_finished(tmp_path):
    writer = BundleWriter(tmp_path)
    writer.write_run({})
    with pytest.raises(ResultError, match=r"without config.yaml, predictions.parquet, metrics"):
        writer.finish()
    assert not (tmp_path / "SHA256SUMS").exists()
