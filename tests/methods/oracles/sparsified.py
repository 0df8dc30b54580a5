"""Oracles of task arithmetic and of the methods that first drop a part of every task vector.

y = b + lambda M(S_1(d_1), S_2(d_2), ...): each S drops and rescales, M is a weighted sum or the vote of TIES.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.methods.oracles.arrays import (
    Array,
    Compat,
    Rescale,
    Sign,
    delta,
    kept_count,
    listed,
    nth_largest,
    rows,
    total,
    wide,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Sparsified = Callable[..., Array]


@dataclass(frozen=True)
class Defaults:
    """What a method takes for keys that are left out, by itself and under compat."""

    normalize: tuple[bool, bool] = (False, False)
    rescale: tuple[str, str] = ("none", "none")

    def chosen(
        self, rescale: Rescale, sign: Sign, compat: Compat, *, normalize: bool | None
    ) -> tuple[bool, str, str]:
        which = int(compat is not None)
        return (
            self.normalize[which] if normalize is None else normalize,
            rescale or self.rescale[which],
            sign or ("weighted" if compat else "unweighted"),
        )


@np.errstate(all="ignore")
def task_arithmetic(
    base: Array,
    inputs: Sequence[Array],
    weight: Sequence[float],
    *,
    lambda_: float = 1.0,
    normalize: bool = False,
    compat: Compat = None,
) -> Array:
    """y = b + lambda Σ w_i d_i, divided by Σ w_i if normalised. arXiv:2212.04089."""
    kept, (weights,) = listed(inputs, weight)
    return wide(base) + lambda_ * _summed(
        [delta(x, base) for x in kept], weights, base, normalize=normalize, compat=compat
    )


def _summed(
    terms: Sequence[Array], weights: Sequence[float], like: Array, *, normalize: bool, compat: Compat
) -> Array:
    divisor = float(np.sum(weights)) if normalize and weights else 1.0
    if compat and abs(divisor) < 1e-8:
        divisor = 1.0
    return total([w * d for w, d in zip(weights, terms, strict=True)], like) / divisor


def elected(
    terms: Sequence[Array], weights: Sequence[float], sign: str, *, normalize: bool, compat: Compat
) -> Array:
    """The sum (or mean) of the terms that have the elected sign, element by element. arXiv:2306.01708.

    A tie elects no sign; mergekit's elects plus. NaN in a term gives NaN, and so do infinities of both
    signs that are summed to elect, and infinities where no sign is elected.
    """
    shares = [w * d for w, d in zip(weights, terms, strict=True)]
    signs = [np.sign(share) for share in shares]
    votes = {
        "weighted": shares,
        "unweighted": [np.sign(w) * d for w, d in zip(weights, terms, strict=True)],
        "count": signs,
    }[sign]
    result = sum(votes)
    won = np.where(result >= 0, 1.0, -1.0) if compat else np.sign(result)
    agrees = [(s == won) & (won != 0) for s in signs]
    merged = total([np.where(a, s, 0.0) for a, s in zip(agrees, shares, strict=True)], terms[0])
    if normalize:
        sizes = weights if compat else np.abs(weights)
        divisor = total([np.where(a, w, 0.0) for a, w in zip(agrees, sizes, strict=True)], terms[0])
        merged = merged / np.where(np.abs(divisor) < 1e-8 if compat else divisor == 0, 1.0, divisor)
    lost = [np.isinf(term) & (won == 0) for term in terms]
    broken = np.any([np.isnan(result), *lost, *(np.isnan(term) for term in terms)], axis=0)
    return np.where(broken, np.nan, merged)


def _merged(
    base: Array,
    kept: Sequence[Array],
    weights: Sequence[float],
    lambda_: float,
    *,
    sign: str | None,
    normalize: bool,
    compat: Compat,
) -> Array:
    if not kept:
        return wide(base)
    if sign is None:
        merged = _summed(kept, weights, base, normalize=normalize, compat=compat)
    else:
        merged = elected(kept, weights, sign, normalize=normalize, compat=compat)
    return wide(base) + lambda_ * merged


def _rescaled(d: Array, kept: Array, probability: Any, rescale: str, compat: Compat) -> Array:
    """The kept part of d, made larger for what was dropped."""
    if rescale == "density":
        return np.where(kept == 0, kept, kept / probability)
    if rescale == "l1":
        before, after = float(np.sum(np.abs(d))), float(np.sum(np.abs(kept)))
        too_small = (before < 1e-7 or after < 1e-7) if compat else after == 0
        return kept if too_small else kept * (before / after)
    return kept


def _nothing(d: Array) -> Array:
    """Zeros, but NaN where d is no finite number: what is dropped hides none, unless all of a model is."""
    return np.where(np.isfinite(d), 0.0, np.nan)


def _largest(d: Array, density: float) -> Array:
    """d where |d| is at least the k-th largest: equal ones are all kept, NaN too."""
    count = kept_count(density, d.size)
    if count == 0:
        return np.zeros(d.shape)
    return np.where(np.abs(d) < nth_largest(np.abs(d), count), 0.0, d)


def _between(d: Array, density: float, gamma: float, compat: Compat) -> Array:
    """d without the int(gamma n) largest and but for the k after them. arXiv:2312.06795."""
    count = kept_count(density, d.size, compat)
    if count == 0:
        return np.zeros(d.shape)
    top = min(int(gamma * d.size), d.size - count)
    size = np.abs(d)
    least, greatest = nth_largest(size, top + count), nth_largest(size, top + 1)
    return np.where((size < least) | (size > greatest), _nothing(d), d)


def keep_probability(d: Array, density: float, epsilon: float) -> Array:
    """By rank in its row: density - epsilon for the smallest |d| to density + epsilon. arXiv:2406.11617."""
    lines = rows(np.abs(d))
    width = lines.shape[1]
    if width < 2:
        return np.full(d.shape, density)
    rank = np.argsort(np.argsort(lines, axis=1, kind="stable"), axis=1, kind="stable")
    probability: Array = density - epsilon + 2 * epsilon * rank / (width - 1)
    return probability.reshape(d.shape)


@np.errstate(all="ignore")
def ties(
    base: Array,
    inputs: Sequence[Array],
    weight: Sequence[float],
    density: Sequence[float],
    *,
    lambda_: float = 1.0,
    normalize: bool | None = None,
    rescale: Rescale = None,
    sign: Sign = None,
    compat: Compat = None,
) -> Array:
    """Trim to the largest |d|, elect a sign, average what agrees. arXiv:2306.01708."""
    mean, scaling, vote = Defaults(normalize=(True, True)).chosen(rescale, sign, compat, normalize=normalize)
    used, (weights, densities) = listed(inputs, weight, density)
    kept = []
    for x, p in zip(used, densities, strict=True):
        d = delta(x, base)
        kept.append(_rescaled(d, _largest(d, p), p, scaling if 0 < p < 1 else "none", compat))
    return _merged(base, kept, weights, lambda_, sign=vote, normalize=mean, compat=compat)


def _breadcrumbs(*, votes: bool) -> Sparsified:
    defaults = Defaults(normalize=(votes, False))

    @np.errstate(all="ignore")
    def oracle(
        base: Array,
        inputs: Sequence[Array],
        weight: Sequence[float],
        density: Sequence[float],
        gamma: Sequence[float],
        *,
        lambda_: float = 1.0,
        normalize: bool | None = None,
        rescale: Rescale = None,
        sign: Sign = None,
        compat: Compat = None,
    ) -> Array:
        """Drop the smallest and the very largest |d|. arXiv:2312.06795."""
        mean, scaling, vote = defaults.chosen(rescale, sign, compat, normalize=normalize)
        used, (weights, densities, gammas) = listed(inputs, weight, density, gamma)
        kept = []
        for x, p, g in zip(used, densities, gammas, strict=True):
            d = delta(x, base)
            left = _between(d, p, g, compat)
            kept.append(_rescaled(d, left, p, scaling if 0 < p < 1 else "none", compat))
        return _merged(
            base, kept, weights, lambda_, sign=vote if votes else None, normalize=mean, compat=compat
        )

    return oracle


def _dropped_at_random(*, votes: bool, ranked: bool) -> Sparsified:
    defaults = Defaults(normalize=(votes, votes and ranked), rescale=("density", "l1"))

    @np.errstate(all="ignore")
    def oracle(
        base: Array,
        inputs: Sequence[Array],
        masks: Sequence[Array],
        weight: Sequence[float],
        density: Sequence[float],
        epsilon: Sequence[float] | None = None,
        *,
        lambda_: float = 1.0,
        normalize: bool | None = None,
        rescale: Rescale = None,
        sign: Sign = None,
        compat: Compat = None,
    ) -> Array:
        """Drop where the mask is 0. arXiv:2311.03099, and arXiv:2406.11617 where ranked."""
        mean, scaling, vote = defaults.chosen(rescale, sign, compat, normalize=normalize)
        widths = epsilon if epsilon is not None else [0.0] * len(inputs)
        used, (weights, densities, spreads, drawn) = listed(inputs, weight, density, widths, masks)
        kept = []
        for x, p, spread, mask in zip(used, densities, spreads, drawn, strict=True):
            d = delta(x, base)
            probability = keep_probability(d, p, spread) if ranked and 0 < p < 1 else p
            left = np.where(mask != 0, d, _nothing(d)) if p != 0 else np.zeros(d.shape)
            kept.append(_rescaled(d, left, probability, scaling if 0 < p < 1 else "none", compat))
        return _merged(
            base, kept, weights, lambda_, sign=vote if votes else None, normalize=mean, compat=compat
        )

    return oracle


breadcrumbs = _breadcrumbs(votes=False)
breadcrumbs_ties = _breadcrumbs(votes=True)
dare_linear = _dropped_at_random(votes=False, ranked=False)
dare_ties = _dropped_at_random(votes=True, ranked=False)
della_linear = _dropped_at_random(votes=False, ranked=True)
della = _dropped_at_random(votes=True, ranked=True)
