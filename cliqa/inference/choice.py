"""Which way a run scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cliqa.inference.batched import BatchedScorer
from cliqa.inference.folded import FoldedScorer
from cliqa.inference.scorer import ReferenceScorer, Scorer

if TYPE_CHECKING:
    import torch

    from cliqa.model import QualityModel

SCORERS: Final[dict[str, type[Scorer]]] = {
    kind.name: kind for kind in (ReferenceScorer, FoldedScorer, BatchedScorer)
}


def choose_scorer(name: str, device: torch.device) -> str:
    """The scorer that `auto` stands for on a device; other names stand for themselves.

    A table and no stop-watch: equal configurations must give equal bytes, and a race between ways
    whose last bits differ would be decided by whatever else the machine was doing. The table comes
    from measurements (docs/performance.md); `measure_scorers` makes them for another device.
    """
    return _AUTO.get(device.type, FoldedScorer.name) if name == "auto" else name


#: Device type -> scorer, where it is another than `folded`.
_AUTO: Final[dict[str, str]] = {}


def make_scorer(name: str, model: QualityModel, memory: int = 10**9) -> Scorer:
    """A scorer of that name.

    Args:
        name: a key of `SCORERS`, or `auto`.
        model: the model, in evaluation mode, where it is to be run.
        memory: bytes that derived networks may take in all.
    """
    device = next(model.parameters()).device
    return SCORERS[choose_scorer(name, device)](model, memory)
