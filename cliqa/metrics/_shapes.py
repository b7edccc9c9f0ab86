"""Shape checks at the border: each names what was expected and what came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]


def matrix(
    name: str, values: ArrayLike, learned_at: Sequence[int] | None
) -> tuple[Array, NDArray[np.int64]]:
    """A matrix with one row a stage, and the stage (from 0) that each column's task belongs to.

    None in `values` becomes NaN. Without `learned_at` stage t learns task t, so the matrix must be
    square.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(
            f"{name} must have one row a stage and one column a test set; got the shape "
            f"{array.shape}"
        )
    rows, columns = array.shape
    if learned_at is None:
        if rows != columns:
            raise ValueError(
                f"{name} must have the shape (T, T), one row a model and one column a test set, "
                f"unless `learned_at` says which stage learned what; got the shape {array.shape}"
            )
        return array, np.arange(columns)
    stages = np.asarray(learned_at, dtype=np.int64)
    if stages.shape != (columns,) or set(stages.tolist()) != set(range(rows)):
        raise ValueError(
            f"learned_at must name for each of {columns} test sets one of the stages 0 to "
            f"{rows - 1}, and each of these; got {list(learned_at)}"
        )
    return array, stages


def vector(name: str, values: ArrayLike, length: int) -> Array:
    """`values` as a float64 array of shape (length,); None becomes NaN."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (length,):
        raise ValueError(
            f"{name} must have the shape ({length},), one value a task; got the shape {array.shape}"
        )
    return array


def pair(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """`x` and `y` as float64 vectors of equal length."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            "expected two vectors of the same length, one value an image; "
            f"got the shapes {x.shape} and {y.shape}"
        )
    return x, y
