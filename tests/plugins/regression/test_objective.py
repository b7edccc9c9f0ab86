"""Squared error on scores in [0, 1]."""

import numpy as np
import pytest
import torch
from cliqa_regression.config import SquaredErrorConfig
from cliqa_regression.objective import SquaredError
from hypothesis import given
from hypothesis import strategies as st

OBJECTIVE = SquaredError(SquaredErrorConfig())
UNIT = st.floats(0, 1, width=32)
PAIRS = st.lists(st.tuples(UNIT, UNIT), min_size=1, max_size=9)


@given(rows=PAIRS)
def test_the_loss_is_the_mean_squared_error_and_that_of_its_units(make_batch, rows):
    scores, quality = np.array(rows, dtype=np.float64).T
    expected = np.mean((scores - quality) ** 2)
    batch = make_batch(quality.tolist())
    found = OBJECTIVE.loss(torch.tensor(scores, dtype=torch.float32), batch)
    assert found.item() == pytest.approx(expected, abs=1e-6)
    units = OBJECTIVE.unit_losses(
        torch.tensor(scores)[:, None], torch.tensor(quality)[:, None], torch.full((len(rows), 1), 1)
    )
    assert units.mean().item() == pytest.approx(expected, abs=1e-12)


@given(rows=PAIRS)
def test_distillation_compares_with_the_old_scores_only(make_batch, rows):
    scores, old = (torch.tensor(column) for column in zip(*rows, strict=True))
    batch = make_batch([0.0] * len(rows))
    found = OBJECTIVE.distillation(scores, old, batch).item()
    assert found == pytest.approx(float(((scores - old) ** 2).mean()), abs=1e-7)
    assert OBJECTIVE.distillation(scores, scores, batch).item() == 0


def test_scores_lie_between_0_and_1_and_reach_below_one_half():
    torch.manual_seed(0)
    head = OBJECTIVE.new_head(16)
    scores = head(torch.randn(500, 16) * 5)
    assert scores.shape == (500, 1)
    assert 0 < scores.min() < 0.5 < scores.max() < 1


def test_the_head_is_as_wide_as_configured():
    head = SquaredError(SquaredErrorConfig(hidden=7)).new_head(5)
    assert sum(p.numel() for p in head.parameters()) == 5 * 7 + 7 + 7 + 1
