"""Stages that learn several tasks: each index is the published formula over sets of tasks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliqa import metrics as m


@st.composite
def sequences(draw):
    """S, R and the stage of each task, in order of learning; the first stage may learn many."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    stages = [t for t, size in enumerate(sizes) for _ in range(size)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    S, R = rng.uniform(-1, 1, (2, len(sizes), len(stages)))
    return S, R, stages


def own(stages, t):
    return [k for k, stage in enumerate(stages) if stage == t]


def old(stages, t):
    return [k for k, stage in enumerate(stages) if stage < t]


@given(found=sequences())
def test_indices_equal_loops_over_the_tasks_of_each_stage(found):
    S, R, stages = found
    T = range(len(S))
    PI = [np.mean([S[t, k] for k in own(stages, t)]) for t in T]
    SI = [1.0] + [np.mean([R[t, k] for k in old(stages, t)]) for t in T[1:]]
    seen = [[*old(stages, t), *own(stages, t)] for t in T]
    C = [np.mean([abs(S[t, k]) for k in seen[t]]) for t in T]
    F = [0.0] + [
        np.mean([max(abs(S[s, k]) for s in range(t)) - abs(S[t, k]) for k in old(stages, t)])
        for t in T[1:]
    ]
    assert m.plasticity_index(S, stages) == pytest.approx(PI)
    assert m.stability_index(R, stages) == pytest.approx(SI)
    assert m.mean_plasticity_stability_index(S, R, stages) == pytest.approx(
        (np.mean(PI) + np.mean(SI)) / 2
    )
    assert m.correlation_indices(S, stages) == pytest.approx(C)
    assert m.forgetting_indices(S, stages) == pytest.approx(F)
    assert m.average_anytime_srcc(S, stages) == pytest.approx(
        np.mean([np.mean([S[t, k] for k in seen[t]]) for t in T])
    )
    assert m.mean_srcc(S, stages) == pytest.approx(S[-1].mean())


@given(found=sequences())
def test_transfer_compares_each_task_with_the_stage_that_learned_it(found):
    S, _, stages = found
    last = len(S) - 1
    baseline = np.linspace(-1, 1, len(stages))
    before = [S[stages[k] - 1, k] - baseline[k] for k in range(len(stages)) if stages[k] > 0]
    after = [S[last, k] - S[stages[k], k] for k in old(stages, last)]
    gap = [baseline[k] - S[stages[k], k] for k in range(len(stages))]
    mean = lambda values: np.mean(values) if values else np.nan  # noqa: E731
    assert m.forward_transfer(S, baseline, stages) == pytest.approx(mean(before), nan_ok=True)
    assert m.backward_transfer(S, stages) == pytest.approx(mean(after), nan_ok=True)
    assert m.intransigence(S, baseline, stages) == pytest.approx(mean(gap))


@given(found=sequences())
def test_what_was_never_evaluated_before_it_was_learned_is_no_candidate_for_the_peak(found):
    S, _, stages = found
    partly = S.copy()
    for t in range(len(S)):
        partly[t, [k for k, stage in enumerate(stages) if stage > t]] = np.nan
    F = [
        np.mean([max(S[s, k] for s in range(stages[k], t)) - S[t, k] for k in old(stages, t)])
        for t in range(1, len(S))
    ]
    if F:
        assert m.average_forgetting(partly, stages) == pytest.approx(F[-1])


@given(found=sequences())
def test_one_task_a_stage_needs_no_word_about_stages(found):
    S, R, _ = found
    T = len(S)
    S, R = S[:, :T], R[:, :T]
    for function, args in (
        (m.plasticity_index, (S,)), (m.stability_index, (R,)), (m.forgetting_indices, (S,)),
        (m.correlation_indices, (S,)), (m.task_length_robustness, (S, R)),
    ):  # fmt: skip
        assert np.array_equal(function(*args), function(*args, list(range(T))))


@pytest.mark.parametrize(
    "learned_at", [[0, 1], [0, 0, 2], [0, 0, 0], [0, 1, 2, 1], [-1, 0, 1], [0, 1, 1, 1]]
)
def test_stages_that_do_not_fit_the_matrix_are_refused(learned_at):
    with pytest.raises(ValueError, match="learned_at must name for each of 3 test sets"):
        m.plasticity_index(np.zeros((2, 3)), learned_at)
