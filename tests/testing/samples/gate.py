"""Wrong gates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from cliqa_samples import fault
from cliqa_samples.right import Nearest

from cliqa.evaluation import Gate

fault("gate", "is-a-gate", "made a dict")(lambda _: {})


@fault("gate", "rows-sum-to-one", "sum to 3")
class Ones(Nearest):
    def weights(self, query):
        return np.ones((query.count, query.heads), dtype=np.float32)


@fault("gate", "one-head-gets-all-weight", "with one head")
class Reserved(Nearest):
    def weights(self, query):
        return 0.5 * super().weights(query)


@fault("gate", "one-head-is-one-head", "`one_head` is True")
class Soft(Nearest):
    def weights(self, query):
        return np.full((query.count, query.heads), 1 / query.heads, dtype=np.float32)


@fault("gate", "task-id-is-not-used", "uses_task_id")
class Peeks(Nearest):
    def weights(self, query):
        weights = super().weights(query)
        if query.oracle_heads:
            weights[:] = np.eye(query.heads)[query.oracle_heads[-1]]
        return weights


@fault("gate", "images-do-not-depend-on-each-other", "images beside it")
class Centred(Nearest):
    def weights(self, query):
        means = query.features[4].mean(axis=0)
        return super().weights(replace(query, features={4: query.features[4] - means + 1}))


@fault("gate", "few-images-are-enough", "it raised ValueError")
class NeedsMany(Nearest):
    def fit(self, task, features, seed):
        if len(features[4]) < 8:
            raise ValueError("n_samples=2 should be >= n_clusters=8")
        super().fit(task, features, seed)


@fault("gate", "features-are-left-alone", "in-place")
class Normalises(Nearest):
    def fit(self, task, features, seed):
        features[4] /= 2
        super().fit(task, features, seed)


@fault("gate", "state-gives-everything-back", "into `state`")
class Stateless(Nearest):
    def state(self):
        return {}


@fault("gate", "same-seed-same-weights", "`seed`")
class Random(Gate):
    def weights(self, query):
        weights = np.random.default_rng().uniform(0.1, 1, (query.count, query.heads))
        return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
