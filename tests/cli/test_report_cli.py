"""`cliqa report` at the terminal: what it writes, and what it refuses to."""

from __future__ import annotations

import hashlib

import pytest
from click.testing import CliRunner

from cliqa.cli import cli


@pytest.fixture
def report(tmp_path, monkeypatch, write_bundle):
    """Call the command in an empty folder, beside a folder `run` with a finished run."""
    monkeypatch.chdir(tmp_path)
    write_bundle(tmp_path / "run")
    return lambda *arguments: CliRunner().invoke(cli, ["--no-plugins", "report", *arguments])


def digest(folder):
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest(), len(files)


def test_the_page_is_written_and_the_run_left_as_it_is(report, tmp_path):
    before = digest(tmp_path / "run")
    done = report("run", "--markdown", "r.md", "--csv", "tables")
    assert done.exit_code == 0, done.output
    assert done.output.endswith("1 runs: report.html\n")
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert "| tsn-iqa | kmeans |" in (tmp_path / "r.md").read_text()
    assert (tmp_path / "tables" / "index.csv").exists()
    assert digest(tmp_path / "run") == before


def test_the_best_of_a_column_is_marked_with_the_directions_of_the_metric_plugins(report, tmp_path):
    report("run", "--no-images")
    assert "(best)" in (tmp_path / "report.html").read_text()


def test_data_that_cannot_be_had_are_a_note_and_no_failure(report, tmp_path):
    done = report("run")
    assert done.exit_code == 0
    assert "Without pictures:" in (tmp_path / "report.html").read_text()


def refusal(done):
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    return line


def test_an_existing_file_is_replaced_only_with_force(report, tmp_path):
    (tmp_path / "report.html").write_text("mine")
    assert "report.html exists; use --force" in refusal(report("run", "--no-images"))
    assert (tmp_path / "report.html").read_text() == "mine"
    assert report("run", "--no-images", "--force").exit_code == 0


@pytest.mark.parametrize("place", ["run/report.html", "run/new/folder/report.html"])
def test_nothing_is_written_into_a_run(report, place):
    assert "lies in the run" in refusal(report("run", "--out", place))


def test_a_folder_without_a_run_is_one_message(report, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "holds no run" in refusal(report("empty"))
    assert "does not exist" in refusal(report("absent"))
    assert not (tmp_path / "report.html").exists()


def test_an_unknown_image_is_one_message(report):
    line = refusal(report("run", "--images", "live-01,nobody"))
    assert "no test set holds an image `nobody`" in line
