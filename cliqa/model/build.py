"""Making the backbone that a configuration names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from cliqa.errors import PluginError
from cliqa.model.backbone import Backbone
from cliqa.seeds import named_seed

if TYPE_CHECKING:
    from cliqa.config import Resolved


def build_backbone(resolved: Resolved, device: torch.device, seed: int) -> Backbone:
    """The network on its device; what is random in it depends on the seed alone.

    Raises:
        CliqaError: the backbone cannot be had, for example for missing weights.
        PluginError: the factory made something else.
    """
    torch.manual_seed(named_seed(seed, "backbone"))
    backbone = resolved.create()
    if not isinstance(backbone, Backbone):
        raise PluginError(
            f"backbone `{resolved.name}` of {resolved.registered.owner.name} made a "
            f"{type(backbone).__name__}, expected a cliqa.model.Backbone"
        )
    placed: Backbone = backbone.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return placed
