"""Scoring with all parameter sets at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.func import functional_call, vmap

from cliqa.inference.scorer import Scorer

if TYPE_CHECKING:
    from collections.abc import Sequence


class BatchedScorer(Scorer):
    """All heads in one pass: their parameter sets are stacked, and the network is mapped over them.

    What the sets do not hold is applied to (heads x images) at once, in larger batches than one
    head gives. A batch of images is cut, so that heads x images stays at its size. Heads whose sets
    name other tensors than the first one's go one by one, and so do all under autocast: mapped
    batch normalization takes no bf16 images beside float32 statistics. How many heads are scored
    together changes the last bits of the scores.
    """

    name: ClassVar[str] = "batched"

    @torch.no_grad()
    def scores(self, images: Tensor, heads: Sequence[int]) -> Tensor:
        """See `Scorer.scores`."""
        sets = self.model.parameter_sets
        first = sets[heads[0]]
        alike = first and all(
            own.keys() == first.keys() and all(own[n].shape == first[n].shape for n in own)
            for own in (sets[head] for head in heads)
        )
        if not alike or len(heads) == 1 or torch.is_autocast_enabled(images.device.type):
            return self.model.head_scores(images, heads)
        stacked = {name: torch.stack([sets[head][name] for head in heads]) for name in first}
        part = max(1, len(images) // len(heads))
        found = [self._together(piece, heads, stacked) for piece in images.split(part)]
        return torch.cat(found)

    def _together(self, images: Tensor, heads: Sequence[int], stacked: dict[str, Tensor]) -> Tensor:
        def one_set(own: dict[str, Tensor]) -> Tensor:
            found: Tensor = functional_call(self.model.backbone, own, (images,))
            return found

        features = vmap(one_set)(stacked)
        columns = [self.model.score(h, f) for h, f in zip(heads, features, strict=True)]
        return torch.stack(columns, dim=1)
