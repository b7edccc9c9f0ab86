"""Weights that a job prepared once and that runs then name: a small safetensors file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors

from cliqa.errors import CliqaError, MissingWeightsError
from cliqa.results.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cliqa.model.backbone import Backbone
    from cliqa.model.network import Tensors

#: The one key of the file's metadata: safetensors writes several in a changing order.
_KEY: Final = "cliqa-artefact"


def save_artefact(path: Path, tensors: Tensors, about: Mapping[str, Any]) -> None:
    """Write tensors with the recipe that made them; the file appears whole or not at all.

    Args:
        path: the file, by custom `.safetensors`; its folder is made.
        tensors: backbone tensors by their `state_dict` name.
        about: how they were made, as plain JSON values: at least `job`, the name of the job, and
            `backbone`, the name of the backbone they fit.
    """
    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = save_tensors(flat, {_KEY: json.dumps(dict(about), sort_keys=True)})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, lambda file: file.write(content))


def load_artefact(path: str | Path) -> tuple[Tensors, dict[str, Any]]:
    """Tensors on the CPU, and what `save_artefact` was told about them.

    Nothing in the file is executed.

    Raises:
        MissingWeightsError: there is no such file.
        CliqaError: it is no artefact of cliqa's.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingWeightsError(
            f"no file {path}; expected the output of a `cliqa pretrain` command"
        )
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})[_KEY])
            return {name: file.get_tensor(name) for name in file.keys()}, dict(about)  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise CliqaError(
            f"{path} is not the output of a `cliqa pretrain` command: "
            f"{type(error).__name__}: {error}"
        ) from None


def check_fits(tensors: Mapping[str, Any], backbone: Backbone, path: str | Path) -> None:
    """Refuse tensors that the backbone does not have, or has in another shape.

    Raises:
        CliqaError: names the first such tensor.
    """
    state = backbone.state_dict()
    strange = sorted(
        name
        for name, tensor in tensors.items()
        if name not in state or state[name].shape != tensor.shape
    )
    if strange or not tensors:
        found = f"{len(strange)} of its {len(tensors)} tensors are not those of this backbone"
        first = f", first `{strange[0]}`" if strange else ""
        raise CliqaError(
            f"{path} does not fit: {found}{first}; it belongs to another backbone, make one for "
            "this backbone with `cliqa pretrain`"
        )


def digest_of(path: str | Path) -> str:
    """SHA-256 of the file, recorded with every result that it took part in."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def rest_digest(backbone: Backbone, tensors: Mapping[str, Any]) -> str:
    """SHA-256 of the backbone's tensors that an artefact leaves as they are.

    Tensors trained inside one network mean nothing inside another of the same shape: weights of
    another training, or another random start.

    Args:
        backbone: the network.
        tensors: the artefact's tensors; only their names count.
    """
    total = hashlib.sha256()
    for name, tensor in sorted(backbone.state_dict().items()):
        if name not in tensors and not name.endswith("num_batches_tracked"):  # a mere counter
            values = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            total.update(name.encode())
            total.update(values.numpy().data)
    return total.hexdigest()
