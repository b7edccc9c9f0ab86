"""The fidelity loss on pairs."""

import math

import pytest
import torch
from cliqa_pairwise.config import FidelityConfig
from cliqa_pairwise.fidelity import Fidelity, pairs_within
from hypothesis import given
from hypothesis import strategies as st

from cliqa.errors import DataError

score = st.floats(-3, 3, width=32)
#: Score, quality (with ties), deviation, dataset.
images = st.lists(
    st.tuples(score, st.integers(0, 4), st.floats(0.125, 2, width=32), st.integers(0, 2)),
    min_size=2,
    max_size=12,
)
labels = st.sampled_from(["binary", "binary-strict", "thurstone"])
links = st.sampled_from(["thurstone", "plain"])


def phi(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


def loss_by_loop(rows, label, link):
    """The paper's formula in float64, one pair after the other."""
    terms = []
    for i, (a, quality_a, std_a, task_a) in enumerate(rows):
        for b, quality_b, std_b, task_b in rows[i + 1 :]:
            if task_a != task_b:
                continue
            if label == "thurstone":
                r = phi((quality_a - quality_b) / math.hypot(std_a, std_b))
            else:
                r = float(quality_a > quality_b or (quality_a == quality_b and label == "binary"))
            p = phi((a - b) / (math.sqrt(2) if link == "thurstone" else 1))
            terms.append(1 - math.sqrt(r * p + 1e-8) - math.sqrt((1 - r) * (1 - p) + 1e-8))
    return sum(terms) / len(terms) if terms else 0.0


def evaluate(make_batch, rows, label="binary", link="thurstone"):
    scores, quality, std, task = zip(*rows, strict=True)
    scores = torch.tensor(scores, dtype=torch.float32, requires_grad=True)
    batch = make_batch(quality, std=std, task=task)
    loss = Fidelity(FidelityConfig(label=label, link=link)).loss(scores, batch)
    loss.backward()
    return loss.item(), scores.grad


@given(rows=images, label=labels, link=links)
def test_the_loss_equals_a_float64_loop_over_pairs_of_one_dataset(make_batch, rows, label, link):
    loss, _ = evaluate(make_batch, rows, label, link)
    assert loss == pytest.approx(loss_by_loop(rows, label, link), rel=1e-4, abs=1e-5)


@given(rows=images, label=labels, link=links)
def test_the_gradient_equals_finite_differences_of_that_loop(make_batch, rows, label, link):
    _, gradient = evaluate(make_batch, rows, label, link)
    for image in range(len(rows)):
        sides = []
        for step in (1e-5, -1e-5):
            moved = list(rows)
            moved[image] = (rows[image][0] + step, *rows[image][1:])
            sides.append(loss_by_loop(moved, label, link))
        slope = (sides[0] - sides[1]) / 2e-5
        assert gradient[image].item() == pytest.approx(slope, rel=5e-3, abs=1e-4)


@pytest.mark.parametrize(
    ("link", "difference", "probability"),
    # Phi(1) = 0.8413 and Phi(1 / sqrt 2) = 0.7602 from a table of the normal distribution.
    [("thurstone", 1.0, 0.7602), ("plain", 1.0, 0.8413), ("plain", -1.0, 0.1587)],
)
def test_the_predicted_probability_is_that_of_a_thurstone_model(link, difference, probability):
    objective = Fidelity(FidelityConfig(link=link))
    found = objective.unit_outputs(torch.tensor([[0.25 + difference, 0.25]]))
    assert found.tolist() == pytest.approx([probability], abs=5e-5)


@pytest.mark.parametrize(("label", "tied"), [("binary", 1.0), ("binary-strict", 0.0)])
def test_a_tie_counts_as_better_in_the_paper_and_as_worse_in_the_released_code(label, tied):
    objective = Fidelity(FidelityConfig(label=label))
    quality = torch.tensor([[2.0, 2.0], [3.0, 2.0], [2.0, 3.0]])
    assert objective.labels(quality, torch.full((3, 2), math.nan)).tolist() == [tied, 1.0, 0.0]


def test_the_thurstone_label_is_a_probability_from_scores_and_deviations():
    """Means one apart, deviations 0.6 and 0.8: Phi(1) = 0.8413."""
    objective = Fidelity(FidelityConfig(label="thurstone"))
    quality, std = torch.tensor([[3.0, 2.0], [2.0, 3.0]]), torch.tensor([[0.6, 0.8], [0.8, 0.6]])
    assert objective.labels(quality, std).tolist() == pytest.approx([0.8413, 0.1587], abs=5e-5)


@given(st.lists(st.integers(0, 3), max_size=12))
def test_pairs_are_all_of_two_images_of_one_dataset_each_once(task):
    found = pairs_within(torch.tensor(task, dtype=torch.int64))
    assert found.shape == (len(found), 2)
    count = range(len(task))
    assert found.tolist() == [[i, j] for i in count for j in count if i < j and task[i] == task[j]]


@given(rows=images, old=st.data())
def test_distillation_is_the_fidelity_of_each_pair_to_the_old_models_probability(
    make_batch, rows, old
):
    """As a loop; it is least, and nearly 0, where the two models agree."""
    scores, quality, _, task = zip(*rows, strict=True)
    old_scores = old.draw(st.lists(score, min_size=len(rows), max_size=len(rows)))
    terms = []
    for i in range(len(rows)):
        for j in range(i + 1, len(rows)):
            if task[i] == task[j]:
                p = phi((scores[i] - scores[j]) / math.sqrt(2))
                r = phi((old_scores[i] - old_scores[j]) / math.sqrt(2))
                terms.append(1 - math.sqrt(r * p + 1e-8) - math.sqrt((1 - r) * (1 - p) + 1e-8))
    objective, batch = Fidelity(FidelityConfig()), make_batch(quality, task=task)
    now, before = torch.tensor(scores), torch.tensor(old_scores)
    found = objective.distillation(now, before, batch).item()
    assert found == pytest.approx(sum(terms) / max(len(terms), 1), abs=1e-5)
    agreeing = objective.distillation(now, now, batch).item()
    assert agreeing == pytest.approx(0, abs=2e-4)
    assert agreeing <= found + 1e-6


@pytest.mark.parametrize("std", [float("nan"), 0.0])
def test_the_thurstone_label_without_deviations_is_refused_with_a_way_out(make_batch, std):
    batch = make_batch([1.0, 2.0], std=[std, std])
    with pytest.raises(DataError, match=r"needs a positive score deviation .* `label: binary`"):
        Fidelity(FidelityConfig(label="thurstone")).loss(torch.zeros(2), batch)


@given(rows=images, shift=st.floats(-5, 5, width=32))
def test_scores_of_different_datasets_are_never_compared(make_batch, rows, shift):
    """Raising all scores of one dataset changes nothing: pairs never cross datasets."""
    raised = [(s + shift if task == 0 else s, q, std, task) for s, q, std, task in rows]
    before, after = (evaluate(make_batch, r)[0] for r in (rows, raised))
    assert after == pytest.approx(before, abs=1e-4)


@pytest.mark.parametrize(
    "rows",
    [[(0.3, 1, 1, 0)], [(0.3, 1, 1, 0), (0.9, 2, 1, 1)]],
    ids=["one image", "one image of each dataset"],
)
def test_a_batch_without_a_pair_has_no_loss_and_a_gradient_of_zero(make_batch, rows):
    loss, gradient = evaluate(make_batch, rows)
    assert loss == 0
    assert gradient.tolist() == [0.0] * len(rows)


@given(
    size=st.sampled_from([1.0, 10.0, 1e3, 1e8, 3e38]),
    signs=st.lists(st.sampled_from([-1, 1])),
    label=labels,
    link=links,
)
def test_gradients_stay_finite_however_far_apart_scores_are(make_batch, size, signs, label, link):
    rows = [(s * size, i, 0.5, 0) for i, s in enumerate([1, -1, *signs])]
    loss, gradient = evaluate(make_batch, rows, label, link)
    assert math.isfinite(loss)
    assert torch.isfinite(gradient).all()


@given(rows=images, label=st.sampled_from(["binary", "binary-strict"]))
def test_the_loss_lies_between_zero_and_one(make_batch, rows, label):
    loss, _ = evaluate(make_batch, rows, label)
    assert -1.1e-4 <= loss <= 1


def test_a_right_order_costs_nothing_and_a_wrong_one_everything(make_batch):
    right = [(s * 10, s, 1, 0) for s in range(4)]
    wrong = [(-s, q, std, task) for s, q, std, task in right]
    assert evaluate(make_batch, right)[0] == pytest.approx(0, abs=3e-4)
    assert evaluate(make_batch, wrong)[0] == pytest.approx(1, abs=3e-4)


def test_the_loss_is_computed_in_float32_even_under_autocast(make_batch):
    rows = [(0.001 * i, i % 3, 1, 0) for i in range(8)]
    plain = evaluate(make_batch, rows)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = evaluate(make_batch, rows)
    assert plain[0] == mixed[0]
    assert torch.equal(plain[1], mixed[1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_loss_is_the_same_on_a_gpu(make_batch):
    scores, objective = torch.randn(6), Fidelity(FidelityConfig())
    batch = make_batch(range(6), task=[0, 0, 0, 1, 1, 1])
    there = type(batch)(
        quality=batch.quality.cuda(),
        std=batch.std.cuda(),
        task=batch.task.cuda(),
        sample_ids=batch.sample_ids,
    )
    torch.testing.assert_close(
        objective.loss(scores.cuda(), there).cpu(), objective.loss(scores, batch)
    )


@given(rows=images)
def test_distillation_has_its_least_value_where_the_models_agree(make_batch, rows):
    batch = make_batch([quality for _, quality, *_ in rows])
    old = torch.tensor([score for score, *_ in rows], dtype=torch.float32)
    objective = Fidelity(FidelityConfig())
    agreed = objective.distillation(old, old, batch)
    moved = objective.distillation(old + torch.linspace(0, 1, len(rows)), old, batch)
    assert agreed.item() == pytest.approx(0.0, abs=2e-4)
    assert moved.item() >= agreed.item() - 1e-6


@given(rows=images, pick=st.data())
def test_of_a_batch_that_names_its_pairs_only_those_are_learned_from(make_batch, rows, pick):
    scores, quality, *_ = zip(*rows, strict=True)
    place = st.integers(0, len(rows) - 1)
    pairs = pick.draw(st.lists(st.tuples(place, place), min_size=1, max_size=5))
    batch = make_batch(quality, pairs=torch.tensor(pairs))
    objective = Fidelity(FidelityConfig())
    expected = [loss_by_loop([(*rows[i][:3], 0), (*rows[j][:3], 0)], "binary", "thurstone")
                for i, j in pairs]  # fmt: skip
    found = objective.loss(torch.tensor(scores), batch).item()
    assert found == pytest.approx(sum(expected) / len(pairs), rel=1e-4, abs=1e-5)
    assert objective.distillation(torch.tensor(scores), torch.tensor(scores), batch).item() < 2e-4
