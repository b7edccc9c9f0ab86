"""Generator, discriminator, their losses, and what is asked of the generator."""

import math

import pytest
import torch
from cliqa_liqa.adversarial import Adversaries, Contest
from cliqa_liqa.config import LiqaConfig
from cliqa_liqa.networks import Discriminator, Generator, by_number
from cliqa_liqa.replay import draw
from hypothesis import given
from hypothesis import strategies as st

CPU = torch.device("cpu")
DIM, WIDTH = 6, 8


def adversaries(known=2, seed=0, **options):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        both = Adversaries(Generator(DIM, WIDTH, 2.0, **options), Discriminator(DIM, WIDTH, 2.0))
        for _ in range(known):
            both.add_distortion()
    return both


def new_contest(now, before, **settings):
    numbers = torch.arange(before.known, now.known)
    return Contest(now, before, numbers, LiqaConfig(**settings))


@given(
    count=st.integers(1, 300),
    distortions=st.integers(1, 7),
    how=st.sampled_from(["random", "quality", "distortion", "quality+distortion"]),
    seed=st.integers(0, 99),
)
def test_replay_is_spread_evenly_over_what_it_is_to_be_spread_over(count, distortions, how, seed):
    torch.manual_seed(seed)
    asked = draw(count, distortions, how, CPU)
    interval = (asked.score * 5).long().clamp_max(4)
    cells = {
        "random": None,
        "quality": (interval, 5),
        "distortion": (asked.distortion, distortions),
        "quality+distortion": (asked.distortion * 5 + interval, 5 * distortions),
    }[how]
    if cells is not None:
        counts = torch.bincount(cells[0], minlength=cells[1])
        assert counts.max() - counts.min() <= 1
    assert asked.noise.shape == (count, 200)
    assert 0 <= asked.score.min() <= asked.score.max() <= 1
    assert 0 <= asked.distortion.min() <= asked.distortion.max() < distortions


def test_no_cell_is_always_the_one_that_gets_one_more():
    torch.manual_seed(0)
    extra = {
        draw(11, 10, "distortion", CPU).distortion.bincount().argmax().item() for _ in range(200)
    }
    assert extra == set(range(10))


def test_random_replay_is_uniform_over_quality_and_distortion():
    torch.manual_seed(0)
    asked = draw(20_000, 4, "random", CPU)
    counts = torch.bincount(asked.distortion * 10 + (asked.score * 10).long(), minlength=40)
    assert (counts - 500).abs().max() < 5 * math.sqrt(500)


