"""Divisions of a dataset into training, validation and test images."""

import json
import os
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliqa.data import make_split
from cliqa.errors import DataError

#: Contents of a set: for each the number of its images; None stands for images without content.
contents = st.lists(st.integers(1, 5), min_size=6, max_size=40)
protocols = st.sampled_from(["70/10/20", "80/10/10", "60/20/20", "34/33/33", "90/5/5"])
seeds = st.integers(0, 2**31)


def rows_of(sizes):
    """Ids and contents of a set with so many images a content."""
    pairs = [(f"{c}-{i}.png", f"content {c}") for c, size in enumerate(sizes) for i in range(size)]
    return [list(column) for column in zip(*pairs, strict=True)]


def parts_of(dataset, split, column="sample_id"):
    """Part -> the set of what the rows of that part hold."""
    values = dataset.table[column][:]
    return {part: {values[row] for row in rows} for part, rows in vars(split).items()}


@given(sizes=contents, protocol=protocols, by=st.sampled_from(["reference", "image"]), seed=seeds)
def test_parts_are_disjoint_ascending_and_together_all_rows(make_rows, sizes, protocol, by, seed):
    dataset = make_rows(*rows_of(sizes))
    try:
        split = make_split(dataset, protocol, by=by, seed=seed)
    except DataError:
        return
    parts = list(vars(split).values())
    assert all(part and list(part) == sorted(part) for part in parts)
    assert sorted(sum(parts, ())) == list(range(sum(sizes)))


@given(sizes=contents, protocol=protocols, seed=seeds)
def test_images_of_one_content_fall_into_one_part(make_rows, sizes, protocol, seed):
    dataset = make_rows(*rows_of(sizes))
    try:
        split = make_split(dataset, protocol, by="reference", seed=seed)
    except DataError:
        return
    train, val, test = parts_of(dataset, split, "reference").values()
    assert train.isdisjoint(val | test)
    assert val.isdisjoint(test)


@given(sizes=contents, seed=seeds, shuffle=st.randoms())
def test_the_order_of_rows_does_not_matter(make_rows, sizes, seed, shuffle):
    ids, references = rows_of(sizes)
    order = shuffle.sample(range(len(ids)), len(ids))
    one = make_rows(ids, references)
    other = make_rows([ids[i] for i in order], [references[i] for i in order])
    divided = [make_split(d, "70/10/20", by="reference", seed=seed) for d in (one, other)]
    assert parts_of(one, divided[0]) == parts_of(other, divided[1])


@given(sizes=contents, others=contents, seed=seeds)
def test_sets_with_the_same_contents_divide_them_alike(make_rows, sizes, others, seed):
    """Whatever the sets' names, images and numbers of images a content: no content leaks."""
    both = min(len(sizes), len(others))
    ids, references = rows_of(others[:both])
    one = make_rows(*rows_of(sizes[:both]))
    other = make_rows([f"other/{i}" for i in ids], references)
    divided = [make_split(d, "70/10/20", by="reference", seed=seed) for d in (one, other)]
    assert parts_of(one, divided[0], "reference") == parts_of(other, divided[1], "reference")


@given(count=st.integers(6, 60), kept=st.integers(6, 60), seed=seeds)
def test_no_content_overtakes_another_when_contents_are_taken_away(make_rows, count, kept, seed):
    """The order of contents depends on themselves alone; only the cuts move with their number."""
    place = {"train": 0, "val": 1, "test": 2}
    ids = [f"content {i}" for i in range(count)]
    found = []
    for some in (ids, ids[:kept]):
        dataset = make_rows(some)
        parts = parts_of(dataset, make_split(dataset, "70/10/20", by="image", seed=seed))
        found.append({i: place[part] for part, members in parts.items() for i in members})
    full, fewer = found
    for a in fewer:
        for b in fewer:
            if full[a] < full[b]:
                assert fewer[a] <= fewer[b]


@given(count=st.integers(6, 80), seed=seeds)
def test_one_more_content_moves_at_most_three_others(make_rows, count, seed):
    ids = [f"content {i}" for i in range(count + 1)]
    before, after = make_rows(ids[:-1]), make_rows(ids)
    old = parts_of(before, make_split(before, "70/10/20", by="image", seed=seed))
    new = parts_of(after, make_split(after, "70/10/20", by="image", seed=seed))
    assert sum(len(old[part] - new[part]) for part in old) <= 3


@given(count=st.integers(16, 400), protocol=protocols)
def test_parts_differ_from_their_percentage_by_half_a_group_at_most(make_rows, count, protocol):
    train, val, _ = (int(p) / 100 for p in protocol.split("/"))
    split = make_split(make_rows(map(str, range(count))), protocol, by="image", seed=0)
    assert abs(len(split.train) - train * count) <= 0.5 + 1e-9
    assert abs(len(split.val) - val * count) <= 0.5 + 1e-9


