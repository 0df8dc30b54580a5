"""Oracles of methods that select elements of task vectors: by variance, by activity, by competition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.methods.oracles.arrays import Array, Compat, deltas, kept_count, listed, nth_largest, total, wide

if TYPE_CHECKING:
    from collections.abc import Sequence


@np.errstate(all="ignore")
def sce(base: Array, inputs: Sequence[Array], *, select_topk: float = 1.0, compat: Compat = None) -> Array:
    """Select by variance, weigh by energy, erase what disagrees. arXiv:2408.07990.

    mergekit: the count is of the variances that are not 0, weights are equal where the mean squares sum
    to less than 1e-6, a tie elects plus, and the divisor is at least 1e-6.
    """
    d = deltas(inputs, base)
    if select_topk < 1 and base.size:
        variance = total([(one - total(d, base) / len(d)) ** 2 for one in d], base) / len(d)
        count = kept_count(select_topk, int(np.count_nonzero(variance)) if compat else base.size, compat)
        if count == 0:
            return wide(base)
        dropped = variance < nth_largest(variance, count)
        d = [np.where(dropped, 0.0, one) for one in d]
    energy = np.array([np.sum(one**2) for one in d])
    if not np.isfinite(np.sum(energy)):
        return np.full(base.shape, np.nan)
    uniform = np.sum(energy) < 1e-6 * base.size if compat else np.sum(energy) == 0
    shares = np.full(len(d), 1 / len(d)) if uniform else energy / np.sum(energy)
    votes = total(d, base)
    won = np.where(votes >= 0, 1.0, -1.0) if compat else np.sign(votes)
    agrees = [(np.sign(one) == won) & (won != 0) for one in d]
    above = total([np.where(a, s * one, 0.0) for a, s, one in zip(agrees, shares, d, strict=True)], base)
    below = total([np.where(a, s, 0.0) for a, s in zip(agrees, shares, strict=True)], base)
    mean = above / (np.maximum(below, 1e-6) if compat else np.where(below == 0, 1.0, below))
    return wide(base) + np.where(np.isnan(votes), np.nan, mean)


def _active(base: Array, inputs: Sequence[Array], epsilon: float) -> tuple[list[Array], list[Array], Array]:
    d = deltas(inputs, base)
    active = [~(np.abs(one) <= epsilon) for one in d]
    return d, active, total([a.astype(np.float64) for a in active], base)


@np.errstate(all="ignore")
def ram(base: Array, inputs: Sequence[Array], *, epsilon: float = 1e-5) -> Array:
    """y = b + Σ of the active d over their number, active where |d| > epsilon. arXiv:2601.13572."""
    d, active, count = _active(base, inputs, epsilon)
    summed = total([np.where(a, one, 0.0) for a, one in zip(active, d, strict=True)], base)
    return wide(base) + summed / np.maximum(count, 1)


@np.errstate(all="ignore")
def ramplus_tl(
    base: Array,
    inputs: Sequence[Array],
    *,
    r: float = 0.1,
    alpha: float = 0.2,
    epsilon: float = 1e-5,
) -> Array:
    """As ram, with what only one model changed times 1 + r min(shared / unique, alpha). arXiv:2601.13572."""
    d, active, count = _active(base, inputs, epsilon)
    terms = []
    for one, is_active in zip(d, active, strict=True):
        shared = int(np.count_nonzero(is_active & (count >= 2)))
        unique = int(np.count_nonzero(is_active & (count == 1)))
        factor = np.where(count == 1, 1 + r * min(shared / max(unique, 1), alpha), 1 / np.maximum(count, 1))
        terms.append(np.where(is_active, one * factor, 0.0))
    return wide(base) + total(terms, base)


@np.errstate(all="ignore")
def magmax(base: Array, inputs: Sequence[Array], *, lambda_: float = 1.0) -> Array:
    """y = b + lambda times the d of the largest magnitude, the first of equal ones. arXiv:2407.06322."""
    stacked = np.stack(deltas(inputs, base))
    chosen: Array = np.take_along_axis(stacked, np.argmax(np.abs(stacked), axis=0)[None], axis=0)[0]
    return wide(base) + lambda_ * chosen


def _masks(d: Sequence[Array], summed: Array, mask_lambda: Sequence[float]) -> list[Array]:
    return [~(np.abs(one) < s * np.abs(summed - one)) for one, s in zip(d, mask_lambda, strict=True)]


@np.errstate(all="ignore")
def consensus(
    base: Array,
    inputs: Sequence[Array],
    weight: Sequence[float],
    mask_lambda: Sequence[float],
    *,
    agreement: int = 2,
    lambda_: float = 1.0,
) -> Array:
    """y = b + lambda t where at least k TALL masks agree, t = Σ w_i d_i. arXiv:2405.07813."""
    used, (weights, scales) = listed(inputs, weight, mask_lambda)
    d = deltas(used, base)
    summed = total([w * one for w, one in zip(weights, d, strict=True)], base)
    votes = total([m.astype(np.float64) for m in _masks(d, summed, scales)], base)
    return wide(base) + lambda_ * np.where((votes >= agreement) | np.isnan(summed), summed, 0.0)


@np.errstate(all="ignore")
def tall_masks(
    base: Array,
    inputs: Sequence[Array],
    of: Array,
    weight: Sequence[float],
    *,
    mask_lambda: float = 0.4,
    lambda_: float = 1.0,
) -> Array:
    """y = b + lambda t where |d| >= s |t - d| for the d of one model, t = Σ w_i d_i. arXiv:2405.07813."""
    used, (weights,) = listed(inputs, weight)
    summed = total([w * one for w, one in zip(weights, deltas(used, base), strict=True)], base)
    (mask,) = _masks(deltas([of], base), summed, [mask_lambda])
    return wide(base) + lambda_ * np.where(mask | np.isnan(summed), summed, 0.0)


def _clipped(size: Array, outliers: float) -> Array:
    beyond = int(outliers * size.size)
    return np.clip(size, nth_largest(size, size.size - beyond), nth_largest(size, beyond + 1))


@np.errstate(all="ignore")
def pcb(
    base: Array,
    inputs: Sequence[Array],
    weight: Sequence[float],
    *,
    density: float = 0.1,
    lambda_: float = 1.0,
    outliers: float = 0.0001,
) -> Array:
    """Each delta weighed by how it competes within its model and with the others. arXiv:2410.02396."""
    count = kept_count(density, base.size)
    if count == 0:
        return wide(base)
    used, (weights,) = listed(inputs, weight)
    d = deltas(used, base)
    together = total(d, base)
    above, below = np.zeros(base.shape), np.zeros(base.shape)
    for one, w in zip(d, weights, strict=True):
        size = _clipped(np.abs(one), outliers)
        spread = size.max() - size.min()
        rank = (size - size.min()) / spread if spread != 0 else np.zeros(base.shape)
        score = np.maximum(np.exp(len(d) * rank**2) * np.tanh(one * together), 0.0)
        most, least = score.max(), nth_largest(score, count)
        if most == least:
            share = ((score == most) & (score > 0)).astype(np.float64) * np.where(np.isnan(most), np.nan, 1.0)
        else:
            share = np.maximum(score - least, 0.0) / (most - least)
        above += w * share * np.sign(one) * size
        below += share
    return wide(base) + lambda_ * np.where(below == 0, 0.0, above / np.where(below == 0, 1.0, below))
