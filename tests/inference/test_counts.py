"""How often layers run and how much is computed: speed without a stop-watch."""

import weakref

import pytest
import torch
from cliqa_timm.backbone import TimmBackbone, create
from torch.utils.flop_counter import FlopCounterMode

from cliqa.inference import FoldedScorer, ReferenceScorer
from cliqa.inference.copies import own_bytes
from cliqa.model import QualityModel, normalization_tensors


class Calls:
    """Counts convolutions of (input channels, kernel side), as torch runs them."""

    def __init__(self, monkeypatch):
        self.images, self._conv = {}, torch.nn.functional.conv2d
        monkeypatch.setattr(torch.nn.functional, "conv2d", self._count)

    def _count(self, x, weight, *args, **kwargs):
        self.images[tuple(weight.shape)] = self.images.get(tuple(weight.shape), 0) + len(x)
        return self._conv(x, weight, *args, **kwargs)


def images_of(count):
    drawn = torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return drawn.to(memory_format=torch.channels_last)


def warm(model, heads):
    """A scorer that has observed the network and checked its copies."""
    scorer = FoldedScorer(model)
    scorer.scores(images_of(1), range(heads))
    return scorer


STEM, BODY = (8, 3, 3, 3), (8, 8, 3, 3)


def test_the_first_convolution_runs_once_a_batch_for_all_heads(varied_model, monkeypatch):
    scorer = warm(varied_model("plain", 6), 6)
    calls = Calls(monkeypatch)
    scorer.scores(images_of(5), range(6))
    assert calls.images == {STEM: 5, BODY: 6 * 5}


def test_even_the_first_batch_checks_no_more_than_one_image_a_head(varied_model, monkeypatch):
    """Observed once, two runs of a pair's check, then one image each plainly and by copy."""
    scorer = FoldedScorer(varied_model("plain", 6))
    calls = Calls(monkeypatch)
    scorer.scores(images_of(5), range(6))
    assert calls.images == {STEM: 5 + 1 + 6 + 1, BODY: 6 * 5 + 1 + 2 + 6 + 6}


def test_a_stream_that_no_head_owns_anything_of_runs_once_a_batch(varied_model, monkeypatch):
    scorer = warm(varied_model("two streams", 6), 6)
    calls = Calls(monkeypatch)
    scorer.scores(images_of(5), range(6))
    assert calls.images == {(8, 3, 3, 3): 5, (4, 3, 3, 3): 5}


def test_heads_without_tensors_of_their_own_share_one_forward(varied_model, monkeypatch):
    scorer = warm(varied_model("plain", 6, own="nothing"), 6)
    calls = Calls(monkeypatch)
    scorer.scores(images_of(5), range(6))
    assert calls.images == {STEM: 5, BODY: 5}


def test_a_head_for_each_image_runs_no_image_twice(varied_model, monkeypatch):
    scorer = warm(varied_model("plain", 4), 4)
    calls = Calls(monkeypatch)
    scorer.one_each(images_of(6), [2, 0, 2, 3, 0, 0])
    assert calls.images == {STEM: 6, BODY: 6}


def test_nothing_of_a_batch_is_kept_after_it(varied_model):
    scorer, images = warm(varied_model("plain", 2), 2), images_of(7)
    batch = weakref.ref(images)
    scorer.scores(images, (0, 1))
    answers = [a for parts in scorer._parts.values() for a in parts._answers]
    assert [answer._output for answer in answers] == [None]
    del images
    assert batch() is None


def test_copies_beyond_the_bound_on_memory_are_not_kept(varied_model):
    model = varied_model("plain", 5)
    scorer = warm(model, 5)
    size = own_bytes(scorer._kept[0, torch.float32], model.backbone)
    # One convolution of 8 x 8 x 3 x 3 with its bias, and the normalization behind the first one.
    assert size == 4 * (8 * 8 * 9 + 8 + 4 * 8)
    small = FoldedScorer(model, memory=2 * size + 1)
    small.scores(images_of(2), range(5))
    assert [head for head, _ in small._kept] == [0, 1]


@pytest.fixture(scope="module")
def resnet():
    backbone = TimmBackbone(create("resnet18"), "resnet18").eval().requires_grad_(False)
    model = QualityModel(backbone, lambda dim: torch.nn.Linear(dim, 1))
    for task in "abcdef":
        model.keep_for(model.add_head([task]), normalization_tensors(backbone))
    return model.to(memory_format=torch.channels_last).eval().requires_grad_(False)


def test_six_heads_on_resnet18_compute_six_networks_less_five_first_convolutions(resnet):
    images = images_of(2)
    flops = {}
    for kind in (ReferenceScorer, FoldedScorer):
        scorer = kind(resnet)
        scorer.scores(images, range(6))
        with FlopCounterMode(display=False) as counter:
            scorer.scores(images, range(6))
        flops[kind] = counter.get_total_flops()
    first = 2 * 2 * 64 * 3 * 49 * 16 * 16
    assert flops[ReferenceScorer] - flops[FoldedScorer] == 5 * first


def test_no_batch_normalization_but_the_shared_stems_is_left_in_resnet18(resnet):
    scorer = FoldedScorer(resnet)
    scorer.scores(images_of(1), range(6))
    assert scorer.record() == {
        "scorer": "folded",
        "folded_layers": 19,
        "shared_parts": ["network.conv1"],
    }
