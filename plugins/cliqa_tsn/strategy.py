"""TSN-IQA: every task owns its normalization layers and a head, all else is frozen and shared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliqa.errors import CapabilityError
from cliqa.model import normalization_tensors
from cliqa.training import IsolatingStrategy, Strategy

if TYPE_CHECKING:
    from cliqa.model import Backbone
    from cliqa.training import Objective


def _refuse_without_normalization(backbone: Backbone, strategy: str) -> None:
    """Refuse a backbone that has nothing to train."""
    if not normalization_tensors(backbone):
        raise CapabilityError(
            f"strategy `{strategy}` trains normalization layers, and this backbone has none with "
            "parameters or running statistics; choose a backbone with batch, layer or group "
            "normalization (for example resnet18), or another strategy (for example ft)"
        )


class TaskSpecificNormalization(IsolatingStrategy):
    """Task-specific normalization for batch, layer, group, instance and RMS norm alike.

    For a task the affine parameters and running statistics are reset to the pre-trained values,
    not to those of the task before (TSN-IQA, III-B): tasks are independent of each other.
    """

    def check(self, backbone: Backbone, objective: Objective) -> None:  # noqa: ARG002
        """Refuse a backbone that has nothing to make task-specific."""
        _refuse_without_normalization(backbone, "tsn-iqa")

    def own(self, backbone: Backbone) -> list[str]:
        """All affine parameters and running statistics of normalization layers."""
        return normalization_tensors(backbone)


class SharedNormalization(Strategy):
    """Task-agnostic normalization: the ablation of TSN-IQA's Table VII.

    All tasks train one set of normalization parameters, in turn, from where the last one left it;
    each has a head of its own.
    """

    multi_head = True

    def check(self, backbone: Backbone, objective: Objective) -> None:  # noqa: ARG002
        """Refuse a backbone that has nothing to train."""
        _refuse_without_normalization(backbone, "shared-norm")

    def trainable(self, backbone: Backbone) -> list[str]:
        """The affine parameters of normalization layers."""
        learnable = backbone.learnable()
        return [name for name in normalization_tensors(backbone) if name in learnable]
