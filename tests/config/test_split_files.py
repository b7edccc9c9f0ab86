"""`stream.split.files`: where its paths begin, which tasks it may name, what a result keeps."""

from __future__ import annotations

import pytest

from cliqa.config import load_config


@pytest.fixture
def folder(load):
    """The folder of the configuration, with divisions in it and in one beside it."""
    (load.folder / "mine").mkdir(exist_ok=True)
    (load.folder / "more/theirs").mkdir(parents=True, exist_ok=True)
    (load.folder / "mine/live.csv").touch()
    return load.folder


def test_a_folder_begins_at_the_configuration_and_is_for_all_tasks(load, minimal, folder):
    config = load(minimal + "  split: {files: mine}\n")
    assert config.split_path("live") == (folder / "mine", False)
    assert config.split_path("koniq") == (folder / "mine", False)


def test_single_tasks_may_have_a_division_of_their_own(load, minimal, folder):
    config = load(minimal + "  split: {files: {live: mine/live.csv}}\n")
    assert config.split_path("live") == (folder / "mine/live.csv", True)
    assert config.split_path("koniq") is None


def test_without_files_nothing_is_read(load, minimal):
    assert load(minimal).split_path("live") is None


def test_an_override_begins_at_the_current_folder(load, minimal, folder, monkeypatch):
    monkeypatch.chdir(folder / "more")
    for override in ("stream.split.files=theirs", "stream.split.files={live: theirs}"):
        path, _ = load(minimal, override).split_path("live")
        assert path.resolve() == (folder / "more/theirs").resolve()


def test_a_path_of_an_extended_file_keeps_its_meaning(load, minimal, folder):
    (folder / "more/base.yaml").write_text("stream: {split: {files: ./theirs}}\n")
    config = load(f"extends: more/base.yaml\n{minimal}")
    assert config.run.stream.split.files == "./more/theirs"


def test_a_path_that_leads_nowhere_is_told_with_its_place(load, minimal, folder):
    (fault,) = load.faults(minimal + "  split:\n    files: {live: mine/lives.csv}\n")
    assert fault.startswith("run.yaml:6:19: stream.split.files.live: no such file or folder: ")


def test_a_division_for_no_task_is_told_with_the_nearest_name(load, minimal, folder):
    (fault,) = load.faults(minimal + "  split:\n    files: {lives: mine/live.csv}\n")
    assert fault.startswith("run.yaml:6:13: stream.split.files.lives: there is no task `lives`.")
    assert "live" in fault.partition("Did you mean")[2]


@pytest.mark.parametrize(
    ("written", "published"),
    [("mine", "./splits"), ("{live: mine/live.csv}", {"live": "./splits/live.json"})],
)
def test_a_result_names_its_own_splits_and_never_where_they_came_from(
    load, minimal, folder, factory, written, published
):
    config = load(minimal + f"  split: {{files: {written}}}\n")
    assert config.published()["stream"]["split"]["files"] == published
    (folder / "result/splits").mkdir(parents=True, exist_ok=True)
    (folder / "result/splits/live.json").touch()
    (folder / "result/config.yaml").write_text(config.published_yaml())
    again = load_config(folder / "result/config.yaml", registry_factory=factory)
    path, _ = again.split_path("live")
    assert (folder / "result/splits") in (path, path.parent)


def test_without_files_the_published_configuration_is_the_whole_one(load, minimal):
    config = load(minimal)
    assert config.published() == config.dump()
