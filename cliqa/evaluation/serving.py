"""Scoring a batch of images as a deployed model does: through one gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from cliqa.errors import CapabilityError
from cliqa.evaluation.evaluator import check_weights, weighted
from cliqa.evaluation.gate import GateQuery

if TYPE_CHECKING:
    from torch import Tensor

    from cliqa.evaluation.evaluator import GatePlan
    from cliqa.evaluation.features import StageFeatures
    from cliqa.inference import Scorer
    from cliqa.model import Compute


@dataclass(frozen=True)
class Answer:
    """What a model says of a batch of B images.

    Attributes:
        scores: float32 (B,), higher is better.
        heads: float32 (B, heads); nan where a head was not run.
        weights: float32 (B, heads), rows sum to 1.
    """

    scores: np.ndarray
    heads: np.ndarray
    weights: np.ndarray


class GatedModel:
    """A trained model with one gate, from images to qualities.

    Under a gate that puts all weight on one head (`Gate.one_head`) an image goes through the gate's
    network, if it looks through one, and through that head's: two forwards, however many heads
    there are. Images of one batch may go to different heads.

    Args:
        scorer: of the model.
        plan: the gate, fitted to all heads of the model, with its label.
        features: the networks that gates look through.
        compute: the arithmetic.
        aside: heads, from the first, that are not the gate's to weight.

    Raises:
        CapabilityError: the gate has to be told the task, which nobody knows of a new image.
    """

    def __init__(
        self,
        scorer: Scorer,
        plan: GatePlan,
        features: StageFeatures,
        compute: Compute,
        *,
        aside: int = 0,
    ) -> None:
        if plan.gate.uses_task_id:
            raise CapabilityError(
                f"gate `{plan.label}` is told which task an image is from, so it cannot score new "
                "images; choose another of the run's gates"
            )
        self._scorer, self._plan = scorer, plan
        self._features, self._compute, self._aside = features, compute, aside

    def weights(self, images: Tensor) -> np.ndarray:
        """float32 (B, heads), rows sum to 1, of standardised images (B, 3, H, W)."""
        query = GateQuery(
            count=len(images),
            heads=len(self._scorer.model.heads) - self._aside,
            features=self._features.look(self._plan.gate, images),
        )
        found = self._plan.gate.weights(query)
        if found is None:
            raise CapabilityError(f"gate `{self._plan.label}` has no weights for new images")
        check_weights(self._plan.label, found, query)
        return np.pad(found, ((0, 0), (self._aside, 0)))

    def score(self, images: Tensor) -> np.ndarray:
        """Qualities, higher is better: float32 (B, 3, H, W), standardised -> float32 (B,)."""
        return self.answer(images).scores

    @torch.no_grad()
    def answer(self, images: Tensor, *, all_heads: bool = False) -> Answer:
        """Scores with what they come from.

        Args:
            images: float32 (B, 3, H, W), standardised.
            all_heads: run every head even where the gate puts all weight on one.
        """
        weights = self.weights(images)
        with self._compute.autocast():
            if self._plan.gate.one_head and not all_heads:
                chosen = weights.argmax(axis=1)
                scores = self._scorer.one_each(images, chosen.tolist()).cpu().numpy()
                heads = np.full(weights.shape, np.nan, dtype=np.float32)
                heads[np.arange(len(chosen)), chosen] = scores
                return Answer(np.asarray(scores), heads, weights)
            heads = self._scorer.scores(images, range(weights.shape[1])).cpu().numpy()
        return Answer(weighted(heads, weights), heads, weights)
