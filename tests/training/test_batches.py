"""Batches that are pure functions of epoch and step."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cliqa.data import Split
from cliqa.data import images as views
from cliqa.errors import DataError
from cliqa.model import to_input
from cliqa.seeds import named_draws
from cliqa.training import FeatureBatches, ImageBatches

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def task(make_task):
    return make_task("one", 23)


@pytest.fixture(scope="module")
def other_task(make_task):
    return make_task("other", 17, seed=5)


@pytest.fixture(scope="module")
def image_batches(tiny_backbone, train_config):
    backbone = tiny_backbone()

    def make(tasks, *, batch_size=5, seed=0, **settings):
        config = train_config(batch_size=batch_size, **settings)
        return ImageBatches(tasks, backbone, config, seed, CPU)

    return make


@pytest.fixture(scope="module")
def feature_batches(train_config):
    def make(tasks, batch_size=5, seed=0, **settings):
        return _feature_batches(train_config(batch_size=batch_size, **settings), tasks, seed)

    return make


def _feature_batches(config, tasks, seed):
    """Each image's feature is its task's number and its row."""
    rows = [(n, row) for n, task in enumerate(tasks) for row in task.split.train]
    return FeatureBatches(tasks, torch.tensor(rows, dtype=torch.float32), config, seed, CPU)


def ids_of_epoch(source, epoch):
    return [source.batch(epoch, step).sample_ids for step in range(source.steps)]


def assert_equal(one, other):
    for name, value in vars(one).items():
        here = getattr(other, name)
        same = torch.equal(value, here) if isinstance(value, torch.Tensor) else value == here
        assert same or (name == "std" and np.array_equal(value, here, equal_nan=True)), name


@pytest.mark.parametrize("kind", ["images", "features"])
def test_a_batch_is_the_same_whenever_it_is_made(
    image_batches, task, other_task, kind, feature_batches
):
    """Out of turn, twice, or by another source with the same names."""

    def make():
        tasks = [task, other_task]
        return image_batches(tasks) if kind == "images" else feature_batches(tasks)

    one, other = make(), make()
    for epoch, step in ((1, 2), (0, 0), (1, 2), (7, 1)):
        wanted = one.batch(epoch, step)
        other.batch(epoch + 1, 0)
        assert_equal(other.batch(epoch, step), wanted)


@settings(max_examples=40)
@given(batch_size=st.integers(2, 40), epoch=st.integers(0, 50), seed=st.integers(0, 9), both=...)
def test_an_epoch_holds_every_training_image_once_and_no_other(
    task, other_task, batch_size: int, epoch: int, seed: int, both: bool, feature_batches
):
    tasks = [task, other_task] if both else [task]
    source = feature_batches(tasks, batch_size, seed)
    seen = [i for batch in ids_of_epoch(source, epoch) for i in batch]
    wanted = [t.sample_ids[row] for t in tasks for row in t.split.train]
    assert sorted(seen) == sorted(wanted)
    assert len(seen) == source.samples


@settings(max_examples=60)
@given(count=st.integers(2, 90), batch_size=st.integers(3, 40))
def test_batches_are_as_few_and_as_equal_as_can_be_and_none_is_of_one_image(
    make_rows, count, batch_size, feature_batches
):
    """An image alone makes no pair, and no batch statistics."""
    source = feature_batches([_rows_only(make_rows, count)], batch_size)
    sizes = [len(ids) for ids in ids_of_epoch(source, 0)]
    assert len(sizes) == source.steps == -(-count // batch_size)
    assert max(sizes) - min(sizes) <= 1
    assert 2 <= min(sizes) <= max(sizes) <= batch_size


def _rows_only(make_rows, count):
    """A task all of whose images are training images."""
    from cliqa.data import Task

    dataset = make_rows(map(str, range(count)))
    dataset.table.update(quality=[0.0] * count, score_std=[None] * count)
    return Task("rows", dataset, Split(tuple(range(count)), (), ()), "")


@pytest.mark.parametrize("kind", ["images", "features"])
def test_epochs_and_seeds_shuffle_anew(image_batches, task, kind, feature_batches):
    def make(seed):
        return (
            image_batches([task], seed=seed)
            if kind == "images"
            else feature_batches([task], seed=seed)
        )

    orders = {tuple(ids_of_epoch(make(seed), epoch)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


def test_columns_belong_to_their_samples(task, other_task, feature_batches):
    """Features, scores, deviations and dataset number, over two datasets in one batch."""
    tasks = [task, other_task]
    source = feature_batches(tasks, batch_size=7)
    numbers = set()
    for step in range(source.steps):
        batch = source.batch(3, step)
        for i, sample_id in enumerate(batch.sample_ids):
            number, row = (int(v) for v in batch.features[i])
            numbers.add(number)
            assert tasks[number].sample_ids[row] == sample_id
            assert batch.task[i] == number
            assert batch.quality[i].item() == np.float32(tasks[number].quality[row] / 10)
            assert batch.std[i].item() == np.float32(tasks[number].std[row] / 10)
        assert batch.quality.dtype == batch.std.dtype == torch.float32
        assert batch.task.dtype == torch.int64
        assert batch.images is None
    assert numbers == {0, 1}


def views_by_id(source, epoch):
    found = {}
    for step in range(source.steps):
        batch = source.batch(epoch, step)
        found |= dict(zip(batch.sample_ids, batch.images, strict=True))
    return found


def test_an_images_view_depends_on_seed_dataset_sample_and_epoch_alone(
    image_batches, task, other_task, tiny_backbone
):
    """Whatever the batch size and the other images; checked against the view made by hand."""
    alone = views_by_id(image_batches([task], batch_size=4, seed=2), epoch=3)
    mixed = views_by_id(image_batches([other_task, task], batch_size=9, seed=2), epoch=3)
    for row in task.split.train:
        sample_id = task.sample_ids[row]
        draws = named_draws(2, "view", "one", sample_id, 3)
        pixels = views.training_view(
            task.images.read(row), shrink=768, crop=32, flip=True, draws=draws
        )
        by_hand = to_input([pixels], tiny_backbone(), CPU)[0]
        assert torch.equal(alone[sample_id], by_hand)
        assert torch.equal(mixed[sample_id], by_hand)


def test_another_epoch_gives_other_views(make_task, image_batches):
    source = image_batches([make_task("large", 10, sizes=((64, 64),))])
    one, other = views_by_id(source, 0), views_by_id(source, 1)
    assert sum(not torch.equal(one[i], other[i]) for i in one) >= len(one) - 1


def test_a_source_may_be_given_some_of_the_images_and_an_order_of_its_own(
    tiny_backbone, train_config, task, other_task
):
    """As a replay memory is, beside the source of the current task."""
    rows = [task.split.train[2:9], other_task.split.train[:4]]

    def make(name):
        tasks = [task, other_task]
        config = train_config(batch_size=4)
        return ImageBatches(tasks, tiny_backbone(), config, 0, CPU, rows=rows, name=name)

    orders = [sum(ids_of_epoch(make(name), 0), ()) for name in ("memory", "memory", "images")]
    wanted = [t.sample_ids[r] for t, own in zip((task, other_task), rows, strict=True) for r in own]
    assert sorted(orders[0]) == sorted(wanted)
    assert orders[0] == orders[1] != orders[2]


@given(keep=st.lists(st.booleans(), min_size=6, max_size=6))
def test_selecting_from_a_batch_keeps_whole_samples(make_batch, keep):
    inputs = {"images": torch.randn(6, 3, 4, 4), "features": torch.randn(6, 2)}
    batch = make_batch(range(6), std=range(1, 7), task=[0, 0, 1, 1, 2, 2], **inputs)
    found = batch.select(torch.tensor(keep))
    kept = [i for i, wanted in enumerate(keep) if wanted]
    assert found.sample_ids == tuple(f"s{i}" for i in kept)
    for name in ("images", "features", "quality", "std", "task"):
        assert torch.equal(getattr(found, name), getattr(batch, name)[kept])
    assert make_batch([1.0]).select(torch.tensor([True])).images is None


def test_whole_images_of_one_size_need_no_crop(make_task, image_batches):
    task = make_task("even", 10, sizes=((40, 24),))
    assert image_batches([task], crop=None).batch(0, 0).images.shape[1:] == (3, 40, 24)


def test_whole_images_of_several_sizes_are_refused_with_the_setting_that_helps(image_batches, task):
    with pytest.raises(
        DataError, match=r"`one`: images of 24 x 32 and 28 x 28 pixels .* set `train.crop`"
    ):
        image_batches([task], crop=None).batch(0, 0)


def test_a_batch_holds_one_dataset_and_all_get_their_turns(make_task, tiny_backbone, train_config):
    """Pairs never cross datasets, so a batch of one dataset holds as many as it can."""
    tasks = [make_task(name, 20, seed=i) for i, name in enumerate(("one", "two", "three"))]
    config = train_config(batch_size=4)
    source = ImageBatches(tasks, tiny_backbone(), config, 0, torch.device("cpu"))
    turns = []
    for epoch in (0, 1):
        batches = [source.batch(epoch, step) for step in range(source.steps)]
        assert all(len(set(batch.task.tolist())) == 1 for batch in batches)
        turns.append([batch.task[0].item() for batch in batches])
        seen = [sample_id for batch in batches for sample_id in batch.sample_ids]
        assert sorted(seen) == sorted(t.sample_ids[r] for t in tasks for r in t.split.train)
    assert turns[0] != turns[1]
    assert sorted(turns[0]) == sorted(turns[1])


def test_tasks_of_one_dataset_share_batches_and_their_pairs(make_task, tiny_backbone, train_config):
    """Distortions of one set have one scale of scores, tasks of other sets another."""
    whole = make_task("whole", 24)
    halves = [
        dataclasses.replace(whole, name=name, split=Split(whole.split.train[part::2], (), ()))
        for part, name in enumerate(("even", "odd"))
    ]
    other = make_task("other", 10, seed=3)
    tasks = [halves[0], other, halves[1]]
    source = ImageBatches(tasks, tiny_backbone(), train_config(batch_size=6), 0, CPU)
    batches = [source.batch(0, step) for step in range(source.steps)]
    mixed = 0
    for batch in batches:
        numbers = set(batch.task.tolist())
        assert len(set(batch.scale.tolist())) == 1
        assert numbers in ({1}, {0}, {2}, {0, 2})
        mixed += numbers == {0, 2}
        for number, name in zip(batch.task.tolist(), batch.sample_ids, strict=True):
            rows = [tasks[number].sample_ids[row] for row in tasks[number].split.train]
            assert name in rows
    assert mixed
    seen = sorted(name for batch in batches for name in batch.sample_ids)
    assert seen == sorted(t.sample_ids[row] for t in tasks for row in t.split.train)
