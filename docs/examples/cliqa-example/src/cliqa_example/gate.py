"""A gate that knows each task as a Gaussian of its features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cliqa.evaluation import Gate, GateQuery

if TYPE_CHECKING:
    from collections.abc import Mapping


class MahalanobisGate(Gate):
    """Weights from squared Mahalanobis distances (Lee et al. 2018, eqs. 1 and 2), tasks as classes.

    Tasks have means of their own and share one covariance, which is shrunk towards a sphere. No
    feature is kept: the covariance is the sum of the tasks' scatter matrices, so a task adds its
    own without those before.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.stages = (config.stage,)
        self._means: list[np.ndarray] = []
        self._scatter: np.ndarray = np.zeros((1, 1))
        self._count = 0

    def fit(self, task: str, features: Mapping[int, np.ndarray], seed: int) -> None:  # noqa: ARG002
        """Add the mean and the scatter of a new head's training images."""
        points = features[self.config.stage].astype(np.float64)
        mean = points.mean(axis=0)
        scatter = (points - mean).T @ (points - mean)
        self._means.append(mean)
        self._scatter = self._scatter + scatter
        self._count += len(points)

    def weights(self, query: GateQuery) -> np.ndarray:
        """Softmax over tasks of minus half the squared distance, divided by the temperature."""
        logits = -0.5 * self.distances(query.features[self.config.stage]) / self.config.temperature
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        weights: np.ndarray = raised / raised.sum(axis=1, keepdims=True)
        return weights.astype(np.float32)

    def distances(self, features: np.ndarray) -> np.ndarray:
        """(x - mu_t)^T Sigma^-1 (x - mu_t), float64 (N, tasks), of features (N, channels)."""
        root = np.linalg.cholesky(self.covariance())
        white = [np.linalg.solve(root, (features - mean).T) for mean in self._means]
        return np.stack([(w**2).sum(axis=0) for w in white], axis=1)

    def covariance(self) -> np.ndarray:
        """(1 - s) Sigma + s trace(Sigma) / d I, float64 (d, d)."""
        sigma, s = self._scatter / self._count, self.config.shrinkage
        # The least of a sphere keeps it positive where all features are equal.
        sphere = max(np.trace(sigma) / len(sigma), np.finfo(np.float32).tiny)
        shrunk: np.ndarray = (1 - s) * sigma + s * sphere * np.eye(len(sigma))
        return shrunk

    def state(self) -> dict[str, np.ndarray]:
        """Means, the shared scatter matrix, and the number of images behind it."""
        if not self._means:
            return {}
        return {
            "means": np.stack(self._means),
            "scatter": self._scatter,
            "count": np.array([self._count]),
        }

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Restore them."""
        if state:
            self._means = list(state["means"])
            self._scatter = state["scatter"]
            self._count = int(state["count"][0])
