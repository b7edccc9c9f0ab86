"""Gates that look at no image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cliqa.evaluation import Gate, GateQuery, constant_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor


def _one_hot(query: GateQuery, head: int) -> np.ndarray:
    weights = np.zeros((query.count, query.heads), dtype=np.float32)
    weights[:, head] = 1.0
    return weights


class Newest(Gate):
    """All weight on the head learned last."""

    one_head = True

    def weights(self, query: GateQuery) -> np.ndarray:
        """See `Gate.weights`."""
        return _one_hot(query, query.heads - 1)

    def as_graph(self, heads: int) -> Callable[[Mapping[int, Tensor], Tensor], Tensor]:
        """See `Gate.as_graph`."""
        return constant_weights([0.0] * (heads - 1) + [1.0])


class Uniform(Gate):
    """Equal weights."""

    def weights(self, query: GateQuery) -> np.ndarray:
        """See `Gate.weights`."""
        return np.full((query.count, query.heads), 1.0 / query.heads, dtype=np.float32)

    def as_graph(self, heads: int) -> Callable[[Mapping[int, Tensor], Tensor], Tensor]:
        """See `Gate.as_graph`."""
        return constant_weights([1.0 / heads] * heads)


class Oracle(Gate):
    """All weight on the newest head trained on the images' own dataset; told the task id."""

    uses_task_id = True
    one_head = True

    def weights(self, query: GateQuery) -> np.ndarray | None:
        """See `Gate.weights`; None for a dataset that no head was trained on."""
        return _one_hot(query, query.oracle_heads[-1]) if query.oracle_heads else None
