"""K-means gating (TSN-IQA, III-C)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from cliqa.evaluation import Gate, GateQuery
from cliqa_gates.config import PRETRAINED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from cliqa_gates.config import KMeansConfig


#: Distances held at once: 64 MB.
_AT_ONCE: Final = 8 * 10**6


class KMeansGate(Gate):
    """Soft weights from the distance to the nearest centroid of each task.

    Features are L2-normalised, centroids are stored as K-means leaves them (released code). The
    state of a task is K x (sum of the stages' channels) values.
    """

    def __init__(self, config: KMeansConfig) -> None:
        super().__init__(config)
        self.stages = config.stages
        self.normalization = None if config.normalization == PRETRAINED else config.normalization
        self._centroids: list[dict[int, np.ndarray]] = []

    def fit(self, task: str, features: Mapping[int, np.ndarray], seed: int) -> None:
        """Find the centroids of a task; with fewer images than K, as many as there are images."""
        config: KMeansConfig = self.config
        found = {}
        for stage in self.stages:
            points = _unit(features[stage])
            distinct = len(np.unique(points, axis=0))
            k = min(config.k, distinct)
            if k < config.k:
                self.notes.append(
                    f"task {task}, stage {stage}: K = {config.k} centroids asked for, {k} used, "
                    f"because there are {distinct} different training images"
                )
            found[stage] = centroids(points, k, config.n_init, config.max_iter, seed)
        self._centroids.append(found)

    def weights(self, query: GateQuery) -> np.ndarray:
        """Mean over stages of softmax over tasks of -tau times the distance (Eq. 7-9)."""
        stages = [self._stage_weights(query.features[s], s) for s in self.stages]
        mean: np.ndarray = np.stack(stages).mean(axis=0)
        return mean.astype(np.float32)

    def _stage_weights(self, features: np.ndarray, stage: int) -> np.ndarray:
        centres = [task[stage] for task in self._centroids]
        logits = -self.config.tau * nearest_distances(_unit(features), centres)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        weights: np.ndarray = exponentials / exponentials.sum(axis=1, keepdims=True)
        return weights

    def as_graph(self, heads: int) -> Callable[[Mapping[int, Tensor], Tensor], Tensor]:  # noqa: ARG002
        """See `Gate.as_graph`; distances in float64, as here."""
        import torch

        centres = [
            {s: torch.from_numpy(task[s].astype(np.float64)) for s in self.stages}
            for task in self._centroids
        ]
        tau = self.config.tau

        def soft(features: Mapping[int, Tensor], like: Tensor) -> Tensor:  # noqa: ARG001 - a gate's
            stages = []
            for stage in self.stages:
                unit = torch.nn.functional.normalize(features[stage], dim=1, eps=1e-12).double()
                nearest = [_nearest(unit, task[stage].to(unit.device)) for task in centres]
                stages.append(torch.softmax(-tau * torch.stack(nearest, dim=1), dim=1))
            return torch.stack(stages).mean(dim=0).float()

        return soft

    def state(self) -> dict[str, np.ndarray]:
        """`TASK/STAGE` -> float32 (K, channels)."""
        return {
            f"{task}/{stage}": values
            for task, stages in enumerate(self._centroids)
            for stage, values in stages.items()
        }

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Restore the centroids."""
        tasks = len(state) // len(self.stages)
        self._centroids = [
            {stage: np.asarray(state[f"{task}/{stage}"]) for stage in self.stages}
            for task in range(tasks)
        ]


class HardKMeansGate(KMeansGate):
    """One-hot weights on the head that soft gating weights most."""

    one_head = True

    def weights(self, query: GateQuery) -> np.ndarray:
        """See `Gate.weights`."""
        soft = super().weights(query)
        return np.eye(query.heads, dtype=np.float32)[soft.argmax(axis=1)]

    def as_graph(self, heads: int) -> Callable[[Mapping[int, Tensor], Tensor], Tensor]:
        """See `Gate.as_graph`."""
        import torch

        soft = super().as_graph(heads)

        def hard(features: Mapping[int, Tensor], like: Tensor) -> Tensor:
            best = soft(features, like).argmax(dim=1)
            return torch.nn.functional.one_hot(best, heads).float()

        return hard


def _nearest(points: Tensor, centres: Tensor) -> Tensor:
    """Distance from each point to the nearest centre: (B, C), (K, C) -> (B,)."""
    squared = (points**2).sum(1, keepdim=True) + (centres**2).sum(1) - 2 * points @ centres.T
    return squared.clamp_min(0.0).amin(dim=1).sqrt()


def nearest_distances(points: np.ndarray, groups: Sequence[np.ndarray]) -> np.ndarray:
    """Distance from each point to the nearest centre of each group.

    All groups' centres stand in one matrix: one product for a few thousand points at a time.

    Args:
        points: (N, channels).
        groups: for each, its centres (K, channels); K may differ.

    Returns:
        float64 (N, groups).
    """
    centres = np.concatenate(groups)
    starts = np.cumsum([0, *map(len, groups[:-1])])
    rows = max(1, _AT_ONCE // len(centres))
    parts = [
        np.minimum.reduceat(distances(points[start : start + rows], centres), starts, axis=1)
        for start in range(0, len(points), rows)
    ]
    return np.concatenate(parts) if parts else np.empty((0, len(groups)))


def distances(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Euclidean distances (N, K) by one matrix product, in float64.

    |a - b|^2 = |a|^2 + |b|^2 - 2 ab loses digits where a is close to b; in float64 what is left
    is far below what the weights can show.
    """
    points, centres = points.astype(np.float64), centres.astype(np.float64)
    squared = (points**2).sum(1)[:, None] + (centres**2).sum(1) - 2 * points @ centres.T
    return np.sqrt(np.maximum(squared, 0.0))


def centroids(points: np.ndarray, k: int, n_init: int, max_iter: int, seed: int) -> np.ndarray:
    """K-means centroids, float32 (k, channels)."""
    # The soft and the hard gate of a run ask for the same clustering: it is made once.
    return _cluster(points.tobytes(), points.shape, k, n_init, max_iter, seed % 2**32)


@lru_cache(maxsize=8)
def _cluster(
    data: bytes, shape: tuple[int, int], k: int, n_init: int, max_iter: int, seed: int
) -> np.ndarray:
    from sklearn.cluster import KMeans

    points = np.frombuffer(data, dtype=np.float32).reshape(shape)
    if k == len(points):  # every image is its own centroid
        return points
    fitted = KMeans(n_clusters=k, n_init=n_init, max_iter=max_iter, random_state=seed).fit(points)
    return np.asarray(fitted.cluster_centers_, dtype=np.float32)


def _unit(features: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(features, axis=1, keepdims=True)
    unit: np.ndarray = (features / np.maximum(norm, 1e-12)).astype(np.float32)
    return unit
