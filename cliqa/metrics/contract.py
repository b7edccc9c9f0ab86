"""What a metric component is: a named summary of one gate's row of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class MatrixRecord:
    """All that a metric may read about one run under one gate.

    Attributes:
        S: (T, K), `S[t, k]` = SRCC of the model after stage t on test set k; NaN: not evaluated.
        R: (T, K), for tasks learned before t, `R[t, k]` = SRCC between the predictions of model t
            and of the model that had just learned task k on test set k; NaN elsewhere.
        tasks: names of the K tasks, in the order they were learned.
        learned_at: for each task the stage, from 0, that learned it; empty: stage k learned task k.
        gate: name of the gate.
        predictions: `(t, k)`, both counted from 0 as in S, to the (n,) predictions on test set k;
            absent where not evaluated.
        qualities: k to the (n,) quality scores of test set k, in the order of the predictions.
    """

    S: Array
    R: Array
    tasks: tuple[str, ...]
    learned_at: tuple[int, ...] = ()
    gate: str = ""
    predictions: Mapping[tuple[int, int], Array] = field(default_factory=dict)
    qualities: Mapping[int, Array] = field(default_factory=dict)

    @property
    def stages(self) -> tuple[int, ...] | None:
        """`learned_at` as the functions of `cliqa.metrics` take it."""
        return self.learned_at or None


@runtime_checkable
class Metric(Protocol):
    """The contract of a metric component; `MatrixMetric` is the usual way to meet it."""

    @property
    def name(self) -> str:
        """The name shown in tables: the component's name."""

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value is the better one."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest possible value."""

    def compute(self, record: MatrixRecord) -> float:
        """Give the metric's value; NaN where it is undefined, never an exception for that."""


@dataclass(frozen=True, kw_only=True)
class MatrixMetric:
    """A metric made from a plain function of the record.

    >>> import numpy as np
    >>> from cliqa.metrics import mean_srcc
    >>> metric = MatrixMetric(name="mSRCC", function=lambda record: mean_srcc(record.S))
    >>> metric.compute(MatrixRecord(S=np.array([[0.5]]), R=np.array([[np.nan]]), tasks=("live",)))
    0.5
    """

    name: str
    function: Callable[[MatrixRecord], float]
    higher_is_better: bool = True
    bounds: tuple[float, float] = (-1.0, 1.0)

    def compute(self, record: MatrixRecord) -> float:
        """Apply the function."""
        return float(self.function(record))
