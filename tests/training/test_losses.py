"""Losses that are read without holding up a GPU."""

import math

import pytest
import torch

from cliqa.training import losses as module
from cliqa.training.losses import DivergedError, Losses


class Arrived:
    """Stands in for the event of a copy; tells when it was waited for."""

    def __init__(self, told):
        self._told = told

    def synchronize(self):
        self._told.append("waited")


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """Every loss is on its way until its event is waited for; returns what was waited for."""
    told = []
    monkeypatch.setattr(module, "_on_its_way", lambda loss, batch: (loss, Arrived(told), batch))
    monkeypatch.setattr(module, "_is_copied", lambda loss: True)
    return told


def batch_of(make_batch, name):
    found = make_batch([0.0])
    return type(found)(**{**vars(found), "sample_ids": (name,)})


def test_on_a_cpu_a_loss_is_read_at_once(make_batch):
    losses = Losses("joint", 0)
    losses.add(torch.tensor(2.0), make_batch([0.0]))
    assert losses.values == [2.0]
    with pytest.raises(DivergedError, match="nan in phase `joint`, epoch 1, on samples bad;"):
        losses.add(torch.tensor(math.nan), batch_of(make_batch, "bad"))


def test_on_a_gpu_a_loss_is_waited_for_when_the_next_one_comes(make_batch, as_on_a_gpu):
    losses = Losses("joint", 0)
    losses.add(torch.tensor(1.0), make_batch([0.0]))
    assert as_on_a_gpu == []
    losses.add(torch.tensor(3.0), make_batch([0.0]))
    assert (losses.values, as_on_a_gpu) == ([1.0], ["waited"])
    losses.finish()
    losses.finish()
    assert (losses.values, losses.mean) == ([1.0, 3.0], 2.0)


def test_on_a_gpu_the_samples_named_are_those_of_the_bad_loss(make_batch, as_on_a_gpu):
    losses = Losses("joint", 4)
    losses.add(torch.tensor(math.inf), batch_of(make_batch, "bad"))
    with pytest.raises(DivergedError, match="inf in phase `joint`, epoch 5, on samples bad;"):
        losses.add(torch.tensor(1.0), batch_of(make_batch, "good"))


def test_on_a_gpu_the_last_loss_of_an_epoch_is_checked_too(make_batch, as_on_a_gpu):
    losses = Losses("joint", 0)
    losses.add(torch.tensor(math.nan), batch_of(make_batch, "last"))
    with pytest.raises(DivergedError, match="on samples last;"):
        losses.finish()


def test_the_mean_of_no_loss_is_zero():
    assert Losses("joint", 0).mean == 0.0
