"""Weights from files, and what to say when they cannot be had."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file as load_safetensors

from cliqa.errors import CliqaError, MissingWeightsError
from cliqa.hub import is_unreachable

if TYPE_CHECKING:
    from torch import Tensor, nn


def hub_error(name: str, error: BaseException, advice: str) -> CliqaError | None:
    """The user's message for a failed download, or None if the error is something else.

    Args:
        name: of the model.
        error: what the download raised.
        advice: what the user can do instead.
    """
    if "no pretrained weights" in str(error).lower():
        return MissingWeightsError(
            f"backbone `{name}` has no pre-trained weights in timm; {advice}"
        )
    if not is_unreachable(error):
        return None
    return MissingWeightsError(
        f"backbone `{name}`: its pre-trained weights are not on this machine and the Hub cannot be "
        f"reached ({type(error).__name__}); {advice}"
    )


def ways_out(name: str) -> str:
    """What to do without a download, for the timm model of that name."""
    return (
        "give a local file (`backbone.weights: FILE`), use the backbone whose weights are "
        "installed with cliqa (`--set backbone=efficientnet-lite0`), or start from random weights "
        f"(`backbone: {{name: {name}, pretrained: false}}`)"
    )


def load_file(network: nn.Module, file: str, name: str) -> None:
    """Load a state dict; a classifier in the file is ignored, anything else must fit exactly.

    Raises:
        MissingWeightsError: there is no such file.
        CliqaError: the file is not a state dict of tensors, or does not fit the network.
    """
    path = Path(file)
    if not path.is_file():
        raise MissingWeightsError(
            f"backbone `{name}`: no weights file {path}; expected a .safetensors, .pth or .pt file"
        )
    state = read_state(path)
    wanted = network.state_dict()
    missing = sorted(set(wanted) - set(state))
    misfit = sorted(k for k, t in wanted.items() if k in state and state[k].shape != t.shape)
    extra = _extra(network, state)
    if missing or misfit or extra:
        first = (missing + misfit + extra)[0]
        raise CliqaError(
            f"backbone `{name}`: {path} does not fit: {len(missing)} tensor(s) missing, "
            f"{len(misfit)} of another shape, {len(extra)} too many, first `{first}`; expected a "
            f"state dict of timm's `{name}`"
        )
    network.load_state_dict({key: state[key] for key in wanted})


def _extra(network: nn.Module, state: dict[str, Tensor]) -> list[str]:
    """Tensors besides the classifier in modules that the network has: those of a larger model.

    Without them ResNet-34's file would pass for ResNet-18's, whose layers are a part of its own.
    """
    classifier = network.default_cfg.get("classifier") or ()  # type: ignore[union-attr, operator]
    names = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    ignored = tuple(f"{name}." for name in names)
    wanted = network.state_dict()
    modules = {key.partition(".")[0] for key in wanted}
    return sorted(
        key
        for key in state
        if key not in wanted and key.partition(".")[0] in modules and not key.startswith(ignored)
    )


def read_state(path: Path) -> dict[str, Tensor]:
    """A flat dict of tensors from a file; no code in the file is ever run."""
    try:
        if path.suffix == ".safetensors":
            return load_safetensors(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, EOFError, ValueError, OSError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CliqaError(f"{path} is not a readable weights file: {reason}") from None
    except Exception:  # UnpicklingError and others; torch's own advice here is to run the code
        raise CliqaError(
            f"{path} is refused: it is damaged, or holds Python objects besides tensors, and those "
            "could run code; expected a state dict, saved by `torch.save` or as safetensors"
        ) from None
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else None
    items = state.items() if isinstance(state, dict) else ()
    tensors = {key: value for key, value in items if isinstance(value, torch.Tensor)}
    if not tensors:
        raise CliqaError(f"{path} holds no state dict; expected a dict of names to tensors")
    return tensors
