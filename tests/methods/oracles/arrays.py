"""What the oracles share: differences, counts and signs, as numpy understands them.

An oracle takes the arrays in the dtype of the arithmetic (float32 or float64) and gives float64. Only
the difference from a base is taken in that dtype, as the methods define it; all else is float64. None
of it was written from the methods' code, nor from another program's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = NDArray[Any]
Compat = Literal["mergekit-0.1"] | None
Sign = Literal["unweighted", "weighted", "count"] | None
Rescale = Literal["density", "l1", "none"] | None


def wide(x: Array) -> Array:
    """The values as float64."""
    return x.astype(np.float64)


def delta(x: Array, base: Array) -> Array:
    """x - base, taken in their own dtype."""
    return wide(x - base)


def deltas(inputs: Sequence[Array], base: Array) -> list[Array]:
    """The difference of each input from the base."""
    return [delta(x, base) for x in inputs]


def listed(inputs: Sequence[Array], *per_model: Sequence[Any]) -> tuple[list[Array], list[list[Any]]]:
    """The inputs whose weight, the first list, is not 0, and their parameters: the others are not there."""
    chosen = [i for i, weight in enumerate(per_model[0]) if weight != 0]
    return [inputs[i] for i in chosen], [[values[i] for i in chosen] for values in per_model]


def kept_count(density: float, size: int, compat: Compat = None) -> int:
    """How many of `size` elements a density keeps: truncated, but not 0 unless the density is."""
    if density <= 0 or size == 0:
        return 0
    if density >= 1:
        return size
    count = int(density * size)
    return count if compat else max(1, count)


def nth_largest(values: Array, rank: int) -> float:
    """The rank-th largest value, from 1; NaN counts as the largest."""
    return float(np.sort(values.ravel())[values.size - rank])


def total(terms: Sequence[Array], like: Array) -> Array:
    """The sum of arrays, zeros where there are none."""
    result = np.zeros(like.shape)
    for term in terms:
        result = result + term
    return result


def rows(x: Array) -> Array:
    """One row per index of axis 0; a tensor of fewer than two axes is one row."""
    return x.reshape(1, -1) if x.ndim < 2 else x.reshape(x.shape[0], math.prod(x.shape[1:]))


def last_axis_rows(x: Array) -> Array:
    """Vectors along the last axis, as rows."""
    return x.reshape(1, -1) if x.ndim < 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def cosine(x: Array, y: Array) -> float:
    """The cosine of two tensors taken as vectors; 0 where one of them is 0."""
    product = float(np.linalg.norm(x) * np.linalg.norm(y))
    if product == 0:
        return 0.0
    return float(np.clip(np.sum(x * y) / product, -1.0, 1.0))
