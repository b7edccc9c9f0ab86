"""Which layers may take a normalization into their weight."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cliqa.inference.fold import can_fold


class Adapted(nn.Linear):
    """Without effect until `up` is learned, so trying it out would not tell."""

    def __init__(self):
        super().__init__(4, 4)
        self.down, self.up = nn.Parameter(torch.ones(1, 4)), nn.Parameter(torch.zeros(4, 1))

    def forward(self, x):
        return super().forward(x) + x @ self.down.T @ self.up.T


@pytest.mark.parametrize("layer", [nn.Linear(4, 4), nn.Conv2d(3, 4, 1, bias=False)])
def test_a_layer_of_weight_and_bias_may_be_folded(layer):
    assert can_fold(layer)


def test_a_layer_with_further_parameters_is_left_alone():
    assert not can_fold(Adapted())
