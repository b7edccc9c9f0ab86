"""Tables hold what was put into them, whatever files are called."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliqa.errors import ResultError
from cliqa.serving.table import SUFFIXES, Row, read_rows, short, write_rows

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12) | st.sampled_from(
    ["=1+1", "'=1", "''", "-a.jpg", "@x", "+1", "a,b", 'a"b', "'"]
)
NUMBER = st.floats(width=32, allow_nan=False, allow_infinity=False).map(short)


@st.composite
def rows(draw):
    heads = draw(st.lists(TEXT.filter(bool), min_size=1, max_size=3, unique=True))
    found = []
    for path in draw(st.lists(TEXT.filter(bool), max_size=4)):
        if draw(st.booleans()):
            scored = {"score": draw(NUMBER), "model": "m", "gate": draw(TEXT), "note": draw(TEXT)}
            scored["heads"] = {h: draw(st.none() | NUMBER) for h in heads}
            scored["weights"] = {h: draw(NUMBER) for h in heads}
            found.append(Row(path, size=draw(st.integers(0, 2**60)), modified_ns=7, **scored))
        else:
            found.append(Row(path, error=draw(TEXT)))
    return heads, found


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(made=rows())
def test_a_table_is_read_as_it_was_written(tmp_path_factory, suffix, made):
    path = tmp_path_factory.getbasetemp() / f"table{suffix}"
    heads, found = made
    write_rows(path, found, heads)
    assert read_rows(path) == found


@given(made=rows())
def test_no_cell_of_a_csv_file_is_a_formula(tmp_path_factory, made):
    path = tmp_path_factory.getbasetemp() / "cells.csv"
    heads, found = made
    write_rows(path, found, heads)
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    numbers = {"score", "bytes", "modified_ns"}
    for line in [header, *lines]:
        for column, cell in zip(header, line, strict=True):
            text = line is header or not (column in numbers or column.startswith(("head:", "weig")))
            assert not (text and cell.startswith(("=", "+", "-", "@", "\t", "\r")))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_another_file_is_no_table(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    path.write_text('{"a": 1}\n')
    with pytest.raises(ResultError, match="is no table of `cliqa score`"):
        read_rows(path)
