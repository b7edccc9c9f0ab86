"""The two-stage schedule of the TSN-IQA paper and its baselines."""

import pytest
import torch

from cliqa.training import FeatureBatches, ImageBatches, two_stage

BODY = ["conv2.weight", "layer1.bias"]


@pytest.fixture
def context(make_context, make_task, tiny_model):
    def make(**settings):
        return make_context(tiny_model(), [make_task("live", 20)], **settings)

    return make


def stages(context, trainable=BODY):
    def joint(batch):
        return context.objective.loss(context.scores(batch), batch)

    def warmup(batch):
        return 2 * joint(batch)

    return two_stage(context, trainable, loss=joint, warmup_loss=warmup), joint, warmup


def test_the_head_is_trained_alone_and_then_with_all_that_may_move(context):
    here = context(warmup_epochs=2, epochs=5, lr_drop_epoch=3, lr=0.01, head_lr_factor=4)
    (first, second), joint, warmup = stages(here)
    assert (first.name, first.epochs, first.lr_drop_epoch) == ("head", 2, None)
    assert (second.name, second.epochs, second.lr_drop_epoch) == ("joint", 5, 3)
    assert isinstance(first.batches, FeatureBatches)
    assert isinstance(second.batches, ImageBatches)
    (head_only,), (both,) = first.updates, second.updates
    head = list(here.model.heads[0].parameters())
    body = [dict(here.model.backbone.named_parameters())[name] for name in BODY]
    assert [id(p) for p in head_only.parameters] == [id(p) for p in head]
    assert [id(p) for p in both.parameters] == [id(p) for p in head + body]
    assert head_only.loss is warmup
    assert both.loss is joint


def test_rates_and_decay_are_the_configured_ones(context):
    here = context(lr=0.01, head_lr_factor=4, weight_decay=0.02)
    groups = [g for phase in stages(here)[0] for update in phase.updates for g in update.groups]
    assert [group.lr for group in groups] == [0.04, 0.04, 0.01]
    assert [group.weight_decay for group in groups] == [0.02] * 3


@pytest.mark.parametrize("select", ["best", "last"])
def test_only_the_second_stage_is_selected_by_validation(context, select):
    (first, second), _, _ = stages(context(select=select))
    assert (first.validate, first.keep) == (None, "last")
    assert second.keep == select
    assert second.validate() == pytest.approx(second.validate())


@pytest.mark.parametrize("configured", ["update", "first-epoch", "frozen"])
def test_the_first_stage_uses_running_statistics_and_the_second_what_is_configured(
    context, configured
):
    (first, second), _, _ = stages(context(norm_statistics=configured))
    assert (first.norm_statistics, second.norm_statistics) == ("frozen", configured)


def test_without_warm_up_epochs_there_is_no_first_stage(context):
    phases, _, _ = stages(context(warmup_epochs=0))
    assert [phase.name for phase in phases] == ["joint"]


def test_if_nothing_of_the_network_may_move_the_second_stage_trains_the_head_on_images(context):
    here = context()
    (_, second), _, _ = stages(here, trainable=[])
    (update,) = second.updates
    assert second.name == "head-on-images"
    assert [id(p) for p in update.parameters] == [id(p) for p in here.model.heads[0].parameters()]


def test_features_of_the_first_stage_are_those_of_the_network_before_any_training(
    context, new_trainer
):
    here = context(warmup_epochs=1)
    (first, second), _, _ = stages(here)
    before = first.batches.batch(0, 0).features.clone()
    new_trainer().run(second, here)
    assert torch.equal(first.batches.batch(0, 0).features, before)


def test_the_first_stage_leaves_the_whole_network_bit_identical(context, new_trainer):
    here = context(warmup_epochs=2)
    before = here.model.snapshot()
    head = here.model.heads[0].weight.clone()
    new_trainer().run(stages(here)[0][0], here)
    assert all(torch.equal(t, before[n]) for n, t in here.model.backbone.state_dict().items())
    assert not torch.equal(here.model.heads[0].weight, head)
