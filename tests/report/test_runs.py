"""Finding bundles, and refusing what is none."""

import json

import pytest

from cliqa.errors import ResultError
from cliqa.report import find_runs


def shown(folders, root):
    return [str(run.bundle.folder.relative_to(root)) for run in find_runs(folders).runs]


def test_methods_trained_beside_a_run_come_with_it(make_run, tmp_path):
    run = make_run("a")
    make_run("a/compare/sl", method="sl")
    assert shown([run], tmp_path) == ["runs/a", "runs/a/compare/sl"]


def test_a_folder_of_runs_is_searched_and_each_run_is_taken_once(make_run, tmp_path):
    a, _ = make_run("sweep/cells/a"), make_run("sweep/cells/b", seed=1)
    assert shown([tmp_path / "runs", a], tmp_path) == [
        "runs/sweep/cells/a",
        "runs/sweep/cells/b",
    ]


def test_links_are_not_followed(make_run, tmp_path):
    make_run("a")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "link").symlink_to(tmp_path / "runs")
    with pytest.raises(ResultError, match="holds no run"):
        find_runs([tmp_path / "elsewhere"])


def test_an_unfinished_run_of_a_sweep_is_listed_and_not_read(make_run, tmp_path):
    make_run("a")
    b = make_run("b", seed=1, finish=False)
    found = find_runs([tmp_path / "runs"])
    assert found.unfinished == (str(b),)
    assert len(found.runs) == 1


def test_an_unfinished_run_alone_is_refused(make_run):
    folder = make_run("a", finish=False)
    with pytest.raises(ResultError, match=r"has not finished; let `cliqa run` finish it"):
        find_runs([folder])


def test_what_is_no_run_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ResultError, match="holds no run"):
        find_runs([tmp_path])
    with pytest.raises(ResultError, match="does not exist"):
        find_runs([tmp_path / "absent"])


def test_a_changed_file_is_refused(make_run):
    folder = make_run("a")
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["gates"]["kmeans"]["mSRCC"] = 0.99
    (folder / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(ResultError, match=r"is damaged: metrics.json was changed"):
        find_runs([folder])


def test_a_record_without_what_a_report_needs_is_refused(make_run):
    folder = make_run("a", extra={"stages": None})
    with pytest.raises(ResultError, match="`stages` is missing"):
        find_runs([folder])
    folder = make_run("b", extra={"data": {}})
    with pytest.raises(ResultError, match="its records lack 'live'"):
        find_runs([folder])
