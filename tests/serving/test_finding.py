"""Which files are images, and in which order."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliqa.errors import DataError
from cliqa.serving.finding import find_images, shown_path


def names(found, root):
    return [p.relative_to(root).as_posix() for p in found.paths]


@pytest.fixture
def tree(tmp_path):
    files = ["b.jpg", "sub/c.tif", "a.PNG", "notes.txt", ".hidden.jpg", "sub/.x/d.jpg", "raw.CR2"]
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_a_folder_gives_its_images_in_the_order_of_their_paths(tree):
    found = find_images([tree])
    assert names(found, tree) == ["a.PNG", "b.jpg", "sub/c.tif"]
    assert found.unreadable == {".cr2": 1}


def test_folders_inside_are_left_out_when_told(tree):
    assert names(find_images([tree], recursive=False), tree) == ["a.PNG", "b.jpg"]


def test_a_pattern_chooses_among_the_names_in_folders(tree):
    assert names(find_images([tree], pattern="*.tif"), tree) == ["sub/c.tif"]


def test_links_that_lead_in_a_circle_end(tree):
    (tree / "sub/loop").symlink_to(tree)
    assert names(find_images([tree]), tree) == ["a.PNG", "b.jpg", "sub/c.tif"]


def test_a_file_counts_once_however_often_it_is_named(tree):
    found = find_images([tree / "b.jpg", tree, tree / "sub/../b.jpg"])
    assert names(found, tree)[0] == "b.jpg"
    assert len(found.paths) == 3
    assert found.repeated == 2


def test_a_pattern_that_no_shell_expanded_is_expanded(tree):
    assert names(find_images([f"{tree}/**/*.*"]), tree) == ["a.PNG", "b.jpg", "sub/c.tif"]


def test_a_file_that_is_called_like_a_pattern_is_that_file(tree):
    (tree / "a[1].jpg").touch()
    assert names(find_images([tree / "a[1].jpg"]), tree) == ["a[1].jpg"]


def test_a_named_file_counts_whatever_it_is_called(tree):
    assert names(find_images([tree / "notes.txt"]), tree) == ["notes.txt"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("gone", "there is no file or folder"), ("*.bmp", "no file matches"), ("sub/.x/..", None)],
)
def test_what_is_not_there_is_told(tree, name, text):
    if text is None:
        assert find_images([tree / name]).paths
        return
    with pytest.raises(DataError, match=text):
        find_images([tree / name])


def test_a_folder_of_camera_files_alone_says_so(tmp_path):
    (tmp_path / "IMG.NEF").touch()
    with pytest.raises(DataError, match=r"camera files \(1 .nef\)"):
        find_images([tmp_path])


@given(st.binary(min_size=1, max_size=20).filter(lambda b: b"\0" not in b))
def test_any_path_is_shown_in_printable_text_that_utf8_holds(raw):
    text = shown_path(os.fsdecode(raw))
    text.encode("utf-8")
    assert all(c.isprintable() for c in text)


def test_a_folder_that_cannot_be_looked_into_is_found_so_that_its_row_says_so(tree, monkeypatch):
    real = os.scandir

    def scandir(path):
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert names(find_images([tree]), tree) == ["a.PNG", "b.jpg", "sub"]


def test_an_empty_argument_is_not_taken_for_the_current_folder(tree, monkeypatch):
    monkeypatch.chdir(tree)
    with pytest.raises(DataError, match=r"a path is empty; write \. for the folder"):
        find_images([""])
