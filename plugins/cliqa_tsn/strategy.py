"""TSN-IQA: every task owns its normalization layers and a head, all else is frozen and shared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cliqa.errors import CapabilityError
from cliqa.model import normalization_tensors
from cliqa.training import IsolatingStrategy

if TYPE_CHECKING:
    from cliqa.model import Backbone


class TaskSpecificNormalization(IsolatingStrategy):
    """Task-specific normalization for batch, layer, group, instance and RMS norm alike.

    For a task the affine parameters and running statistics are reset to the pre-trained values,
    not to those of the task before (TSN-IQA, III-B): tasks are independent of each other.
    """

    def check(self, backbone: Backbone) -> None:
        """Refuse a backbone that has nothing to make task-specific."""
        if not self.own(backbone):
            raise CapabilityError(
                "strategy `tsn-iqa` trains normalization layers, and this backbone has none with "
                "parameters or running statistics; choose a backbone with batch, layer or group "
                "normalization (for example resnet18), or another strategy (for example ft)"
            )

    def own(self, backbone: Backbone) -> list[str]:
        """All affine parameters and running statistics of normalization layers."""
        return normalization_tensors(backbone)
