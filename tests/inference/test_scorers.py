"""Every way of scoring gives the scores of the plain one."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cliqa.inference import SCORERS, BatchedScorer, FoldedScorer, ReferenceScorer, make_scorer
from cliqa.metrics import srcc

KINDS = [
    "plain",
    "no bias, grouped",
    "dilated",
    "no affine",
    "no statistics",
    "norm with activation",
    "norm that doubles",
    "norm before conv",
    "standardized weight",
    "weight norm",
    "group norm",
    "layer norm",
    "linear",
    "transposed",
    "around the norm",
    "one conv for two norms",
    "written into",
    "two streams",
]


def images_of(count, seed=0):
    drawn = torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed))
    return drawn.to(memory_format=torch.channels_last)


def one_by_one(model, images):
    """The scores of each head's network alone: its tensors are written into the backbone."""
    before, columns = model.snapshot(), []
    with torch.no_grad():
        for head, own in enumerate(model.parameter_sets):
            model.restore(own)
            columns.append(model.heads[head](model.backbone(images))[:, 0])
            model.restore(before)
    return torch.stack(columns, dim=1)


def agree(found, exact):
    """Within 2e-5 of scores that range from -1 to 1: a tenth of what is promised."""
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, exact, rtol=0, atol=2e-5)


def test_the_networks_tried_here_are_all_there_are(observed_networks):
    assert sorted(KINDS) == sorted(observed_networks)


@pytest.mark.parametrize("name", SCORERS)
@settings(max_examples=40)
@given(
    kind=st.sampled_from(KINDS),
    heads=st.integers(1, 4),
    own=st.sampled_from(["normalization", "everything", "nothing", "mixed"]),
    count=st.integers(2, 5),
    seed=st.integers(0, 99),
    memory=st.sampled_from([0, 4_000, 10**9]),
)
def test_every_scorer_gives_the_scores_of_each_heads_own_network(
    varied_model, name, kind, heads, own, count, seed, memory
):
    # Where statistics are those of the batch, scores depend on how images are cut into batches.
    assume(not (name == "batched" and kind == "no statistics"))
    model = varied_model(kind, heads, own, seed)
    images = images_of(count, seed)
    scorer = SCORERS[name](model, memory)
    exact = one_by_one(model, images)
    agree(scorer.scores(images, range(heads)), exact)
    again = images_of(count, seed + 1)
    agree(scorer.scores(again, range(heads)), one_by_one(model, again))


@pytest.mark.parametrize("kind", KINDS)
def test_what_can_be_folded_is_and_the_rest_is_left_alone(varied_model, observed_networks, kind):
    scorer = FoldedScorer(varied_model(kind, 2))
    scorer.scores(images_of(2), (0, 1))
    assert scorer.record()["folded_layers"] == observed_networks[kind][1]
    assert "not_copied" not in scorer.record()
    assert "not_observed" not in scorer.record()


def test_a_heads_scores_are_the_same_bits_whichever_heads_are_scored_with_it(varied_model):
    model, images = varied_model("plain", 4), images_of(3)
    together = FoldedScorer(model).scores(images, range(4))
    for head in range(4):
        alone = FoldedScorer(model, memory=0).scores(images, [head])
        assert torch.equal(alone[:, 0], together[:, head])


def test_a_scorer_that_forgets_follows_the_model(varied_model):
    model, images = varied_model("plain", 2), images_of(3)
    for name in SCORERS:
        scorer = make_scorer(name, model)
        before = scorer.scores(images, (0, 1))
        model.parameter_sets[1]["layers.4.weight"].add_(1)
        model.backbone.layers[0].weight.add_(0.1)
        scorer.forget()
        after = scorer.scores(images, (0, 1))
        agree(after, one_by_one(model, images))
        assert not torch.equal(before, after)


def test_scoring_changes_nothing_of_the_model(varied_model):
    model = varied_model("norm with activation", 3)
    before = {name: t.clone() for name, t in model.tensors().items()}
    for name in SCORERS:
        make_scorer(name, model).scores(images_of(2), range(3))
    assert all(torch.equal(t, before[name]) for name, t in model.tensors().items())
    assert not any(module._forward_hooks for module in model.modules())
    assert type(model.backbone.layers[1]) is torch.nn.BatchNorm2d


def test_a_copy_that_differs_is_not_used_and_its_head_is_named(varied_model):
    """A layer that keeps its parent outside the module tree still calls the original."""
    model, images = varied_model("plain", 2), images_of(3)
    norm = model.backbone.layers[4]
    object.__setattr__(model.backbone.layers[5], "forward", lambda x: torch.relu(x) + norm(x))
    scorer = FoldedScorer(model)
    agree(scorer.scores(images, (0, 1)), one_by_one(model, images))
    assert scorer.record()["not_copied"] == ["head 1", "head 2"]


def test_a_network_that_cannot_be_observed_is_copied_without_folding(varied_model, monkeypatch):
    model, images = varied_model("plain", 2), images_of(3)

    def failing(*_):
        raise RuntimeError("no such operation")

    monkeypatch.setattr("cliqa.inference.structure._watch", failing)
    scorer = FoldedScorer(model)
    agree(scorer.scores(images, (0, 1)), one_by_one(model, images))
    record = scorer.record()
    assert record["not_observed"] == ["RuntimeError: no such operation"]
    assert (record["folded_layers"], record["shared_parts"]) == (0, [])


@pytest.mark.parametrize("name", SCORERS)
def test_in_bf16_the_order_of_images_stays(varied_model, name):
    """Stated: SRCC with float32 of at least 0.99 over 200 images, for every head."""
    model, images = varied_model("plain", 3), images_of(200)
    exact = ReferenceScorer(model).scores(images, range(3)).numpy()
    with torch.autocast("cpu", torch.bfloat16):
        found = make_scorer(name, model).scores(images, range(3)).numpy()
    assert found.dtype == exact.dtype
    for head in range(3):
        assert srcc(found[:, head], exact[:, head]) >= 0.99


@settings(max_examples=20)
@given(chosen=st.lists(st.integers(0, 3), min_size=1, max_size=6), seed=st.integers(0, 9))
def test_one_each_gives_every_image_the_score_of_its_head(varied_model, chosen, seed):
    model, images = varied_model("plain", 4, seed=seed), images_of(len(chosen), seed)
    every = one_by_one(model, images)
    exact = torch.stack([every[row, head] for row, head in enumerate(chosen)])
    for name in SCORERS:
        found = make_scorer(name, model).one_each(images, chosen)
        torch.testing.assert_close(found, exact, rtol=0, atol=2e-4)


def test_batched_cuts_the_images_so_that_a_pass_is_no_larger_than_asked(varied_model):
    model = varied_model("plain", 3)
    sizes = []
    model.backbone.layers[0].register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    BatchedScorer(model).scores(images_of(7), range(3))
    assert sizes == [2, 2, 2, 1]


def test_auto_stands_for_folded_on_a_cpu(varied_model):
    assert isinstance(make_scorer("auto", varied_model("plain", 1)), FoldedScorer)
