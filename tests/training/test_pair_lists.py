"""Learning from a fixed list of pairs, as the TSN-IQA paper and its released code do."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cliqa.training import FeatureBatches, ImageBatches, two_stage
from cliqa.training.samples import PAIRS_PER_IMAGE, PairList, pair_numbers

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tasks(make_task):
    return [make_task("one", 20), make_task("other", 16, seed=5)]


@pytest.fixture(scope="module")
def source(tiny_backbone, train_config):
    def make(tasks, *, seed=0, **settings):
        config = train_config(pairs="list", **({"batch_size": 6} | settings))
        return ImageBatches(tasks, tiny_backbone(), config, seed, CPU)

    return make


def pairs_of_epoch(source, epoch):
    """Sample ids of each pair, in their order."""
    batches = [source.batch(epoch, step) for step in range(source.steps)]
    return [tuple(b.sample_ids[i] for i in pair) for b in batches for pair in b.pairs.tolist()]


@given(images=st.integers(2, 40))
def test_pair_numbers_count_all_pairs_row_by_row(images):
    every = list(itertools.combinations(range(images), 2))
    assert pair_numbers(np.arange(len(every)), images).tolist() == [list(pair) for pair in every]


@given(size=st.integers(1, 200), seed=st.integers(0, 3))
def test_a_list_holds_different_pairs_of_training_images_of_one_task(tasks, size, seed):
    samples = PairList(tasks, 4, seed, "images", None, {"one": size})
    every = 14 * 13 // 2
    assert len(samples) == 2 * (min(size, every) + min(PAIRS_PER_IMAGE * 11, 11 * 10 // 2))
    drawn = [samples.draw(0, step) for step in range(samples.steps)]
    pairs = np.concatenate([d.positions[d.pairs] for d in drawn])
    assert len({tuple(sorted(pair)) for pair in pairs.tolist()}) == len(pairs)
    assert (samples.number[pairs[:, 0]] == samples.number[pairs[:, 1]]).all()
    assert (pairs[:, 0] != pairs[:, 1]).all()


def test_the_list_stays_and_its_order_changes_from_epoch_to_epoch(source, tasks):
    here = source(tasks, pair_list_size=20)
    first, second = (pairs_of_epoch(here, epoch) for epoch in (0, 1))
    assert sorted(first) == sorted(second)
    assert first != second
    other = pairs_of_epoch(source(tasks, pair_list_size=20, seed=1), 0)
    assert sorted(other) != sorted(first)


def test_a_batch_is_the_same_whenever_it_is_made(source, tasks):
    one, other = source(tasks), source(tasks)
    other.batch(3, 0)
    for epoch, step in ((1, 2), (0, 0)):
        assert torch.equal(one.batch(epoch, step).images, other.batch(epoch, step).images)


def test_the_first_images_come_before_the_second_ones_and_go_through_apart(source, tasks):
    batch = source(tasks).batch(0, 0)
    count = len(batch.pairs)
    assert batch.parts == (count, count)
    assert batch.pairs.tolist() == [[i, count + i] for i in range(count)]
    assert len(batch.images) == len(batch.quality) == 2 * count


def test_an_image_in_several_pairs_is_another_view_in_each(source, make_task):
    large = make_task("large", 20, sizes=((64, 64),))
    batch = source([large], batch_size=91, pair_list_size=91).batch(0, 0)
    places = [i for i, name in enumerate(batch.sample_ids) if name == batch.sample_ids[0]]
    assert len(places) == 13
    assert len({batch.images[i].numpy().tobytes() for i in places}) == 13


def test_images_are_counted_each_time_they_are_forwarded(source, tasks, make_task):
    here = source(tasks[:1], pair_list_size=20)
    assert here.samples == 40
    assert here.samples == sum(len(here.batch(0, step).sample_ids) for step in range(here.steps))


def test_the_network_sees_both_parts_separately(make_context, tiny_model, source, tasks):
    context = make_context(tiny_model(), tasks[:1])
    batch = source(tasks[:1]).batch(0, 0)
    context.model.backbone.train()  # batch statistics tell one forward from two
    halves = [context.model.backbone(part) for part in batch.images.chunk(2)]
    assert torch.equal(context.forward(batch), torch.cat(halves))
    assert not torch.allclose(context.forward(batch), context.model.backbone(batch.images))


@given(keep=st.lists(st.booleans(), min_size=6, max_size=6))
def test_selecting_keeps_the_pairs_whose_images_are_both_kept(make_batch, keep):
    pairs = torch.tensor([[0, 3], [1, 4], [2, 5], [0, 5]])
    batch = make_batch(range(6), pairs=pairs)
    found = batch.select(torch.tensor(keep))
    names = [[found.sample_ids[i] for i in pair] for pair in found.pairs.tolist()]
    assert names == [[f"s{i}", f"s{j}"] for i, j in pairs.tolist() if keep[i] and keep[j]]


def test_batches_side_by_side_keep_their_own_pairs_and_parts(source, tasks):
    one, other = source(tasks[:1]).batch(0, 0), source(tasks[1:]).batch(0, 0)
    both = one.beside(other)
    assert both.parts == one.parts + other.parts
    split = len(one.sample_ids)
    first = [p for p in both.pairs.tolist() if max(p) < split]
    second = [[i - split, j - split] for i, j in both.pairs.tolist() if min(i, j) >= split]
    assert first == one.pairs.tolist()
    assert second == other.pairs.tolist()


def test_stage_1_has_its_own_batch_size_and_sees_pairs_too(make_context, tiny_model, tasks):
    settings = {"pairs": "list", "warmup_batch_size": 9, "batch_size": 4, "pair_list_size": 18}
    context = make_context(tiny_model(), tasks[:1], **settings)
    first, second = two_stage(context, [], loss=torch.sum, warmup_loss=torch.sum)
    assert isinstance(first.batches, FeatureBatches)
    assert [len(phase.batches.batch(0, 0).pairs) for phase in (first, second)] == [9, 4]
    features = context.features()
    batch = first.batches.batch(0, 0)
    for feature, name in zip(batch.features, batch.sample_ids, strict=True):
        row = tasks[0].split.train.index(tasks[0].sample_ids.index(name))
        assert torch.equal(feature, features[row])


def test_stage_1_may_see_augmented_views_and_still_leaves_the_network_alone(
    make_context, tiny_model, tasks, new_trainer
):
    context = make_context(tiny_model(), tasks[:1], warmup_views="augmented")
    before = context.model.snapshot()
    head = [p.clone() for p in context.model.heads[0].parameters()]

    def loss(batch):
        return context.objective.loss(context.scores(batch), batch)

    first, _ = two_stage(context, ["conv1.weight"], loss=loss, warmup_loss=loss)
    assert isinstance(first.batches, ImageBatches)
    new_trainer().run(first, context)
    after = context.model.snapshot()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not torch.equal(head[0], next(context.model.heads[0].parameters()))


@pytest.mark.parametrize("carry", [True, False])
def test_stage_2_goes_on_with_the_heads_adam_state_only_when_asked(
    make_context, tiny_model, tasks, new_trainer, carry
):
    context = make_context(tiny_model(), tasks[:1], carry_optimizer=carry, batch_size=14)

    def loss(batch):
        return context.objective.loss(context.scores(batch), batch)

    first, second = two_stage(context, ["conv1.weight"], loss=loss, warmup_loss=loss)
    trainer = new_trainer()
    trainer.run(first, context)
    weight = context.model.heads[0].weight
    (left,) = [o.state[weight]["step"].item() for o in trainer._last]
    trainer.run(second, context)
    seen = [o.state[weight]["step"].item() for o in trainer._last]
    assert left == 1
    assert seen == [2 if carry else 1]
    (new,) = [o.state[context.model.backbone.conv1.weight]["step"] for o in trainer._last]
    assert new.item() == 1
