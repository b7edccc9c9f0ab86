"""Scoring images with the heads of a trained model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cliqa.model import QualityModel


class Scorer(ABC):
    """One way to run a model over images; all ways give the same scores within a tolerance.

    A scorer belongs to one model, in evaluation mode. It may keep what it derived from the model's
    tensors: after they change, call `forget`.

    Args:
        model: the model.
        memory: bytes that derived networks may take in all.
    """

    name: ClassVar[str]

    def __init__(self, model: QualityModel, memory: int = 10**9) -> None:
        self.model, self.memory = model, memory

    @abstractmethod
    def scores(self, images: Tensor, heads: Sequence[int]) -> Tensor:
        """Every image by every one of these heads.

        Args:
            images: float32 (B, 3, H, W), standardised.
            heads: head numbers.

        Returns:
            float32 (B, len(heads)).
        """

    @torch.no_grad()
    def one_each(self, images: Tensor, heads: Sequence[int]) -> Tensor:
        """Every image by a head of its own: no image goes through more than one network.

        Args:
            images: float32 (B, 3, H, W), standardised.
            heads: B head numbers.

        Returns:
            float32 (B,).
        """
        chosen = torch.as_tensor(heads)
        found = torch.empty(len(images), device=images.device)
        for head in chosen.unique().tolist():
            rows = (chosen == head).nonzero()[:, 0].to(images.device)
            part = images if len(rows) == len(images) else images[rows]
            found[rows] = self.scores(part, [head])[:, 0]
        return found

    def forget(self) -> None:  # noqa: B027 (a scorer may keep nothing)
        """The model's tensors have changed, or its scores are not wanted for now."""

    def record(self) -> dict[str, Any]:
        """What was done, for the result; the same in every run of the same configuration."""
        return {"scorer": self.name}


class ReferenceScorer(Scorer):
    """The plain way, head after head with the model's own layers."""

    name = "reference"

    @torch.no_grad()
    def scores(self, images: Tensor, heads: Sequence[int]) -> Tensor:
        """See `Scorer.scores`."""
        return self.model.head_scores(images, heads)
