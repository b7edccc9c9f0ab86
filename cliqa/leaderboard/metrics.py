"""The metrics that every row has, whatever its configuration asks for."""

from __future__ import annotations

from typing import Final

from cliqa.metrics import (
    MatrixMetric,
    mean_plasticity_index,
    mean_plasticity_stability_index,
    mean_srcc,
    mean_stability_index,
)

#: The first four columns of the TSN-IQA paper's tables.
METRICS: Final = (
    MatrixMetric(name="mSRCC", function=lambda r: mean_srcc(r.S, r.stages)),
    MatrixMetric(name="mPI", function=lambda r: mean_plasticity_index(r.S, r.stages)),
    MatrixMetric(name="mSI", function=lambda r: mean_stability_index(r.R, r.stages)),
    MatrixMetric(
        name="mPSI",
        function=lambda r: mean_plasticity_stability_index(r.S, r.R, r.stages),
    ),
)
