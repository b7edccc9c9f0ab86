"""The contract of a dataset's table, and the fingerprint of its content."""

import dataclasses
import math

import datasets
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cliqa.data import COLUMNS
from cliqa.data.table import check_table, fingerprint
from cliqa.errors import DataError

REQUIRED = [name for name, (_, nullable) in COLUMNS.items() if not nullable]
NULLABLE = [name for name, (_, nullable) in COLUMNS.items() if nullable]


def with_table(dataset, table):
    return dataclasses.replace(dataset, table=table)


def test_a_table_with_exactly_the_columns_passes(make_dataset):
    check_table(make_dataset())


@pytest.mark.parametrize("column", NULLABLE)
def test_columns_that_may_be_empty_may_be_empty(make_dataset, column):
    check_table(make_dataset(columns={column: [None] * 12}))


@pytest.mark.parametrize("column", list(COLUMNS))
def test_a_missing_column_is_named(make_dataset, column):
    dataset = make_dataset()
    broken = with_table(dataset, dataset.table.remove_columns(column))
    with pytest.raises(DataError, match=rf"`toy`: column\(s\) missing: {column}$"):
        check_table(broken)


def test_every_missing_and_unexpected_column_is_named_at_once(make_dataset):
    dataset = make_dataset()
    table = dataset.table.rename_columns({"level": "strength", "quality": "mos"})
    with pytest.raises(DataError, match=r"missing: level, quality; unexpected .*: mos, strength"):
        check_table(with_table(dataset, table))


def test_an_empty_table_is_refused(make_dataset):
    with pytest.raises(DataError, match="no images at all"):
        check_table(make_dataset(count=0))


@pytest.mark.parametrize("column", REQUIRED)
def test_an_empty_cell_of_a_required_column_is_named_with_its_row(make_dataset, column):
    cells = make_dataset().table.to_dict()[column]
    cells[4] = cells[9] = None
    broken = make_dataset(columns={column: cells})
    with pytest.raises(DataError, match=f"`{column}` is empty in 2 row.*first in row 4"):
        check_table(broken)


@pytest.mark.parametrize(
    ("column", "feature", "cells"),
    [
        ("quality", datasets.Value("string"), ["good"] * 12),
        ("score_std", datasets.Value("string"), ["1"] * 12),
        ("image", datasets.Value("int64"), [0] * 12),
        ("sample_id", datasets.Value("int64"), list(range(12))),
    ],
)
def test_a_column_of_another_type_is_named_with_expected_and_found(
    make_dataset, column, feature, cells
):
    dataset = make_dataset()
    table = dataset.table.remove_columns(column).add_column(column, cells, feature=feature)
    with pytest.raises(DataError, match=f"`{column}` holds {feature.dtype}, expected"):
        check_table(with_table(dataset, table))


def test_a_repeated_sample_id_is_named(make_dataset):
    dataset = make_dataset(count=3, columns={"sample_id": ["a", "b", "a"]})
    with pytest.raises(DataError, match="not unique: `a`"):
        check_table(dataset)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -0.1, 10.1])
def test_a_quality_outside_the_range_is_named_with_its_sample(make_dataset, wrong):
    dataset = make_dataset(count=3, columns={"quality": [0.0, 10.0, wrong]})
    with pytest.raises(DataError, match=r"quality .* of `toy/00002.png` is outside \[0.0, 10.0\]"):
        check_table(dataset)


def test_faults_of_several_kinds_are_told_together(make_dataset):
    columns = {"sample_id": ["a", "a"], "quality": [11.0, 1.0]}
    with pytest.raises(DataError, match=r"not unique.*; quality 11.0"):
        check_table(make_dataset(count=2, columns=columns))


def test_equal_content_has_an_equal_fingerprint(make_dataset):
    assert fingerprint(make_dataset(seed=1)) == fingerprint(make_dataset(seed=1))


@settings(max_examples=15)
@given(row=st.integers(0, 5), where=st.tuples(st.integers(0, 23), st.integers(0, 2)))
def test_one_changed_pixel_changes_the_fingerprint(make_dataset, random_pixels, row, where):
    pixels = random_pixels(6, sizes=((24, 24),))
    before = fingerprint(make_dataset(count=6, images=pixels))
    pixels[row][where[0], 0, where[1]] ^= 1
    assert fingerprint(make_dataset(count=6, images=pixels)) != before


@settings(max_examples=15)
@given(row=st.integers(0, 5), column=st.sampled_from(["sample_id", "quality", "reference"]))
def test_a_changed_id_score_or_group_changes_the_fingerprint(make_dataset, row, column):
    changed = {"sample_id": "another", "reference": "another", "quality": None}
    before = make_dataset(count=6)
    cells = before.table[column][:]
    cells[row] = changed[column] or np.nextafter(cells[row], 11)
    assert fingerprint(make_dataset(count=6, columns={column: cells})) != fingerprint(before)


def test_a_changed_deviation_changes_the_fingerprint_because_the_thurstone_label_uses_it(
    make_dataset,
):
    one, other = (make_dataset(count=3, columns={"score_std": [1, 1, s]}) for s in (1, 2))
    assert fingerprint(one) != fingerprint(other)


def test_fewer_images_have_another_fingerprint(make_dataset):
    assert fingerprint(make_dataset(count=5)) != fingerprint(make_dataset(count=6))


def test_image_files_may_lie_anywhere_but_not_change_their_size(make_dataset, tmp_path, encoded):
    content = encoded(np.zeros((20, 20, 3), np.uint8))
    found = []
    for folder, end in (("here", b""), ("there", b""), ("there", b"more")):
        (tmp_path / folder).mkdir(exist_ok=True)
        file = tmp_path / folder / "a.png"
        file.write_bytes(content + end)
        found.append(fingerprint(make_dataset(count=1, images=[file])))
    assert found[0] == found[1] != found[2]


def test_turning_pictures_upright_changes_the_fingerprint(make_dataset):
    dataset = make_dataset(count=2)
    assert fingerprint(dataclasses.replace(dataset, exif_transpose=True)) != fingerprint(dataset)


def test_the_case_of_a_file_name_does_not_change_the_fingerprint(make_dataset, tmp_path, encoded):
    files = [tmp_path / "a" / "I01.BMP", tmp_path / "b" / "i01.bmp"]
    for file in files:
        file.parent.mkdir()
        file.write_bytes(encoded(np.zeros((20, 20, 3), np.uint8), "BMP"))
    one, other = (make_dataset(count=1, images=[file]) for file in files)
    assert fingerprint(one) == fingerprint(other)
