"""Generator, discriminator, their losses, and what is drawn from them."""

import copy

import pytest
import torch
from cliqa_gfr.adversarial import Adversaries, alignment, slope_penalty
from cliqa_gfr.config import GFRConfig
from cliqa_gfr.replay import FeatureReplay, bins_of
from hypothesis import given
from hypothesis import strategies as st

CONFIG = GFRConfig(latent=4, hidden=16)


class Shuffled:
    """Batches of 64 of given features, in an order of each epoch's own."""

    def __init__(self, features, quality):
        self._features, self._quality = features, quality
        self.samples, self.steps = len(quality), -(-len(quality) // 64)

    def batch(self, epoch, step):
        order = torch.randperm(self.samples, generator=torch.Generator().manual_seed(epoch))
        at = order[step :: self.steps]
        return as_batch(self._features[at], self._quality[at])


def some_features(count=40, dim=6, seed=0):
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


def test_an_interval_holds_its_lower_end_and_the_last_one_also_the_highest_score():
    scores = torch.tensor([0.0, 0.19, 0.2, 0.4, 0.6, 0.79, 0.8, 1.0])
    assert bins_of(scores, 5).tolist() == [0, 0, 1, 2, 3, 3, 4, 4]


@given(
    seen=st.sets(st.integers(0, 4), min_size=1),
    count=st.integers(1, 60),
)
def test_replay_draws_each_interval_seen_so_far_equally_often_and_no_other(
    seen: set[int], count: int
):
    replay = FeatureReplay.new(some_features(), CONFIG, seed=0)
    replay.remember(torch.tensor(sorted(seen)), 1)
    made, bins = replay.draw(count)
    often = torch.bincount(bins, minlength=5)
    assert made.shape == (count, 6)
    assert often[[b for b in range(5) if b not in seen]].sum() == 0
    of_seen = often[sorted(seen)]
    assert of_seen.max() - of_seen.min() <= (1 if count % len(seen) else 0)


def test_features_of_a_pooled_relu_are_never_negative_and_others_may_be():
    rectified = FeatureReplay.new(some_features().relu(), CONFIG, seed=0)
    signed = FeatureReplay.new(some_features(), CONFIG, seed=0)
    for replay in (rectified, signed):
        replay.remember(torch.arange(5), 1)
    assert rectified.draw(200)[0].min() >= 0
    assert rectified.draw(200)[0].max() > 0
    assert signed.draw(200)[0].min() < 0


@pytest.mark.parametrize("kind", ["relu", "signed"])
def test_the_kind_and_the_scale_of_features_outlive_the_process(kind):
    features = 30 * (some_features().relu() if kind == "relu" else some_features())
    replay = FeatureReplay.new(features, CONFIG, seed=0)
    replay.remember(torch.tensor([1, 4]), 3)
    again = FeatureReplay.restored(replay.state_dict(), CONFIG)
    torch.testing.assert_close(replay.scale, features.double().square().mean().sqrt().float())
    torch.manual_seed(0)
    expected = replay.draw(10)
    torch.manual_seed(0)
    found = again.draw(10)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_features_in_other_units_train_the_same_networks(make_context, make_task, tiny_model):
    """A backbone whose features are a hundred times larger is no harder."""
    features = some_features(8).relu()
    found = []
    for unit in (1.0, 100.0):
        replay = FeatureReplay.new(unit * features, CONFIG, seed=0)
        batch = as_batch(unit * features)
        torch.manual_seed(0)
        found.append(Adversaries(replay, CONFIG, None, 0.0).discriminator_loss(batch).item())
    assert found[1] == pytest.approx(found[0], rel=1e-5)


def as_batch(features, quality=None):
    from cliqa.training import Batch

    count = len(features)
    quality = torch.linspace(0, 1, count) if quality is None else quality
    nothing = torch.zeros(count, dtype=torch.long)
    return Batch(
        features=features,
        quality=quality,
        std=torch.ones(count),
        task=nothing,
        scale=nothing,
        sample_ids=tuple(f"s{i}" for i in range(count)),
    )


def test_alignment_is_zero_between_equal_generators_and_a_loops_value_between_others():
    new = FeatureReplay.new(some_features(), CONFIG, seed=0).generator
    other = FeatureReplay.new(some_features(), CONFIG, seed=1).generator
    bins = torch.arange(5).repeat(3)
    assert alignment(new, copy.deepcopy(new), bins).item() == 0.0
    torch.manual_seed(0)
    found = alignment(new, other, bins).item()
    torch.manual_seed(0)
    noise = torch.randn(15, CONFIG.latent)
    with torch.no_grad():
        pairs = [(new(z[None], b[None]), other(z[None], b[None])) for z, b in zip(noise, bins)]  # noqa: B905
    expected = sum((a.double() - b.double()).square().sum().item() for a, b in pairs) / 15
    assert found == pytest.approx(expected, rel=1e-4)
    assert found > 0


def test_only_the_new_generator_is_pulled_by_the_alignment():
    new = FeatureReplay.new(some_features(), CONFIG, seed=0).generator
    old = FeatureReplay.new(some_features(), CONFIG, seed=1).generator
    alignment(new, old, torch.arange(5)).backward()
    assert all(p.grad is not None for p in new.parameters())
    assert all(p.grad is None for p in old.parameters())


@pytest.mark.parametrize("slope", [0.0, 1.0, 3.0])
def test_the_slope_penalty_of_a_plane_is_its_squared_distance_from_slope_one(slope):
    direction = torch.tensor([0.6, 0.8])

    def plane(features, bins):
        return slope * (features @ direction)

    real, made = some_features(dim=2), some_features(dim=2, seed=1)
    found = slope_penalty(plane, real, made, torch.zeros(40, dtype=torch.long))
    assert found.item() == pytest.approx((slope - 1) ** 2, abs=1e-6)


def test_the_generator_is_aligned_on_the_intervals_of_old_tasks_only():
    replay = FeatureReplay.new(some_features(), CONFIG, seed=0)
    replay.remember(torch.tensor([1, 3]), 1)
    asked = []
    old = copy.deepcopy(replay.generator)
    old.register_forward_pre_hook(lambda _, inputs: asked.extend(inputs[1].tolist()))
    Adversaries(replay, CONFIG, old, 1.0).generator_loss(as_batch(some_features(10)))
    assert asked == [1, 3] * 5


def test_the_generator_learns_what_the_features_of_each_interval_are(
    make_context, make_task, tiny_model, new_trainer
):
    generator = torch.Generator().manual_seed(0)
    quality = torch.rand(400, generator=generator)
    centres = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    noise = torch.randn(400, 2, generator=generator)
    features = centres[bins_of(quality, 2)] + 0.2 * noise
    config = GFRConfig(
        bins=2,
        latent=8,
        hidden=64,
        generator_epochs=60,
        generator_lr=1e-3,
        discriminator_steps=3,
        generator_batch_size=64,
    )
    replay = FeatureReplay.new(features, config, seed=0)
    context = make_context(tiny_model(), [make_task("toy", 12)])
    new_trainer().run(
        Adversaries(replay, config, None, 0.0).phase(Shuffled(features, quality)), context
    )
    replay.remember(torch.arange(2), 1)
    made, bins = replay.draw(500)
    means = torch.stack([made[bins == number].mean(dim=0) for number in range(2)])
    assert torch.cdist(means, centres).argmin(dim=1).tolist() == [0, 1]
