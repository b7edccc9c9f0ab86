"""Gates weight the heads of a multi-head model for each test image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from torch import Tensor

    #: Weights by tensor operations, see `Gate.as_graph`.
    GraphGate = Callable[[Mapping[int, Tensor], Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class GateQuery:
    """Test images to be gated.

    Attributes:
        count: number of images.
        heads: number of heads learned so far, T.
        features: stage -> float32 (count, channels), for the gate's `stages`.
        oracle_heads: only for a gate with `uses_task_id`: the heads that were trained on the
            images' own dataset; empty if there is none yet.
    """

    count: int
    heads: int
    features: Mapping[int, np.ndarray] = field(default_factory=dict)
    oracle_heads: tuple[int, ...] = ()


class Gate(ABC):
    """Turns images into weights over heads.

    A gate is fitted beside the strategy, head by head, on the training images of that head's
    task. It never changes the heads: a run evaluates many gates from one training.

    Attributes:
        uses_task_id: True only for oracles, and then said in every table.
        one_head: True if all weight always lies on one head, so that scoring an image needs only
            that head's forward.
        stages: stages of the frozen pre-trained backbone whose pooled responses it looks at.
        normalization: normalization of that backbone: None for the pre-trained one, else the name
            of registered weights or the path of a file that `cliqa pretrain` made.
        notes: remarks for the user and the result, for example that fewer centroids were used.
    """

    uses_task_id: ClassVar[bool] = False
    one_head: ClassVar[bool] = False
    stages: tuple[int, ...] = ()
    normalization: str | None = None

    def __init__(self, config: Any = None) -> None:
        self.config = config
        self.notes: list[str] = []

    def fit(  # noqa: B027 (reference gates have nothing to learn)
        self, task: str, features: Mapping[int, np.ndarray], seed: int
    ) -> None:
        """Learn to recognise the images of a new head's task; default: nothing to learn.

        Args:
            task: the task's name.
            features: stage -> float32 (N, channels) of its training images, for `stages`.
            seed: a named seed; the same for the same task at any place of any order.
        """

    @abstractmethod
    def weights(self, query: GateQuery) -> np.ndarray | None:
        """float32 (count, heads), rows sum to 1; None: these images cannot be gated yet."""

    def as_graph(self, heads: int) -> GraphGate | None:  # noqa: ARG002
        """The same weights by tensor operations, for a model that leaves Python (ONNX).

        Args:
            heads: number of heads, T.

        Returns:
            A function of float32 features, stage -> (count, channels), and of any tensor whose
            first dimension is count; it gives float32 (count, heads). None: there is no such
            function (default).
        """
        return None

    def state(self) -> dict[str, np.ndarray]:
        """What was fitted, for checkpoints."""
        return {}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Restore what `state` returned."""
        if state:
            raise KeyError(f"{type(self).__name__} keeps no state but was given {sorted(state)}")


def constant_weights(weights: Sequence[float]) -> GraphGate:
    """The graph of a gate that looks at no image: the same weights for all."""
    import torch

    row = torch.tensor([list(weights)], dtype=torch.float32)

    def same(features: Mapping[int, Tensor], like: Tensor) -> Tensor:  # noqa: ARG001 - a gate's
        return row.to(like.device).expand(like.shape[0], -1)

    return same
