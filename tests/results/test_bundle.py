"""Reading a bundle, and noticing what was changed in it."""

import json
import subprocess
import sys

import pytest

from cliqa.errors import ResultError
from cliqa.results import Bundle, check_sums, load_bundle


def test_a_bundle_gives_back_what_was_written(finished, predictions, labels):
    assert load_bundle(str(finished)).run == load_bundle(finished).run  # a path as text will do
    bundle = load_bundle(finished)
    assert bundle.run["run_id"] == "abc"
    assert bundle.config == "seed: 0\n"
    assert bundle.metrics["tasks"] == ["live", "csiq", "bid"]
    assert bundle.train_log == [{"step": 1, "loss": 0.5}]
    assert bundle.split("live") == {"train": ["a"], "test": ["b"]}
    columns = ["step", "task", "gate", "sample_id", "score"]
    assert bundle.predictions.to_pydict() == predictions.select(columns).to_pydict()
    assert bundle.labels.to_pydict() == labels.to_pydict()
    assert bundle.finished


def test_a_run_that_has_not_finished_is_refused_but_can_be_looked_at(tmp_path, write_run):
    write_run(tmp_path, finish=False)
    with pytest.raises(ResultError, match="it is a run that has not finished"):
        load_bundle(tmp_path)
    assert Bundle(tmp_path).run["run_id"] == "abc"
    assert not Bundle(tmp_path).finished


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(ResultError, match="holds no finished run: it is absent or empty"):
        load_bundle(tmp_path / "absent")


def test_a_bundle_of_a_newer_layout_is_refused_and_says_so(finished):
    (finished / "run.json").write_text(json.dumps({"schema_version": 2}))
    with pytest.raises(ResultError, match="schema version 2, this cliqa reads up to 1"):
        load_bundle(finished)


@pytest.mark.parametrize("name", ["metrics", "heads", "weights"])
def test_a_file_that_is_absent_is_named(finished, name):
    for path in finished.glob(f"{name}.*"):
        path.unlink()
    with pytest.raises(ResultError, match=f"{name}"):
        getattr(Bundle(finished), name)


def test_damaged_files_are_named(finished):
    (finished / "metrics.json").write_text("{")
    (finished / "predictions.parquet").write_bytes(b"PAR1 not at all")
    with pytest.raises(ResultError, match=r"metrics\.json is damaged"):
        _ = Bundle(finished).metrics
    with pytest.raises(ResultError, match=r"predictions\.parquet is not a readable parquet"):
        _ = Bundle(finished).predictions


def test_a_log_that_was_cut_off_reads_up_to_its_last_whole_line(tmp_path, write_run):
    write_run(tmp_path, finish=False)
    with (tmp_path / "train_log.jsonl").open("a") as file:
        file.write('{"step": 2')
    assert Bundle(tmp_path).train_log == [{"step": 1, "loss": 0.5}]


def test_a_split_cannot_be_read_from_outside_the_folder(finished):
    with pytest.raises(ResultError, match="cannot name a file"):
        Bundle(finished).split("../../etc/passwd")


def test_every_change_after_the_run_is_found(finished):
    assert check_sums(finished) == []
    (finished / "metrics.json").write_text("{}")
    (finished / "labels.parquet").unlink()
    (finished / "heads.parquet").write_bytes(b"new")
    (finished / "notes.txt").write_text("a user's own file is no fault")
    assert check_sums(finished) == [
        "labels.parquet is missing",
        "metrics.json was changed after the run",
        "heads.parquet is not listed in SHA256SUMS",
    ]


def test_a_malformed_line_in_the_sums_is_named_by_number(finished):
    with (finished / "SHA256SUMS").open("a") as file:
        file.write("nonsense\n")
    with pytest.raises(ResultError, match=r"SHA256SUMS, line 9: expected a SHA-256 digest"):
        check_sums(finished)


def test_a_bundle_is_read_without_torch_or_scipy_and_where_pandas_is_not_installed(finished):
    code = (
        "import sys, pathlib\n"
        "sys.modules['pandas'] = None\n"
        "import cliqa.results as r\n"
        "assert 'pyarrow' not in sys.modules\n"
        "b = r.load_bundle(pathlib.Path(sys.argv[1]))\n"
        "r.srcc_matrices(b.predictions, b.labels, tasks=['live', 'csiq', 'bid'], gate='kg')\n"
        "print([m for m in ('torch', 'scipy', 'rich') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(finished)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
