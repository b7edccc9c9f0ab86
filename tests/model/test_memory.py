"""How much memory a forward takes, and batches that are cut to a bound."""

import numpy as np
import pytest
import torch
from torch import nn

from cliqa.data import ImageReader
from cliqa.model import Compute, activation_bytes, images_that_fit


class Chain(nn.Module):
    """An image, three channels doubled in number, halved in resolution."""

    def __init__(self, inplace):
        super().__init__()
        self.one, self.relu = nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(inplace)
        self.two = nn.Conv2d(6, 6, 2, stride=2)

    def forward(self, x):
        x = self.one(x)
        x = self.relu(x)
        return self.two(x).mean((2, 3))


@pytest.mark.parametrize(
    ("inplace", "values"),
    [
        (True, (3 + 6 + 6 / 4) * 384 + 6),  # image, response, halved response, its mean
        (False, (3 + 6 + 6) * 384),  # image, response before and after the ReLU
    ],
)
def test_the_most_bytes_at_a_time_are_those_of_the_tensors_that_live_together(inplace, values):
    assert activation_bytes(Chain(inplace), 16, 24) == 4 * values


def test_what_is_done_with_the_network_can_be_measured_in_its_place():
    network = Chain(True)
    assert activation_bytes(network, 8, 8, forward=lambda images: images * 2) == 4 * 6 * 64


def test_larger_images_make_smaller_batches_but_never_none():
    network, pixel = Chain(False), 4 * 15
    assert images_that_fit(network, 10, 10, memory=100 * pixel * 7, wanted=64) == 7
    assert images_that_fit(network, 20, 10, memory=100 * pixel * 7, wanted=64) == 3
    assert images_that_fit(network, 10, 10, memory=100 * pixel * 7, wanted=5) == 5
    assert images_that_fit(network, 100, 100, memory=1, wanted=64) == 1


class Asking(nn.Module):
    """Cannot be measured without an image."""

    def forward(self, x):
        return x if x.sum().item() > 0 else -x


def test_a_network_that_needs_the_content_of_its_images_is_taken_for_a_large_one():
    assert images_that_fit(Asking(), 10, 10, memory=100 * 2048 * 3, wanted=64) == 3


def test_nothing_is_measured_where_any_network_fits(monkeypatch):
    monkeypatch.setattr("cliqa.model.memory.activation_bytes", None)
    assert images_that_fit(Chain(False), 10, 10, memory=100 * 2048 * 8, wanted=8) == 8


class Sizes:
    """Notes the batches it is given."""

    def __init__(self):
        self.shapes = []

    def __call__(self, images):
        self.shapes.append((len(images), *images.shape[2:]))
        return images.mean((2, 3))


def test_batches_are_cut_to_the_bound_and_results_keep_their_order(tiny_backbone, make_dataset):
    network = tiny_backbone()
    dataset = make_dataset(count=20, sizes=((64, 64), (32, 32)))
    rows = list(range(20))
    whole, cut = Sizes(), Sizes()
    expected = Compute(device=torch.device("cpu")).over_images(
        ImageReader(dataset), rows, network, whole
    )
    bound = activation_bytes(network, 64, 64) * 3
    found = Compute(device=torch.device("cpu"), memory=bound).over_images(
        ImageReader(dataset), rows, network, cut
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert whole.shapes == [(10, 64, 64), (10, 32, 32)]
    assert max(n for n, *side in cut.shapes if side == [64, 64]) == 3
    assert max(n for n, *side in cut.shapes if side == [32, 32]) == 10


def test_decoded_images_that_wait_are_bounded_too(tiny_backbone, make_dataset):
    """Ten images of 32 x 32 x 3 bytes, at most four of them at a time."""

    class Counting(ImageReader):
        waiting, most = 0, 0

        def read(self, row, *args):
            Counting.waiting += 1
            Counting.most = max(Counting.most, Counting.waiting)
            return super().read(row, *args)

    def emptying(images):
        Counting.waiting = 0
        return images.mean((2, 3))

    compute = Compute(device=torch.device("cpu"), memory=4 * 32 * 32 * 3)
    dataset = make_dataset(count=10, sizes=((32, 32),))
    found = compute.over_images(Counting(dataset), range(10), tiny_backbone(), emptying)
    assert len(found) == 10
    assert Counting.most == 5  # the fifth is read before it is known to be too many
