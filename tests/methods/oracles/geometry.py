"""Oracles of methods that look at how two or more models lie to a base."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from tests.methods.oracles.arrays import Array, Compat, delta, deltas, last_axis_rows, rows, total, wide

if TYPE_CHECKING:
    from collections.abc import Sequence


@np.errstate(all="ignore")
def model_stock(
    base: Array, inputs: Sequence[Array], *, filter_wise: bool = False, compat: Compat = None
) -> Array:
    """y = b + t mean(d), t = N c / (1 + (N-1) c), c the mean cosine of pairs of d. arXiv:2403.19522.

    0 where c <= 0. mergekit: not so, but 0 where |1 + (N-1) c| < 1e-6, and products of norms are at
    least 1e-6; filters are vectors along the last axis.
    """
    d = deltas(inputs, base)
    if not filter_wise:
        lines = [one.reshape(1, -1) for one in d]
    else:
        lines = [last_axis_rows(one) if compat else rows(one) for one in d]
    pairs = [_cosines(x, y, compat) for x, y in itertools.combinations(lines, 2)]
    mean_cosine = total(pairs, pairs[0]) / len(pairs)
    count = len(d)
    divisor = 1 + (count - 1) * mean_cosine
    if compat:
        ratio = np.where(np.abs(divisor) < 1e-6, 0.0, count * mean_cosine / divisor)
    else:
        ratio = np.where(mean_cosine <= 0, 0.0, count * mean_cosine / divisor)
    moved: Array = ratio * total(lines, lines[0]) / count
    return wide(base) + moved.reshape(base.shape)


def _cosines(x: Array, y: Array, compat: Compat) -> Array:
    norms = np.linalg.norm(x, axis=1, keepdims=True) * np.linalg.norm(y, axis=1, keepdims=True)
    below = np.maximum(norms, 1e-6) if compat else np.where(norms == 0, 1.0, norms)
    cosines: Array = np.clip(np.sum(x * y, axis=1, keepdims=True) / below, -1.0, 1.0)
    return cosines


@np.errstate(all="ignore")
def nearswap(base: Array, model: Array, *, t: float, compat: Compat = None) -> Array:
    """y = b + (x - b) cut to -t .. t; mergekit divides t by at least 1e-6."""
    d = delta(model, base)
    if compat:
        share = np.clip(t / np.maximum(np.abs(d), 1e-6), 0.0, 1.0)
        return (1 - share) * wide(base) + share * wide(model)
    return np.where(np.abs(d) <= t, wide(model), wide(base) + np.clip(d, -t, t))


def _softmax(x: Array) -> Array:
    powers: Array = np.exp(x - x.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def importance(base: Array, model: Array) -> Array:
    """|x - b| times the divergence of the softmax of x from that of b along the last axis."""
    p, q = (_softmax(last_axis_rows(wide(one))) + 1e-8 for one in (model, base))
    divergence = np.maximum(np.sum(p * np.log(p / q), axis=1, keepdims=True), 0.0)
    found: Array = np.abs(last_axis_rows(delta(model, base))) * divergence
    return found.reshape(base.shape)


@np.errstate(all="ignore")
def arcee_fusion(base: Array, model: Array, *, compat: Compat = None) -> Array:
    """x where its importance is at least median + 1.5 IQR, else b. mergekit's documentation.

    Quartiles are the lower ones of two: the int(p (n-1))-th in ascending order. What is no number is
    important.
    """
    del compat
    if base.size == 0:
        return wide(base)
    found = importance(base, model)
    ordered = np.sort(found.ravel())
    first, median, third = (ordered[int(p * (ordered.size - 1))] for p in (0.25, 0.5, 0.75))
    return np.where(found < median + 1.5 * (third - first), wide(base), wide(model))
