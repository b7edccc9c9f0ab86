"""Reading YAML: numbers, booleans, places, and everything that is refused."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cliqa.config.faults import Place
from cliqa.config.yaml_source import parse_text, parse_value, read_yaml
from cliqa.config.yaml_writer import write_yaml
from cliqa.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def value_of(text: str):
    return parse_text(f"a: {text}", "f.yaml").data["a"]


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_text(text, "f.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E5", 1e5),
        (".5e3", 500.0),
        ("1.", 1.0),
        ("-1e+3", -1000.0),
        ("+7", 7),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("-.inf", -math.inf),
        (".INF", math.inf),
    ],
)
def test_a_number_is_a_number_however_it_is_written(text, value):
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)


def test_a_pair_of_surrogates_as_json_writes_it_is_one_character():
    assert value_of(json.dumps("\U0001f600")) == "\U0001f600"


def test_nan_is_read():
    assert math.isnan(value_of(".nan"))


@pytest.mark.parametrize(
    "text", ["yes", "no", "on", "off", "Y", "1:30", "1_000", "2024-01-31", "0b11", "=", "e5", ".e3"]
)
def test_what_only_yaml_1_1_takes_for_something_else_stays_text(text):
    assert value_of(text) == text


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "false", "False", "FALSE"])
def test_only_true_and_false_are_booleans(text):
    assert value_of(text) is (text.lower() == "true")


@pytest.mark.parametrize("text", ["", "~", "null", "Null"])
def test_nothing_is_null(text):
    assert value_of(text) is None


@pytest.mark.parametrize("text", ["'1e-4'", '"true"', "'~'", "|-\n  3"])
def test_quoted_values_are_text(text):
    assert isinstance(value_of(text), str)


@settings(deadline=None)
@given(st.floats(allow_nan=False))
def test_every_float_that_python_writes_is_read_back(number):
    text = repr(number).replace("inf", ".inf")
    assert value_of(text) == number


@settings(deadline=None)
@given(st.integers())
def test_every_integer_is_read_back(number):
    assert value_of(str(number)) == number


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from("eEfg"))
def test_numbers_in_c_notation_are_never_text(number, notation):
    assert isinstance(value_of(f"{number:{notation}}"), (int, float))


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(), plain_values, max_size=4))
def test_what_is_written_is_read_back_unchanged(data):
    assert parse_text(write_yaml(data), "f.yaml").data == data


@pytest.mark.parametrize("text", ["yes", "1e-4", "1:30", "2024-01-31", "0o17", "010", "=", "null"])
def test_written_text_is_text_for_readers_of_yaml_1_1_too(text):
    assert yaml.safe_load(write_yaml({"a": text})) == {"a": text}
    assert parse_text(write_yaml({"a": text}), "f.yaml").data == {"a": text}


def test_each_key_and_value_has_its_line_and_column():
    document = parse_text("a: 1\nb:\n  - x\n  - {c: 2}\n", "f.yaml")
    assert document.spots["a",] == (Place("f.yaml", 1, 1), Place("f.yaml", 1, 4))
    assert document.spots["b",] == (Place("f.yaml", 2, 1), Place("f.yaml", 3, 3))
    assert document.spots["b", 0] == (Place("f.yaml", 3, 5), Place("f.yaml", 3, 5))
    assert document.spots["b", 1, "c"] == (Place("f.yaml", 4, 6), Place("f.yaml", 4, 9))


def test_a_place_that_was_not_written_is_that_of_the_nearest_thing_around_it():
    document = parse_text("a: 1\nb: {c: 2}\n", "f.yaml")
    assert str(document.key_place(("b", "d", 0))) == "f.yaml:2:1"
    assert str(document.value_place(("z",))) == "f.yaml:1:1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n\t- 1", "f.yaml:2:1: a tab cannot indent YAML; use spaces"),
        ("a: [1,\nb: 2", "f.yaml:2:5: expected ',' or ']', but got '<stream end>'"),
        ("a: 'x", "f.yaml:1:6: found unexpected end of stream"),
        ("a: b: c", "f.yaml:1:5: mapping values are not allowed here"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: but found another document"),
        ("", "f.yaml:1:1: is empty"),
        ("# only a comment\n", "f.yaml:1:1: is empty"),
        ("- a\n", "f.yaml:1:1: expected a mapping at the top level, got a list"),
        ("\n  resnet18", "f.yaml:2:3: expected a mapping at the top level, got the text"),
        ("a: 1\n3: x", 'f.yaml:2:1: keys must be text, got 3; quote it: "3"'),
        ("a: {true: x}", "f.yaml:1:5: a: keys must be text, got true"),
        ("? [a]\n: x", "f.yaml:1:3: keys must be text, got a list"),
        ("b: &x 1", "f.yaml:1:4: anchors (&) and aliases (*) are not supported"),
        ("b: *x", "f.yaml:1:4: anchors (&) and aliases (*) are not supported"),
        ("b: {<<: {c: 1}}", "f.yaml:1:5: b: merge keys (<<) are not supported"),
        ("b: !!python/name:os.system x", "f.yaml:1:4: tags (!) are not supported"),
        ("b: !!int '3'", "f.yaml:1:4: tags (!) are not supported"),
        ("b: x\nc: \x00", "f.yaml:2:4: the character U+0000 is not allowed"),
        ('b: "\\ud800"', "f.yaml:1:4: b: an unpaired surrogate is not a character"),
        ("b: " + "1" * 5000, "f.yaml:1:4: b: a number of 5000 digits is too long"),
        ("b: " + "[" * 100, "f.yaml:1:35: nested more than 32 levels deep"),
    ],
)
def test_what_cannot_be_read_is_refused_with_line_and_column(text, message):
    assert refused(text).startswith(message)


def test_every_doubled_key_is_named_with_both_places():
    message = refused("a: 1\nb: {c: 1, c: 2}\na: 2\n")
    assert "f.yaml:2:11: b.c: the key is written twice, first at f.yaml:2:5" in message
    assert "f.yaml:3:1: a: the key is written twice, first at f.yaml:1:1" in message


def test_nested_aliases_cannot_grow_a_small_file():
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert "not supported" in refused(bomb)


def test_a_file_that_is_not_utf8_is_refused_at_the_offending_byte(tmp_path: Path):
    file = tmp_path / "f.yaml"
    file.write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"f\.yaml:2:7: byte 0xe9 is not UTF-8"):
        read_yaml(file, "f.yaml")


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path):
    file = tmp_path / "f.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(file, "f.yaml").data == {"a": 1}


def test_a_missing_file_is_refused_with_the_nearest_name(tmp_path: Path):
    (tmp_path / "quick.yaml").write_text("a: 1")
    with pytest.raises(ConfigError, match=r"no such file\. Did you mean `quick\.yaml`\?"):
        read_yaml(tmp_path / "quik.yaml", "quik.yaml")


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"configs: is a folder, expected a \.yaml file"):
        read_yaml(tmp_path, "configs")


def test_a_value_alone_follows_the_same_rules():
    place = Place("--set a=1e-4")
    assert parse_value("1e-4", place) == 1e-4
    assert parse_value("", place) is None
    assert parse_value("{a: [yes]}", place) == {"a": ["yes"]}
    with pytest.raises(ConfigError, match=r"^--set a=1e-4: expected ',' or ']'"):
        parse_value("[1", place)
