"""LIQA's indices on small matrices, each number worked out by hand beside it."""

import numpy as np
import pytest

from cliqa import metrics as m

NAN = None


def check(S, learned_at, *, C, F):
    """Compare every C_t and F_t, and their means over all stages, the first included."""
    assert m.correlation_indices(S, learned_at) == pytest.approx(C, abs=1e-12)
    assert m.forgetting_indices(S, learned_at) == pytest.approx(F, abs=1e-12)
    assert m.correlation_index(S, learned_at) == pytest.approx(C[-1], abs=1e-12)
    assert m.forgetting_index(S, learned_at) == pytest.approx(F[-1], abs=1e-12)
    assert m.mean_correlation_index(S, learned_at) == pytest.approx(np.mean(C), abs=1e-12)
    assert m.mean_forgetting_index(S, learned_at) == pytest.approx(np.mean(F), abs=1e-12)


def test_three_tasks_one_after_the_other():
    S = [[0.8, NAN, NAN], [0.6, 0.7, NAN], [0.5, 0.9, 0.4]]
    # C: 0.8; (0.6 + 0.7) / 2; (0.5 + 0.9 + 0.4) / 3
    # F: 0; 0.8 - 0.6; ((0.8 - 0.5) + (0.7 - 0.9)) / 2
    check(S, None, C=[0.8, 0.65, 0.6], F=[0.0, 0.2, 0.05])
    assert m.mean_correlation_index(S) == pytest.approx(2.05 / 3)
    assert m.mean_forgetting_index(S) == pytest.approx(0.25 / 3)  # of three, not of two


def test_a_reversed_order_counts_by_its_size():
    S = [[-0.8, NAN], [0.3, -0.6]]
    # C: 0.8; (0.3 + 0.6) / 2.  F: 0; 0.8 - 0.3, not -0.8 - 0.3
    check(S, None, C=[0.8, 0.45], F=[0.0, 0.5])


def test_a_turn_from_plus_to_minus_of_one_size_is_not_forgetting_here():
    check([[0.6, NAN], [-0.6, 0.2]], None, C=[0.6, 0.4], F=[0.0, 0.0])


def test_a_stage_that_learns_two_tasks_has_one_row_and_both_count_in_it():
    S = [[0.9, 0.5, NAN], [0.4, 0.7, 0.6]]
    # C: (0.9 + 0.5) / 2; (0.4 + 0.7 + 0.6) / 3
    # F: 0; ((0.9 - 0.4) + (0.5 - 0.7)) / 2
    check(S, [0, 0, 1], C=[0.7, 1.7 / 3], F=[0.0, 0.15])


def test_three_stages_of_two_one_and_one_tasks_with_signs():
    S = [
        [0.8, -0.4, 0.1, NAN],
        [-0.6, 0.5, 0.7, -0.9],
        [0.2, 0.3, -0.3, 0.6],
    ]
    # C: (0.8 + 0.4) / 2; (0.6 + 0.5 + 0.7) / 3; (0.2 + 0.3 + 0.3 + 0.6) / 4
    # F: 0; ((0.8 - 0.6) + (0.4 - 0.5)) / 2;
    #    ((0.8 - 0.2) + (0.5 - 0.3) + (0.7 - 0.3)) / 3: what stood before a task was learned (0.1)
    #    is a candidate of the maximum but smaller, and the task of the last stage is no old one
    check(S, [0, 0, 1, 2], C=[0.6, 0.6, 0.35], F=[0.0, 0.05, 0.4])


def test_the_peak_may_lie_before_the_task_was_learned():
    # Model 1 does 0.9 on task 2 before learning it: F_3 = ((0.5 - 0.5) + (0.9 - 0.6)) / 2
    S = [[0.5, 0.9, NAN], [0.5, 0.7, NAN], [0.5, 0.6, 0.8]]
    check(S, None, C=[0.5, 0.6, 1.9 / 3], F=[0.0, 0.0, 0.15])


def test_all_tasks_at_once_forget_nothing():
    check([[0.2, -0.4, 0.9]], [0, 0, 0], C=[0.5], F=[0.0])


def test_the_order_of_columns_within_a_stage_changes_nothing():
    S = np.array([[0.9, -0.5, 0.1], [0.4, 0.7, 0.6]])
    turned = S[:, [1, 0, 2]]
    for index in (m.mean_correlation_index, m.mean_forgetting_index):
        assert index(S, [0, 0, 1]) == pytest.approx(index(turned, [0, 0, 1]), abs=1e-15)
