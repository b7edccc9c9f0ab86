"""What a strategy is given: scores, features, validation."""

import dataclasses
import math

import pytest
import scipy.stats
import torch

from cliqa.data import Split
from cliqa.model import Compute, to_input


@pytest.fixture
def context(make_context, make_task, tiny_model, disturb):
    tasks = [make_task("one", 20), make_task("other", 24, seed=4)]
    context = make_context(tiny_model(), tasks)
    disturb(context.model.heads[0].weight, seed=1)
    return context


@torch.no_grad()
def one_by_one(context, task, rows, function):
    """The reference: each image alone."""
    backbone = context.model.eval().backbone
    return [
        function(to_input([task.images.read(row)], backbone, torch.device("cpu")))[0]
        for row in rows
    ]


def test_features_are_those_of_all_training_images_in_order(context):
    context.model.train()
    found = context.features()
    exact = [
        feature
        for task in context.tasks
        for feature in one_by_one(context, task, task.split.train, context.model.backbone)
    ]
    torch.testing.assert_close(found, torch.stack(exact), rtol=1e-4, atol=1e-5)


def test_scores_of_cached_features_and_of_images_are_those_of_the_head_being_trained(
    make_context, make_task, tiny_model, disturb, make_batch
):
    model = tiny_model()
    model.add_head(["earlier"])
    context = make_context(model, [make_task("live", 10)])
    disturb(model.heads[1].weight)
    images = torch.randn(4, 3, 20, 20)
    features = model.backbone(images)
    of_images = context.scores(make_batch([0] * 4, images=images))
    of_features = context.scores(make_batch([0] * 4, features=features))
    assert of_images.shape == (4,)
    assert torch.equal(of_images, of_features)
    torch.testing.assert_close(of_images, model.heads[1](features)[:, 0])


def test_cached_features_are_used_as_they_are_and_images_run_through_the_network(
    context, make_batch
):
    features = torch.randn(4, 12)
    images = torch.randn(4, 3, 20, 20)
    assert context.forward(make_batch([0] * 4, features=features)) is features
    found = context.forward(make_batch([0] * 4, images=images))
    assert torch.equal(found, context.model.backbone(images))


def test_scores_in_bf16_are_float32_with_a_gradient_in_the_network(context, make_batch):
    bf16 = Compute(device=torch.device("cpu"), precision="bf16")
    context = dataclasses.replace(context, compute=bf16)
    context.model.requires_grad_(True)
    batch = make_batch([0, 0], images=torch.randn(2, 3, 20, 20))
    scores = context.scores(batch)
    assert scores.dtype == context.forward(batch).dtype == torch.float32
    assert torch.equal(context.forward(batch), context.forward(batch).bfloat16().float())
    scores.sum().backward()
    assert context.model.backbone.conv1.weight.grad.dtype == torch.float32


def test_validation_is_the_mean_over_datasets_of_scipys_spearman(context):
    def score(images):
        return context.model.heads[0](context.model.backbone(images))[:, 0]

    values = []
    for task in context.tasks:
        rows = task.split.val + task.split.test
        predicted = [float(s) for s in one_by_one(context, task, rows, score)]
        values.append(scipy.stats.spearmanr(predicted, task.quality[list(rows)]).statistic)
    wide = [
        dataclasses.replace(
            task, split=Split(task.split.train, task.split.val + task.split.test, ())
        )
        for task in context.tasks
    ]
    context = dataclasses.replace(context, tasks=tuple(wide))
    assert context.validation_srcc() == pytest.approx(sum(values) / 2, abs=1e-9)


def test_validation_on_one_image_is_undefined_and_not_an_error(context):
    task = context.tasks[0]
    single = dataclasses.replace(task, split=Split(task.split.train, task.split.val[:1], ()))
    assert math.isnan(dataclasses.replace(context, tasks=(single,)).validation_srcc())
