"""Wrong metrics."""

from __future__ import annotations

import numpy as np
from cliqa_samples import FAULTS, component
from cliqa_samples.right import metric

from cliqa.metrics import MatrixMetric

FAULTS["metric"] = {
    "has-the-metrics-form": (component(lambda _: np.mean), "MatrixMetric"),
    "name-is-its-own": (
        component(lambda _: MatrixMetric(name="other", function=lambda r: 0.0)),
        "announced as `mine`",
    ),
    "gives-numbers-within-its-bounds": (
        metric(lambda r: 10 * float(np.mean(r.S[-1]))),
        "outside its bounds",
    ),
    "is-undefined-instead-of-wrong": (
        metric(lambda r: float(np.nan_to_num(r.S[-1]).mean())),
        "0 would",
    ),
    "agrees-with-scipy": (
        metric(
            lambda r: (
                float(
                    np.corrcoef(
                        np.argsort(np.argsort(r.predictions[0, 0])),
                        np.argsort(np.argsort(r.qualities[0])),
                    )[0, 1]
                )
                if r.predictions
                else float("nan")
            )
        ),
        "scipy.stats.rankdata",
    ),
    "better-runs-are-not-worse": (
        metric(lambda r: float(np.mean(r.S[-1])), higher_is_better=False),
        "turn the sign",
    ),
    "record-is-left-alone": (
        metric(lambda r: float(r.S.__imul__(0.5).mean())),
        "work on a copy",
    ),
}