@given(numbers=st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_rows_go_through_the_module_of_their_number(numbers):
    torch.manual_seed(0)
    modules = [torch.nn.Linear(3, 2) for _ in range(4)]
    inputs, number = torch.randn(len(numbers), 3), torch.tensor(numbers)
    expected = torch.stack([modules[n](row) for n, row in zip(numbers, inputs, strict=True)])
    torch.testing.assert_close(by_number(modules, inputs, number), expected)


def test_a_pseudo_feature_is_that_of_its_own_noise_quality_and_distortion():
    """z~ = mu + sigma z, E_G, + s, G_j, ReLU, written out for one feature at a time."""
    both = adversaries()
    generator = both.generator
    torch.nn.init.normal_(generator.mean[1])
    torch.nn.init.normal_(generator.spread[1])
    asked = draw(7, 2, "random", CPU)
    found = asked.through(generator)
    for row in range(7):
        j = asked.distortion[row].item()
        latent = generator.embedding(generator.mean[j] + generator.spread[j] * asked.noise[row])
        raw = generator.heads[j](latent + asked.score[row])
        torch.testing.assert_close(found[row], 2.0 * raw.clamp_min(0))


def test_features_that_may_be_negative_are_generated_without_a_relu():
    asked = draw(50, 2, "random", CPU)
    assert asked.through(adversaries().generator).min() >= 0
    assert asked.through(adversaries(positive=False).generator).min() < 0


def cross_entropy(logits, target):
    loss = torch.nn.BCEWithLogitsLoss()
    return loss(logits.double(), torch.full((len(logits),), float(target), dtype=torch.float64))


def real_batch(make_batch, count=9):
    features = torch.rand(count, DIM, generator=torch.Generator().manual_seed(3))
    return make_batch([i / count for i in range(count)], features=features)


def test_the_discriminator_learns_real_from_fake_and_the_quality_of_real_features(make_batch):
    both = adversaries(known=1)
    contest = new_contest(both, adversaries(known=0), quality=0.7)
    batch = real_batch(make_batch)
    torch.manual_seed(0)
    found = contest.discriminator_loss(batch)
    torch.manual_seed(0)
    asked = contest._conditions(batch)
    quality, real = both.discriminator(batch.features, asked.distortion)
    _, fake = both.discriminator(asked.through(both.generator), asked.distortion)
    error = (quality - batch.quality).double().square().mean()
    expected = cross_entropy(real, 1) + cross_entropy(fake, 0) + 0.7 * error
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_generator_learns_to_be_called_real_and_of_the_quality_asked_for(make_batch):
    both = adversaries(known=1)
    contest = new_contest(both, adversaries(known=0), quality=0.7)
    batch = real_batch(make_batch)
    torch.manual_seed(0)
    found = contest.generator_loss(batch)
    torch.manual_seed(0)
    asked = contest._conditions(batch)
    quality, real = both.discriminator(asked.through(both.generator), asked.distortion)
    expected = cross_entropy(real, 1) + 0.7 * (quality - batch.quality).double().square().mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_alignment_is_zero_with_the_predecessors_and_grows_with_what_has_changed(make_batch):
    now, old = adversaries(known=1), adversaries(known=1)
    before = old.predecessors()
    now.add_distortion()
    contest = new_contest(now, before, alignment=3.0)
    torch.manual_seed(0)
    assert contest._generator_alignment(20).item() == 0.0
    assert contest._discriminator_alignment(20).item() == 0.0
    moved = []
    for step in (0.01, 0.1):
        with torch.no_grad():
            now.generator.embedding[0].bias.add_(step)
            now.discriminator.embedding[0].bias.add_(step)
        torch.manual_seed(0)
        moved.append(
            (contest._generator_alignment(20).item(), contest._discriminator_alignment(20).item())
        )
    assert 0 < moved[0][0] < moved[1][0]
    assert 0 < moved[0][1] < moved[1][1]


def test_alignment_asks_for_old_distortions_only_and_joins_both_losses(make_batch):
    now, before = adversaries(known=3), adversaries(known=2, seed=1).predecessors()
    asked = []
    before.generator.register_forward_pre_hook(lambda _, given: asked.extend(given[2].tolist()))
    contest = new_contest(now, before)
    free = new_contest(now, before, alignment=0.0)
    batch = real_batch(make_batch)
    for loss, without in (
        (contest.discriminator_loss, free.discriminator_loss),
        (contest.generator_loss, free.generator_loss),
    ):
        torch.manual_seed(0)
        whole = loss(batch).item()
        torch.manual_seed(0)
        assert whole > without(batch).item()
    assert set(asked) == {0, 1}


def test_the_gradient_penalty_is_half_the_squared_slope_at_real_features(make_batch):
    """Against central differences, in units of a feature's size."""
    both = adversaries(known=1)
    contest = new_contest(both, adversaries(known=0), gradient_penalty=0.6)
    batch = real_batch(make_batch, count=4)
    real = batch.features.clone().requires_grad_(True)
    number = torch.zeros(4, dtype=torch.long)
    _, logits = both.discriminator(real, number)
    found = contest._gradient_penalty(real, logits).item()
    judge = Discriminator(DIM, WIDTH, 2.0)
    judge.add_distortion()
    judge.load_state_dict(both.discriminator.state_dict())
    judge.double()
    total, step = 0.0, 1e-6
    for row in range(4):
        for entry in range(DIM):
            shift = torch.zeros(1, DIM, dtype=torch.float64)
            shift[0, entry] = step
            at = batch.features[row : row + 1].double()
            up, down = (judge(at + sign * shift, number[:1])[1].item() for sign in (1, -1))
            total += (2.0 * (up - down) / (2 * step)) ** 2
    assert found == pytest.approx(0.5 * 0.6 * total / 4, rel=1e-3)


def test_only_shared_embeddings_and_what_is_new_are_updated():
    now, before = adversaries(known=3), adversaries(known=2)
    discriminator, generator = new_contest(now, before).updates()
    fixed = {id(p) for j in range(2) for p in (*now.generator.own(j), *now.discriminator.own(j))}
    trained = {id(p) for update in (discriminator, generator) for p in update.parameters}
    everything = {
        id(p) for network in (now.generator, now.discriminator) for p in network.parameters()
    }
    assert trained == everything - fixed


def test_networks_restored_from_their_tensors_say_the_same():
    both = adversaries(known=3, positive=False)
    again = Adversaries.restored(both.generator.state_dict(), both.discriminator.state_dict())
    asked = draw(9, 3, "random", CPU)
    features = asked.through(both.generator)
    assert again.known == 3
    assert torch.equal(asked.through(again.generator), features)
    for one, other in zip(
        both.discriminator(features, asked.distortion),
        again.discriminator(features, asked.distortion),
        strict=True,
    ):
        assert torch.equal(one, other)
