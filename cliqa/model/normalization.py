"""Finding the normalization layers of any network."""

from __future__ import annotations

from torch import nn

from cliqa.model.backbone import Backbone

#: timm's own variants (LayerNorm2d, BatchNormAct2d, GroupNormAct, ...) derive from these, except
#: its RMS norms, which are older than torch's: those are known by their names.
NORMALIZATION: tuple[type[nn.Module], ...] = (
    nn.modules.batchnorm._BatchNorm,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.InstanceNorm2d,
    nn.RMSNorm,
)


def normalization_layers(network: nn.Module) -> dict[str, nn.Module]:
    """Normalization layers that hold parameters or running statistics, by module name.

    Those in a part of a backbone that is frozen by design (`Backbone.learnable`) are left out.
    """
    learnable = network.learnable() if isinstance(network, Backbone) else None
    return {
        name: module
        for name, module in network.named_modules()
        if _normalizes(module) and _own_tensors(module) and not _frozen(module, learnable)
    }


def normalization_tensors(network: nn.Module) -> list[str]:
    """Names, within `network.state_dict()`, of all affine parameters and running statistics.

    The counter `num_batches_tracked` is left out: with a fixed momentum nothing depends on it.
    """
    return [
        f"{layer}.{tensor}" if layer else tensor
        for layer, module in normalization_layers(network).items()
        for tensor in _own_tensors(module)
    ]


def _normalizes(module: nn.Module) -> bool:
    if isinstance(module, NORMALIZATION):
        return True
    return any(kind.__name__.startswith("RmsNorm") for kind in type(module).__mro__)


def _frozen(module: nn.Module, learnable: dict[str, nn.Parameter] | None) -> bool:
    """Whether the layer has parameters and none of them may train."""
    own = {id(p) for p in module.parameters(recurse=False)}
    return learnable is not None and bool(own) and not own & {id(p) for p in learnable.values()}


def _own_tensors(module: nn.Module) -> list[str]:
    parameters = [name for name, p in module.named_parameters(recurse=False) if p is not None]
    buffers = [
        name
        for name, b in module.named_buffers(recurse=False)
        if b is not None and name != "num_batches_tracked"
    ]
    return parameters + buffers