@pytest.mark.parametrize(
    ("name", "count", "sizes"),
    [
        ("KonIQ-10k", 10073, (7051, 1007, 2015)),
        ("BID", 586, (410, 59, 117)),
        ("CLIVE", 1162, (813, 116, 233)),
    ],
)
def test_sizes_of_the_sets_without_references_are_the_released_ones(make_rows, name, count, sizes):
    dataset = make_rows(f"{name}/{i}" for i in range(count))
    split = make_split(dataset, "70/10/20", by="image", seed=0)
    assert (len(split.train), len(split.val), len(split.test)) == sizes


def test_a_division_never_changes(make_rows):
    """Results are compared over years; these twelve were put in order by `sha256sum | sort`."""
    dataset = make_rows(f"image {i}" for i in range(12))
    split = make_split(dataset, "70/10/20", by="image", seed=7)
    assert split.val == (8,)
    assert split.test == (3, 4, 9)


_HASH_SEED_PROGRAM = """
import json
from types import SimpleNamespace
from cliqa.data import make_split

class Table(dict):
    def __len__(self):
        return len(self["sample_id"])

ids = [f"{i}.png" for i in range(300)]
table = Table(sample_id=ids, reference=[f"content {int(i[:-4]) % 40}" for i in ids])
split = make_split(SimpleNamespace(name="s", table=table), "70/10/20", by="reference", seed=3)
print(json.dumps(vars(split)))
"""


def test_a_division_is_the_same_under_any_hash_seed():
    printed = set()
    for hash_seed in ("0", "1"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", _HASH_SEED_PROGRAM]
        done = subprocess.run(command, env=environment, capture_output=True, check=True)
        printed.add(done.stdout)
    assert len(printed) == 1
    assert sum(len(part) for part in json.loads(printed.pop()).values()) == 300


def test_another_seed_gives_another_division(make_rows):
    dataset = make_rows(map(str, range(100)))
    splits = {make_split(dataset, "70/10/20", by="image", seed=seed) for seed in range(20)}
    assert len(splits) == 20


def test_an_image_without_content_is_its_own_group(make_rows):
    ids = [str(i) for i in range(100)]
    dataset = make_rows(ids, ["shared"] * 10 + [None] * 90)
    split = make_split(dataset, "70/10/20", by="reference", seed=0)
    assert (len(split.train) + len(split.val) + len(split.test)) == 100
    groups = [{0 if row < 10 else row for row in part} for part in vars(split).values()]
    assert [len(g) for g in groups] == [64, 9, 18]  # of 91 groups


def test_an_image_without_content_is_kept_apart_from_a_content_of_its_name(make_rows):
    """Else the two would count as one group, and a part would be short of a group."""
    ids = [f"{i}" for i in range(20)]
    references = ["19"] + [str(100 + i) for i in range(18)] + [None]
    together = make_rows([*ids[:19], "other"], references)
    named_alike = make_rows(ids, references)
    sizes = [
        [len(p) for p in vars(make_split(d, "70/10/20", by="reference", seed=0)).values()]
        for d in (together, named_alike)
    ]
    assert sizes == [[14, 2, 4], [14, 2, 4]]


def test_by_image_contents_are_ignored(make_rows):
    ids = [str(i) for i in range(50)]
    one, other = make_rows(ids), make_rows(ids, ["same"] * 50)
    divided = {make_split(d, "70/10/20", by="image", seed=0) for d in (one, other)}
    assert len(divided) == 1


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_groups_are_refused_with_their_number_and_a_way_out(make_rows, count):
    dataset = make_rows(map(str, range(9)), [str(i % count) for i in range(9)])
    with pytest.raises(
        DataError, match=rf"`rows`: {count} reference group.*70/10/20.*stream.split.by: image"
    ):
        make_split(dataset, "70/10/20", by="reference", seed=0)


@given(count=st.integers(1, 30), protocol=protocols)
def test_a_division_is_refused_or_leaves_no_part_empty(make_rows, count, protocol):
    try:
        split = make_split(make_rows(map(str, range(count))), protocol, by="image", seed=0)
    except DataError:
        assert count < 30
    else:
        assert all(vars(split).values())


@given(st.lists(st.sampled_from(["train", "val", "test"]), min_size=1, max_size=30), seeds)
def test_the_official_split_is_taken_as_published(make_rows, published, seed):
    dataset = make_rows(map(str, range(len(published))), official_split=published)
    split = make_split(dataset, "official", by="reference", seed=seed)
    for part, rows in vars(split).items():
        assert list(rows) == [i for i, name in enumerate(published) if name == part]


@pytest.mark.parametrize(("wrong", "shown"), [(None, "None"), ("dev", "dev")])
def test_an_incomplete_official_split_is_refused_with_what_it_holds(make_rows, wrong, shown):
    dataset = make_rows(["a", "b"], official_split=["train", wrong])
    with pytest.raises(DataError, match=rf"`rows` publishes no complete split.* {shown}, expected"):
        make_split(dataset, "official", by="image", seed=0)


def test_a_set_that_is_only_tested_on_is_tested_whole(make_rows):
    order = random.Random(0).sample(range(9), 9)  # noqa: S311 (nothing is encrypted here)
    split = make_split(make_rows(map(str, order)), "all-test", by="reference", seed=0)
    assert (split.train, split.val, split.test) == ((), (), tuple(range(9)))
