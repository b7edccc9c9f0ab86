"""Names and places that cannot be used are refused before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("my_own", "expected a file name that ends in `.py`"),
        ("my_own", "such as my_own.py"),
        ("my-own.py", "`my-own` cannot be a name"),
        ("my-own.py", "such as `my_own`"),
        ("MyOwn.py", "`MyOwn` cannot be a name"),
        ("MyOwn.py", "such as `my_own`"),
        ("setup.py", "is a file that pytest or pip runs"),
        ("1st.py", "`1st` cannot be a name"),
        ("a__b.py", "`a__b` cannot be a name"),
        ("a_very_long_name_of_a_method.py", "at most 24"),
        ("class.py", "is a word of Python or YAML"),
        ("null.py", "is a word of Python or YAML"),
        ("print.py", "is a word of Python or YAML"),
        ("torch.py", "is the name of a module that is installed here"),
        ("strategy.py", "the file needs `Strategy` for something else"),
        ("settings.py", "the file needs `Settings` for something else"),
        ("ewc.py", "there is a strategy `ewc` already, of plugin `regularization`"),
        ("nowhere/my_own.py", "there is no folder nowhere"),
    ],
)
def test_a_name_that_cannot_be_used_is_one_message_and_no_file(new, tmp_path, path, fault):
    done = new("method", path)
    assert done.exit_code == 2
    assert fault in done.output
    assert "Traceback" not in done.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("there", ["my_own.py", "my_own.yaml"])
def test_a_file_that_is_there_is_replaced_only_with_force(new, there):
    Path(there).write_text("precious")
    done = new("method", "my_own.py")
    assert done.exit_code == 2
    assert f"{there}: already there" in done.output
    assert [path.name for path in Path().iterdir()] == [there]
    assert Path(there).read_text() == "precious"
    assert new("method", "my_own.py", "--force").exit_code == 0
    assert "precious" not in Path(there).read_text()


def test_a_folder_that_holds_files_of_the_same_names_is_left_alone(new):
    assert new("plugin", "my-own").exit_code == 0
    config = Path("my-own/src/my_own/config.py")
    config.write_text("precious")
    assert new("plugin", "my-own").exit_code == 2
    assert config.read_text() == "precious"


def test_a_distribution_cannot_bear_the_name_of_a_plugin(new):
    done = new("plugin", "replay")
    assert done.exit_code == 2
    assert "there is a plugin `replay` already" in done.output


def options(**changes):
    given = {"--images": "pictures", "--scores": "ratings.csv", "--range": ("1", "5")} | changes
    flat = []
    for name, value in given.items():
        if value is not None:
            flat += [name, *([value] if isinstance(value, str) else value)]
    return flat


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"--range": None}, "the 36 ratings run from 1 to 5 in ratings.csv"),
        ({"--range": ("1", "4")}, "--range 1 4: the ratings run from 1 to 5"),
        ({"--rating": "scores"}, "there is no column `scores`. Did you mean `score`?"),
        ({"--rating": "rater"}, "ratings.csv:2: rating 'r0'; expected a number"),
        ({"--picture": "rater"}, "3 pictures of ratings.csv are not in the folder pictures"),
        ({"--scores": "pictures/0.png"}, "cannot be read as a CSV table"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_when_the_dataset_is_written(
    new, ratings, changes, fault
):
    done = new("dataset", "my_own.py", *options(**changes))
    assert done.exit_code == 2
    assert fault in done.output
    assert not Path("my_own.py").exists()


def test_a_table_that_needs_no_code_is_said_to_need_none(new, ratings):
    lines = Path("ratings.csv").read_text().splitlines()
    Path("ratings.csv").write_text("\n".join([lines[0], *lines[1::3]]) + "\n")
    done = new("dataset", "my_own.py", *options())
    assert done.exit_code == 0
    assert "the dataset `rated-images` reads such a table without code" in done.output


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ((), "missing: FILE.py, --images, --range; for example"),
        (("my_own.py",), "missing: --images, --range; for example"),
        (("my_own.py", "--scores", "ratings.csv"), "missing: --images, --range; for example"),
        (("my_own.py", "--images", "pictures"), "missing: --range; for example"),
    ],
)
def test_all_that_a_new_dataset_lacks_is_said_at_once_with_a_command_that_works(
    new, ratings, given, missing
):
    done = new("dataset", *given)
    assert done.exit_code == 2
    assert missing in done.output
    example = done.output.split("`")[1].removeprefix("cliqa new ").split()
    assert new(*example).exit_code == 0


@pytest.mark.parametrize("scale", [("5", "1"), ("1", "1"), ("nan", "5"), ("1", "inf")])
def test_two_numbers_that_are_no_scale_are_refused(new, ratings, scale):
    done = new("dataset", "my_own.py", *options(**{"--scores": None, "--range": scale}))
    assert done.exit_code == 2
    assert "expected two numbers, the lower one first" in done.output


def test_columns_without_a_table_are_refused(new, ratings):
    done = new("dataset", "my_own.py", *options(**{"--scores": None, "--rating": "score"}))
    assert done.exit_code == 2
    assert "add --scores FILE" in done.output
