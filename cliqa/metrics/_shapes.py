"""Shape checks at the border: each names what was expected and what came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]


def square(name: str, matrix: ArrayLike) -> Array:
    """`matrix` as a float64 array of shape (T, T); None becomes NaN."""
    array = np.asarray(matrix, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.size == 0:
        raise ValueError(
            f"{name} must have the shape (T, T), one row a model and one column a test set, "
            f"with T >= 1; got the shape {array.shape}"
        )
    return array


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
