"""What a run may do to the folder it was given; above all, what it may never delete."""

import os
from pathlib import Path

import pytest

from cliqa.errors import ResultError
from cliqa.results import BundleWriter, FolderState, folder_state, is_finished, prepare_folder


def files_of(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("exists", [False, True])
def test_a_new_or_empty_folder_is_made_ready_and_is_an_unfinished_run(tmp_path, exists):
    folder = tmp_path / "a" / "b"
    if exists:
        folder.mkdir(parents=True)
    assert folder_state(folder) is FolderState.NEW
    prepare_folder(folder)
    assert folder_state(folder) is FolderState.UNFINISHED
    assert files_of(folder) == {"UNFINISHED"}


def test_a_finished_run_is_refused_with_what_to_do_and_left_as_it_was(finished):
    before = {name: (finished / name).read_bytes() for name in files_of(finished)}
    with pytest.raises(ResultError, match=r"already holds a finished run; use --force .*--out"):
        prepare_folder(finished)
    assert {name: (finished / name).read_bytes() for name in files_of(finished)} == before


def test_force_clears_a_finished_run_and_leaves_a_users_files(finished):
    foreign = ["notes.txt", "splits/mine.txt", "checkpoints/old.pt", "deep/er/data.csv"]
    for name in foreign:
        (finished / name).parent.mkdir(parents=True, exist_ok=True)
        (finished / name).write_text("precious")
    prepare_folder(finished, force=True)
    assert files_of(finished) == {"UNFINISHED", *foreign}


def test_a_users_file_that_appears_during_a_run_is_neither_listed_nor_cleared(tmp_path, write_run):
    writer = write_run(tmp_path, finish=False)
    (tmp_path / "notes.txt").write_text("precious")
    writer.finish()
    assert "notes.txt" not in (tmp_path / "SHA256SUMS").read_text()
    prepare_folder(tmp_path, force=True)
    assert (tmp_path / "notes.txt").read_text() == "precious"


@pytest.mark.parametrize("force", [False, True])
def test_an_unfinished_run_is_started_over_and_a_users_files_stay(tmp_path, write_run, force):
    writer = write_run(tmp_path, finish=False)
    writer.write_bytes("report/page.html", b"<p>")
    (tmp_path / "report" / "notes.txt").write_text("precious")
    (tmp_path / ".cliqa-tmp-00").write_text("left by a killed process")
    prepare_folder(tmp_path, force=force)
    assert files_of(tmp_path) == {"UNFINISHED", "report/notes.txt"}


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("name", ["photo.jpg", "run.json", "SHA256SUMS", "UNFINISHED"])
def test_a_folder_that_is_not_cliqas_is_refused_even_with_force(tmp_path, force, name):
    (tmp_path / name).write_text("{}")
    assert folder_state(tmp_path) is FolderState.FOREIGN
    with pytest.raises(ResultError, match="holds no cliqa run"):
        prepare_folder(tmp_path, force=force)
    assert (tmp_path / name).read_text() == "{}"


def test_someone_elses_sums_do_not_make_a_folder_ours(tmp_path):
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  disk.iso\n")
    (tmp_path / "run.json").write_text('{"command": "other tool"}')
    (tmp_path / "disk.iso").write_text("precious")
    with pytest.raises(ResultError, match="holds no cliqa run"):
        prepare_folder(tmp_path, force=True)
    assert (tmp_path / "disk.iso").exists()


@pytest.mark.parametrize("path", ["../outside.txt", "/etc/hosts", "a/../../outside.txt"])
def test_sums_that_point_outside_the_folder_are_refused_and_nothing_is_removed(
    tmp_path, finished, path
):
    (tmp_path / "outside.txt").write_text("precious")
    with (finished / "SHA256SUMS").open("a") as file:
        file.write(f"{'0' * 64}  {path}\n")
    before = files_of(finished)
    with pytest.raises(ResultError, match="cannot name a file of a run"):
        prepare_folder(finished, force=True)
    assert (tmp_path / "outside.txt").exists()
    assert files_of(finished) == before


def test_clearing_does_not_follow_links_out_of_the_folder(tmp_path, finished):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "step-1.safetensors").write_text("precious")
    (finished / "checkpoints" / "step-1.safetensors").unlink()
    (finished / "checkpoints").rmdir()
    (finished / "checkpoints").symlink_to(outside)
    prepare_folder(finished, force=True)
    assert (outside / "step-1.safetensors").read_text() == "precious"


def test_a_file_where_the_folder_should_be_is_named(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(ResultError, match=r"out is a file, not a folder; name another --out"):
        prepare_folder(tmp_path / "out")
    with pytest.raises(ResultError, match="a part of the path is a file"):
        prepare_folder(tmp_path / "out" / "deeper")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user without rights")
def test_a_folder_without_write_permission_is_one_sentence(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(ResultError, match="permission denied; name a folder"):
        prepare_folder(tmp_path / "out")
    tmp_path.chmod(0o755)


def test_a_run_killed_in_its_very_first_write_does_not_lock_its_folder(tmp_path):
    (tmp_path / ".cliqa-tmp-0123").write_text("cliqa: this ru")
    prepare_folder(tmp_path)
    assert files_of(tmp_path) == {"UNFINISHED"}


def test_a_clearing_that_was_interrupted_is_completed_by_the_next_start(finished, monkeypatch):
    (finished / "notes.txt").write_text("precious")
    original, seen = Path.unlink, []

    def dying_unlink(self, missing_ok=False):
        seen.append(self.name)
        if len(seen) == 3:
            raise KeyboardInterrupt
        original(self, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", dying_unlink)
        with pytest.raises(KeyboardInterrupt):
            prepare_folder(finished, force=True)
    assert folder_state(finished) is FolderState.UNFINISHED
    prepare_folder(finished)
    assert files_of(finished) == {"UNFINISHED", "notes.txt"}


@pytest.mark.parametrize("finish", [False, True])
def test_nested_runs_are_cleared_with_the_run_they_belong_to(tmp_path, write_run, finish):
    write_run(tmp_path / "compare" / "lwf")
    write_run(tmp_path / "compare" / "si", finish=False)
    write_run(tmp_path, finish=finish)
    (tmp_path / "compare" / "mine").mkdir()
    (tmp_path / "compare" / "mine" / "notes.txt").write_text("precious")
    prepare_folder(tmp_path, force=finish)
    assert files_of(tmp_path) == {"UNFINISHED", "compare/mine/notes.txt"}
    assert not (tmp_path / "compare" / "lwf").exists()


def test_a_folder_is_finished_only_with_its_sums(tmp_path, write_run):
    assert not is_finished(tmp_path / "absent")
    writer = write_run(tmp_path, finish=False)
    assert not is_finished(tmp_path)
    writer.finish()
    assert is_finished(tmp_path)
    with pytest.raises(ResultError, match="never written to"):
        BundleWriter(tmp_path)
