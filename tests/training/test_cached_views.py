"""Features of several augmented views, computed once."""

import pytest
import torch

from cliqa.training import FeatureBatches

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tasks(make_task):
    return [make_task("one", 23), make_task("other", 17, seed=5)]


def numbered(tasks, views):
    """(views, N, 3): the feature of view v of an image is its task's number, its row, and v."""
    rows = [(n, row) for n, task in enumerate(tasks) for row in task.split.train]
    return torch.stack([torch.tensor([(*row, v) for row in rows]).float() for v in range(views)])


def epoch_of(source, epoch):
    """(task name's number, row, view, sample id) of all samples of an epoch."""
    batches = [source.batch(epoch, step) for step in range(source.steps)]
    return [
        (*map(int, feature), sample_id)
        for batch in batches
        for feature, sample_id in zip(batch.features.tolist(), batch.sample_ids, strict=True)
    ]


def test_an_epoch_takes_one_view_of_every_image_and_the_next_epoch_another(tasks, train_config):
    source = FeatureBatches(tasks, numbered(tasks, 3), train_config(), 0, CPU)
    images = sorted((n, row) for n, task in enumerate(tasks) for row in task.split.train)
    for epoch in range(5):
        seen = epoch_of(source, epoch)
        assert sorted((n, row) for n, row, _, _ in seen) == images
        assert {view for _, _, view, _ in seen} == {epoch % 3}


def test_with_all_views_an_epoch_takes_every_view_of_every_image_once(tasks, train_config):
    source = FeatureBatches(
        tasks, numbered(tasks, 3), train_config(), 0, CPU, batch_size=7, all_views=True
    )
    expected = sorted(
        (n, row, view)
        for n, task in enumerate(tasks)
        for row in task.split.train
        for view in range(3)
    )
    assert source.samples == len(expected)
    for epoch in (0, 1):
        assert sorted(seen[:3] for seen in epoch_of(source, epoch)) == expected
    assert max(len(source.batch(0, step).sample_ids) for step in range(source.steps)) <= 7


@pytest.mark.parametrize("all_views", [False, True])
def test_features_and_qualities_belong_to_their_samples(tasks, train_config, all_views):
    source = FeatureBatches(tasks, numbered(tasks, 2), train_config(), 0, CPU, all_views=all_views)
    for step in range(source.steps):
        batch = source.batch(1, step)
        for feature, quality, name in zip(
            batch.features.tolist(), batch.quality, batch.sample_ids, strict=True
        ):
            task, row = tasks[int(feature[0])], int(feature[1])
            assert task.sample_ids[row] == name
            assert quality == torch.tensor(task.unit_quality[row]).float()


def test_as_many_features_as_images_are_asked_for(tasks, train_config):
    with pytest.raises(ValueError, match="features of 3 images, expected"):
        FeatureBatches(tasks, torch.zeros(2, 3, 4), train_config(), 0, CPU)


def test_augmented_features_are_those_of_training_crops_by_the_network_at_rest(
    make_context, make_task, tiny_model
):
    task, model = make_task("live", 15), tiny_model()
    context = make_context(model, [task])
    before = {n: t.clone() for n, t in model.state_dict().items()}
    found = context.augmented_features(3)
    assert found.shape == (3, len(task.split.train), model.backbone.feature_dim)
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())
    assert len(found.flatten(0, 1).unique(dim=0)) > len(task.split.train)  # views differ
    assert torch.equal(found, context.augmented_features(3))
    assert torch.equal(found[:2], context.augmented_features(2))
