"""The job `distortion-bn`: what it trains, what it leaves alone, and that it learns."""

from __future__ import annotations

import json
from importlib.resources import as_file

import pytest
import torch
from cliqa_distortions.config import DistortionConfig
from cliqa_distortions.distortions import VERSION
from cliqa_distortions.job import DistortionClassifier
from pydantic import ValidationError

from cliqa.errors import CapabilityError, DataError
from cliqa.model import check_fits, load_artefact, normalization_tensors, rest_digest
from cliqa.pretraining import PretrainingContext, PretrainingObserver
from cliqa.registry import Registry

TINY = {
    "types": ("gaussian-blur", "white-noise", "contrast"),
    "levels": (4,),
    "crop": 32,
    "crops": 2,
    "held_out_crops": 4,
    "batch_size": 12,
    "epochs": 2,
}


@pytest.fixture
def do(tiny_backbone, cpu):
    """Do the job on a tiny backbone; returns the backbone and the outcome."""

    def run(layer="batch", dropout=0.0, observer=None, **settings):
        backbone = tiny_backbone(layer, dropout=dropout)
        config = DistortionConfig(**TINY | settings)
        job = DistortionClassifier(config)
        job.check(backbone)
        return backbone, job.run(
            PretrainingContext(
                backbone=backbone,
                compute=cpu,
                seed=config.seed,
                observer=observer or PretrainingObserver(),
            )
        )

    return run


@pytest.mark.parametrize("layer", ["batch", "group"])
def test_normalization_is_trained_and_saved_and_nothing_else_moves(do, tiny_backbone, layer):
    before = tiny_backbone(layer).state_dict()
    backbone, outcome = do(layer)
    assert set(outcome.tensors) == set(normalization_tensors(backbone))
    for name, tensor in outcome.tensors.items():
        assert not torch.equal(tensor, before[name]), name
    for name, tensor in backbone.state_dict().items():
        if name.startswith("conv"):
            assert torch.equal(tensor, before[name]), name


def test_all_trains_and_saves_the_whole_network(do, tiny_backbone):
    before = tiny_backbone().state_dict()
    backbone, outcome = do(train="all")
    assert set(outcome.tensors) == set(backbone.state_dict())
    assert all(not torch.equal(t, before[name]) for name, t in outcome.tensors.items())


def test_it_learns_to_tell_strong_distortions_of_unseen_photographs_apart(do):
    _, outcome = do(epochs=6, crops=6, lr=0.02)
    assert outcome.record["chance"] == pytest.approx(1 / 3)
    assert outcome.record["epochs"][-1]["held_out_accuracy"] > 0.75
    assert len(outcome.record["epochs"]) == 6
    seen, unseen = (
        {p["sha256"] for p in outcome.record["photographs"][part]} for part in ("train", "held_out")
    )
    assert len(seen) == 10
    assert len(unseen) == 3
    assert not seen & unseen


def test_equal_seeds_give_equal_tensors_and_others_do_not(do):
    first, second, other = (do(dropout=0.5, seed=seed)[1] for seed in (0, 0, 1))
    assert first.record == second.record
    for name, tensor in first.tensors.items():
        assert torch.equal(tensor, second.tensors[name])
    assert any(not torch.equal(t, other.tensors[name]) for name, t in first.tensors.items())


def test_the_record_is_plain_json_with_the_version_of_the_distortions(do):
    record = do()[1].record
    assert json.loads(json.dumps(record)) == record
    assert record["distortions"] == {
        "version": VERSION,
        "classes": ["gaussian-blur/4", "white-noise/4", "contrast/4"],
    }
    assert set(record["held_out_accuracy_by_type"]) == set(TINY["types"])


def test_progress_counts_every_training_image_and_every_epoch(do):
    class Counting(PretrainingObserver):
        images, epochs = 0, ()

        def start(self, what, total):
            self.total = total

        def advance(self, count):
            self.images += count

        def epoch(self, number, epochs, figures):
            self.epochs += ((number, epochs, *figures),)

    counting = Counting()
    do(observer=counting)
    assert counting.images == counting.total == 10 * 2 * 3 * 2
    assert counting.epochs == tuple((n, 2, "loss", "held-out accuracy") for n in (1, 2))


def test_a_network_without_normalization_is_refused_before_anything_is_computed(do):
    with pytest.raises(CapabilityError, match=r"no normalization parameters.*train=all"):
        do("none")
    do("none", train="all", epochs=1, crops=1)


def test_a_photograph_smaller_than_the_crop_is_named(do):
    with pytest.raises(DataError, match=r"\w+ has \d+ x \d+ pixels, but crops have 500"):
        do(crop=500)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"types": ("jpeg",), "levels": (1,)}, "fewer than two classes"),
        ({"types": ("over-exposure", "under-exposure"), "levels": (1, 3)}, "fewer than two"),
        ({"levels": (1, 6)}, "levels are 1 to 5, not 6"),
        ({"levels": (2, 2)}, "each one once"),
    ],
)
def test_settings_that_leave_nothing_to_learn_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        DistortionConfig(**settings)


def test_the_shipped_weights_fit_the_shipped_backbone_and_tell_their_making():
    registry = Registry.discover(third_party=False)
    backbone = registry.get("backbone", "efficientnet-lite0").create(None)
    with as_file(registry.get("weights", "distortion-bn-efficientnet-lite0").file()) as path:
        tensors, about = load_artefact(path)
        assert path.stat().st_size < 500_000
    check_fits(tensors, backbone, "shipped")
    assert about["rest_sha256"] == rest_digest(backbone, tensors)
    assert about["distortions"]["version"] == VERSION
    assert len(about["distortions"]["classes"]) == 39
    defaults = DistortionConfig().model_dump(mode="json") | {"threads": 1}
    assert about["settings"] == defaults
    assert about["epochs"][-1]["held_out_accuracy"] > 10 * about["chance"]
