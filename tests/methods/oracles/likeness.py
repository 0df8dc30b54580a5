"""Oracles of cosine A and cosine B, whose shares come from how alike the columns of two models are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tests.methods.oracles.arrays import Array, cosine, wide

if TYPE_CHECKING:
    from collections.abc import Mapping


def _columns(x: Array) -> Array:
    """One column for each index of the axes but the first; a tensor of one axis is one column."""
    return wide(x).reshape(-1, 1) if x.ndim < 2 else wide(x).reshape(x.shape[0], math.prod(x.shape[1:]))


def _column_cosines(x: Array, y: Array) -> Array:
    norms = np.linalg.norm(x, axis=0) * np.linalg.norm(y, axis=0)
    return np.where(norms == 0, 0.0, np.sum(x * y, axis=0) / np.where(norms == 0, 1.0, norms))


def _normalised(x: Array) -> Array:
    norms = np.linalg.norm(x, axis=0)
    return x / np.where(norms == 0, 1.0, norms)


def _likeness(a: Array, b: Array, *, normalise: bool) -> tuple[Array, Array]:
    """The columns' cosines, and their mean with that of the whole tensors."""
    x, y = _columns(a), _columns(b)
    own = _column_cosines(x, y)
    whole = cosine(_normalised(x), _normalised(y)) if normalise else cosine(x, y)
    return own, (own + whole) / 2


def _mixed(a: Array, b: Array, likeness: Array, alpha: float) -> Array:
    share = np.clip(likeness - alpha, 0.0, 1.0)
    return (share * _columns(a) + (1 - share) * _columns(b)).reshape(a.shape)


@np.errstate(all="ignore")
def cosine_of_tensor(a: Array, b: Array, *, alpha: float, kind: str) -> Array:
    """y = k A + (1-k) B, k = s - alpha cut to 0 .. 1. sd-mecha's add_cosine, with s of SuperMerger."""
    return _mixed(a, b, _likeness(a, b, normalise=kind == "a")[1], alpha)


@np.errstate(all="ignore")
def cosine_of_model(
    a: Mapping[str, Array], b: Mapping[str, Array], *, alpha: float, kind: str
) -> dict[str, Array]:
    """The same with (s - lo) / (hi - lo) for s, lo and hi from all tensors. SuperMerger's cosineA and B.

    From the columns' cosines (A) or from s (B), without those below the 1st percentile, and then
    without those above the 99th of the rest.
    """
    found = {name: _likeness(a[name], b[name], normalise=kind == "a") for name in a}
    ordered = np.sort(np.concatenate([pair[0 if kind == "a" else 1].ravel() for pair in found.values()]))
    first = math.ceil(0.01 * (ordered.size - 1))
    low, high = ordered[first], ordered[first + int(0.99 * (ordered.size - first - 1))]
    made: dict[str, Array] = {}
    for name, (_, likeness) in found.items():
        scaled = (likeness - low) / (high - low) if high != low else np.ones(likeness.shape)
        made[name] = _mixed(a[name], b[name], scaled, alpha)
    return made
