"""Batches that threads make ready."""

import dataclasses
import itertools
import threading
import time

import numpy as np
import pytest
import torch
from cliqa_replay.memory import Mixed
from hypothesis import given, settings
from hypothesis import strategies as st

from cliqa.errors import DataError
from cliqa.training import ImageBatches, LoadedAhead, two_stage
from cliqa.training.loading import Loader, loader_threads

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def task(make_task):
    return make_task("one", 23)


@pytest.fixture(scope="module")
def source(task, tiny_backbone, train_config):
    config = train_config(batch_size=4)
    return ImageBatches([task], tiny_backbone(), config, 0, CPU)


def same(one, other):
    return one.sample_ids == other.sample_ids and torch.equal(one.images, other.images)


@settings(max_examples=15, deadline=None)
@given(threads=st.integers(0, 5), epochs=st.integers(1, 3), data=st.data())
def test_any_number_of_threads_gives_the_batches_of_none(source, threads, epochs, data):
    """In order, and also after a jump to any other place, as when a run is resumed."""
    places = list(itertools.product(range(epochs), range(source.steps)))
    start = data.draw(st.integers(0, len(places) - 1))
    with Loader(source, epochs, threads) as loader:
        for place in places[start:] + places[:2]:
            assert same(loader.batch(*place), source.batch(*place))


def test_a_model_trained_with_threads_is_bit_identical(make_context, make_task, tiny_model):
    def weights(workers):
        context = make_context(tiny_model(), [make_task("live", 20)], epochs=2, workers=workers)
        learnable = context.model.backbone.learnable()

        def loss(batch):
            return context.objective.loss(context.scores(batch), batch)

        from cliqa.training import Trainer

        trainer = Trainer(log=lambda record: None, progress=lambda count: None)
        for phase in two_stage(context, learnable, loss=loss, warmup_loss=loss):
            trainer.run(phase, context)
        return context.model.state_dict()

    plain = weights(0)
    for workers in (1, 3):
        threaded = weights(workers)
        assert all(torch.equal(plain[name], threaded[name]) for name in plain)


def test_batches_of_a_memory_beside_a_task_are_loaded_ahead_as_well(
    task, make_task, tiny_backbone, train_config
):
    config, backbone = train_config(batch_size=4), tiny_backbone()
    current = ImageBatches([task], backbone, config, 0, CPU)
    memory = ImageBatches([make_task("old", 9, seed=4)], backbone, config, 0, CPU, name="memory")
    mixed = Mixed(current, memory, 1)
    assert isinstance(mixed, LoadedAhead)
    with Loader(mixed, 2, 2) as loader:
        for epoch, step in itertools.product(range(2), range(mixed.steps)):
            assert same(loader.batch(epoch, step), mixed.batch(epoch, step))


class Broken:
    """Every image from the third on cannot be read."""

    def __init__(self, task):
        self._task, self.read_rows = task, []

    def read(self, row, resize=None):
        self.read_rows.append(row)
        if len(self.read_rows) > 2:
            raise DataError(f"image `{self._task.sample_ids[row]}` (/data/x.png) cannot be read")
        return np.zeros((32, 32, 3), dtype=np.uint8)


def ours():
    return [t for t in threading.enumerate() if t.name.startswith("cliqa-loader")]


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_an_image_that_cannot_be_read_is_named_and_no_thread_is_left(
    task, tiny_backbone, train_config, threads
):
    broken = dataclasses.replace(task, reader=Broken(task))
    source = ImageBatches([broken], tiny_backbone(), train_config(), 0, CPU)
    with (
        pytest.raises(DataError, match=r"image `one/\d+.png` \(/data/x.png\) cannot be read"),
        Loader(source, 1, threads) as loader,
    ):
        loader.batch(0, 0)
    assert ours() == []


class Slow:
    """Counts what is loaded and by whom; each takes a moment."""

    steps, samples = 4, 4

    def __init__(self):
        self.loaded, self.by = [], set()

    def batch(self, epoch, step):
        return self.finish(self.load(epoch, step))

    def load(self, epoch, step):
        time.sleep(0.01)
        self.loaded.append((epoch, step))
        self.by.add(threading.current_thread().name.rpartition("_")[0])
        return epoch, step

    def finish(self, loaded):
        return loaded


def test_each_batch_is_loaded_once_and_none_beyond_the_last_epoch():
    source = Slow()
    with Loader(source, 2, 3) as loader:
        found = [loader.batch(e, s) for e, s in itertools.product(range(2), range(4))]
    every = list(itertools.product(range(2), range(4)))
    assert found == every
    assert sorted(source.loaded) == every
    assert source.by == {"cliqa-loader"}


def test_leaving_early_ends_the_threads_and_drops_what_was_not_begun():
    source = Slow()
    with Loader(source, 1000, 3) as loader:
        loader.batch(0, 0)
    loaded = len(source.loaded)
    assert ours() == []
    time.sleep(0.05)
    assert len(source.loaded) == loaded <= 4


def test_a_source_that_cannot_be_loaded_ahead_is_asked_in_the_thread_that_trains():
    class Plain:
        steps, samples = 2, 2

        def batch(self, epoch, step):
            return threading.current_thread()

    with Loader(Plain(), 1, 4) as loader:
        assert loader.batch(0, 1) is threading.current_thread()
        assert ours() == []


def test_threads_are_used_beside_a_gpu_only_unless_asked_for():
    assert loader_threads(None, CPU) == 0
    assert loader_threads(None, torch.device("cuda")) == 2
    assert loader_threads(0, torch.device("cuda")) == 0
    assert loader_threads(5, CPU) == 5
