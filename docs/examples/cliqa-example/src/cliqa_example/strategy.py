"""LoRA: a task owns low-rank additions to linear layers and a head."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cliqa.errors import CapabilityError
from cliqa.training import IsolatingStrategy
from cliqa_example.layers import adapt, adapter_tensors, linear_layers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa.model import Backbone, QualityModel
    from cliqa.training import Objective, Phase, TaskContext


class LowRankAdaptation(IsolatingStrategy):
    """What TSN-IQA does with normalization, done with low-rank adapters.

    The pre-trained network is frozen and shared; learning a task cannot touch what another owns.
    """

    def check(self, backbone: Backbone, objective: Objective) -> None:  # noqa: ARG002
        """Refuse a backbone that has nothing to adapt."""
        where = self.config.layers
        if linear_layers(backbone, where):
            return
        what = "linear layers" if where == "all" else f"linear layers in `{where}` blocks"
        cure = "" if where == "all" else ", or set `layers: all` of the strategy"
        raise CapabilityError(
            f"strategy `lora` adapts {what}, and this backbone has none; choose a backbone with "
            f"some (a ViT, Swin or ConvNeXt, for example vit_tiny_patch16_224){cure}"
        )

    def start(self, model: QualityModel) -> None:
        """Add the adapters to the network."""
        adapt(model.backbone, self.config.layers, self.config.rank, self.config.alpha)
        super().start(model)

    def own(self, backbone: Backbone) -> list[str]:
        """All A and B: r (in + out) values for each adapted layer."""
        return list(adapter_tensors(backbone))

    def phases(self, context: TaskContext) -> Iterator[Phase]:
        """As usual, but batch statistics, which all tasks share, stand still, too."""
        for phase in super().phases(context):
            yield replace(phase, norm_statistics="frozen")
