"""A model's folder: all it takes to score, and nothing of the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.torch import save as save_tensors

from cliqa.errors import ResultError
from cliqa.results.files import explained, sha256, write_atomic
from cliqa.serving.card import card_text
from cliqa.serving.loading import CARD, CONFIG, WEIGHTS, is_model_folder, load
from cliqa.serving.scorer import scale_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from cliqa.registry import Registry
    from cliqa.serving.described import Described
    from cliqa.serving.scorer import QualityScorer

__all__ = ["check_target", "export_model", "write_model"]


def export_model(
    source: str | PathLike[str],
    out: str | PathLike[str],
    *,
    gate: str | None = None,
    force: bool = False,
    plugins: Sequence[str | PathLike[str]] = (),
    registry: Registry | None = None,
) -> QualityScorer:
    """Write a model's folder: `model.safetensors`, `config.json`, and a card, `README.md`.

    Args:
        source: as for `cliqa.load`.
        out: the folder; made if it is absent.
        gate: as for `cliqa.load`.
        force: replace a model that is there; a card that is there is always kept.
        plugins: local plugin files that the model's components are in.
        registry: what the plugins offer.

    Returns:
        The model as it was read back from the folder.

    Raises:
        ResultError: the folder holds something else, or a model and not `force`.
        CliqaError: as for `cliqa.load`.
    """
    out = Path(out)
    check_target(out, force=force)
    scorer = load(source, gate=gate, device="cpu", plugins=plugins, registry=registry)
    write_model(scorer.described, out)
    if not (out / CARD).exists():
        text = card_text(scorer.about, scale_of(scorer.about))
        write_atomic(out / CARD, lambda file: file.write(text.encode()))
    return load(out, device="cpu", plugins=plugins, registry=registry)


def check_target(out: Path, *, force: bool) -> None:
    """Raise `ResultError` if `out` is no place for a model; changes nothing."""
    with explained("look into", out):
        if not out.exists():
            return
        if not out.is_dir():
            raise ResultError(f"{out} is a file, not a folder; name another --out")
        if is_model_folder(out):
            if not force:
                raise ResultError(
                    f"{out} holds a model; --force replaces it, or name another --out"
                )
            return
        if any(out.iterdir()):
            raise ResultError(
                f"{out} is not empty and holds no model of cliqa's; name another --out"
            )


def write_model(described: Described, folder: Path) -> None:
    """Write weights and configuration, each whole or not at all, the configuration last."""
    tensors = {name: tensor.contiguous() for name, tensor in described.tensors.items()}
    content = save_tensors(tensors, {"format": "pt"})
    write_atomic(folder / WEIGHTS, lambda file: file.write(content))
    about = {**described.about, "weights_sha256": sha256(folder / WEIGHTS)}
    text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
    write_atomic(folder / CONFIG, lambda file: file.write(text.encode()))
