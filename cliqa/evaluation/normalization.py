"""Prepared normalization that a gate's frozen network takes in place of the pre-trained one."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cliqa.errors import CliqaError, MissingWeightsError
from cliqa.model import check_fits, digest_of, load_artefact, rest_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cliqa.model import Backbone, Tensors
    from cliqa.registry import Registry


@dataclass(frozen=True)
class Normalization:
    """Tensors that `cliqa pretrain` made for a backbone.

    Attributes:
        source: the name of the registered weights, or the last part of the file's path.
        tensors: backbone tensors by their `state_dict` name, on the CPU.
        sha256: of the file.
        about: what the file says about its making.
    """

    source: str
    tensors: Tensors
    sha256: str
    about: dict[str, Any]

    def record(self) -> dict[str, Any]:
        """What a result says about it."""
        return {"source": self.source, "sha256": self.sha256, "made": self.about}


def find_normalization(written: str, registry: Registry, backbone: Backbone) -> Normalization:
    """Find, read and check what a gate's setting `normalization` names.

    Args:
        written: the name of registered weights, or a path relative to the current folder: what
            ends in .safetensors, holds a separator or exists as a file is a path.
        registry: what the plugins offer.
        backbone: the pre-trained network of the run.

    Raises:
        MissingWeightsError: there is no such file.
        UnknownComponentError: no plugin offers weights of that name.
        CliqaError: the file is damaged, or belongs to another backbone or to other weights of it.
    """
    with _file(written, registry) as path:
        tensors, about = load_artefact(path)
        sha256, source = digest_of(path), path.name if _is_path(written) else written
    check_fits(tensors, backbone, written)
    rest = about.get("rest_sha256")
    if rest is not None and rest != rest_digest(backbone, tensors):
        raise CliqaError(
            f"{written} was made for other weights of this backbone (for `{about['backbone']}`): "
            "what it was trained around is not what this run freezes; make one for these weights "
            "with `cliqa pretrain`"
        )
    return Normalization(source, tensors, sha256, about)


def _is_path(written: str) -> bool:
    path = Path(written)
    return path.suffix == ".safetensors" or len(path.parts) > 1 or path.is_file()


@contextmanager
def _file(written: str, registry: Registry) -> Iterator[Path]:
    if not _is_path(written):
        with as_file(registry.get("weights", written).file()) as path:
            yield path
    elif not Path(written).is_file():
        raise MissingWeightsError(
            f"no file {written}; expected the output of a `cliqa pretrain` command, relative to "
            "the current folder, or a name that `cliqa list weights` prints"
        )
    else:
        yield Path(written)
