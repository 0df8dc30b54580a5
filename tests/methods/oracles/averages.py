"""Oracles of weighted sums, averages and medians of whole models."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tests.methods.oracles.arrays import Array, delta, deltas, listed, total, wide

if TYPE_CHECKING:
    from collections.abc import Sequence


@np.errstate(all="ignore")
def linear(inputs: Sequence[Array], weight: Sequence[float], *, normalize: bool = False) -> Array:
    """y = Σ w_i x_i, with w_i / Σ w if normalised. arXiv:2203.05482."""
    share = 1 / math.fsum(weight) if normalize else 1.0
    kept, (weights,) = listed(inputs, weight)
    return total([w * share * wide(x) for w, x in zip(weights, kept, strict=True)], inputs[0])


@np.errstate(all="ignore")
def interpolate(from_: Array, to: Array, *, t: float) -> Array:
    """y = (1 - t) from + t to. arXiv:2109.01903."""
    return linear([from_, to], [1 - t, t], normalize=False)


@np.errstate(all="ignore")
def passthrough(model: Array, *, scale: float = 1.0) -> Array:
    """y = scale x; a scale of 0 gives zeros. mergekit's documentation."""
    return wide(model) * scale if scale != 0 else np.zeros(model.shape)


@np.errstate(all="ignore")
def expo(base: Array, model: Array, *, alpha: float) -> Array:
    """y = x + alpha (x - b). arXiv:2404.16792."""
    return wide(model) + alpha * delta(model, base) if alpha != 0 else wide(model)


@np.errstate(all="ignore")
def fisher(
    inputs: Sequence[Array],
    fisher: Sequence[Array],
    weight: Sequence[float],
    *,
    floor: float = 1e-6,
) -> Array:
    """y = Σ w_i F_i x_i / Σ w_i F_i, the weighted mean where that is 0/0. arXiv:2111.09832.

    F_i counts as `floor` where it is less.
    """
    kept, (weights,) = listed(inputs, weight)
    floored = [np.maximum(wide(f), floor) for f, w in zip(fisher, weight, strict=True) if w != 0]
    shares = [w * f for w, f in zip(weights, floored, strict=True)]
    below = total(shares, inputs[0])
    above = total([s * wide(x) for s, x in zip(shares, kept, strict=True)], inputs[0])
    mean = total([w * wide(x) for w, x in zip(weights, kept, strict=True)], inputs[0]) / sum(weights)
    return np.where(below == 0, mean, above / below)


@np.errstate(all="ignore")
def geometric_median(
    inputs: Sequence[Array],
    weight: Sequence[float],
    *,
    max_iter: int = 100,
    tol: float = 1e-12,
) -> Array:
    """The y of least Σ w_i ‖x_i - y‖, by Weiszfeld's iteration from the weighted mean. Tohoku J. 43, 1937.

    Distances below 1e-9 of the largest one between two inputs count as that.
    """
    points = [wide(x) for x in inputs]
    given = np.array(weight, np.float64)
    shares = given / given.sum()
    if len(points) == 1:
        return points[0]
    floor = 1e-9 * float(np.max([np.linalg.norm(x - y) for x in points for y in points]))
    if floor == 0:
        return total([s * x for s, x in zip(shares, points, strict=True)], inputs[0])
    first = points[0]
    offsets = deltas(points, first)
    for _ in range(max_iter):
        centre = total([s * x for s, x in zip(shares, offsets, strict=True)], first)
        distances = np.array([max(float(np.linalg.norm(x - centre)), floor) for x in offsets])
        pulls = given / distances
        before, shares = shares, pulls / pulls.sum()
        if np.max(np.abs(shares - before)) <= tol:
            break
    return total([s * x for s, x in zip(shares, points, strict=True)], first)
