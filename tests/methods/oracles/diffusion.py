"""Oracles of the methods of the Stable Diffusion mergers that work element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from tests.methods.oracles.arrays import Array, delta, last_axis_rows, total, wide

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _combined(models: Sequence[Array], shares: Sequence[float]) -> Array:
    used = [s * wide(x) for s, x in zip(shares, models, strict=True) if s != 0]
    return total(used, models[0])


@np.errstate(all="ignore")
def add_difference(a: Array, b: Array, c: Array, *, alpha: float = 1.0) -> Array:
    """A + alpha (B - C)."""
    return wide(a) + alpha * delta(b, c) if alpha != 0 else wide(a)


@np.errstate(all="ignore")
def train_difference(a: Array, b: Array, c: Array, *, alpha: float = 1.0) -> Array:
    """A + 1.8 alpha (B - C) |B - A| / (|B - A| + |B - C|); A where that is 0/0. SuperMerger."""
    if alpha == 0:
        return wide(a)
    near, far = np.abs(delta(b, a)), np.abs(delta(b, c))
    below = near + far
    share = np.where(below == 0, 0.0, near / np.where(below == 0, 1.0, below))
    return wide(a) + 1.8 * alpha * delta(b, c) * share


@np.errstate(all="ignore")
def triple_sum(a: Array, b: Array, c: Array, *, alpha: float, beta: float) -> Array:
    """(1 - alpha - beta) A + alpha B + beta C. SuperMerger's Triple sum."""
    return _combined([a, b, c], [1 - alpha - beta, alpha, beta])


@np.errstate(all="ignore")
def sum_twice(a: Array, b: Array, c: Array, *, alpha: float, beta: float) -> Array:
    """(1 - beta) ((1 - alpha) A + alpha B) + beta C. SuperMerger's Sum twice."""
    return _combined([a, b, c], [(1 - beta) * (1 - alpha), (1 - beta) * alpha, beta])


@np.errstate(all="ignore")
def geometric_sum(a: Array, b: Array, *, alpha: float) -> Array:
    """The real part of A^(1-alpha) B^alpha. sd-mecha.

    That is |A|^(1-alpha) |B|^alpha cos(pi ((1-alpha) [A < 0] + alpha [B < 0])).
    """
    if alpha in {0, 1}:
        return wide(b if alpha else a)
    power = (wide(a).astype(np.complex128) ** (1 - alpha)) * (wide(b).astype(np.complex128) ** alpha)
    broken = np.isnan(wide(a)) | np.isnan(wide(b))
    endless = np.isinf(wide(a)) | np.isinf(wide(b))
    size = np.abs(wide(a)) ** (1 - alpha) * np.abs(wide(b)) ** alpha
    turn = np.cos(np.pi * ((1 - alpha) * (a < 0) + alpha * (b < 0)))
    return np.where(broken, np.nan, np.where(endless, size * turn, power.real))


@np.errstate(all="ignore")
def multiply_difference(a: Array, b: Array, c: Array, *, alpha: float, beta: float) -> Array:
    """C + |A - C|^(1-alpha) |B - C|^alpha with the sign of (1-beta) A + beta B - C. sd-meh."""
    size = np.abs(delta(a, c)) ** (1 - alpha) * np.abs(delta(b, c)) ** alpha
    parts = [s * delta(x, c) for s, x in ((1 - beta, a), (beta, b)) if s != 0]
    leaning = total(parts, a)
    return wide(c) + np.where(np.isnan(leaning), np.nan, np.where(leaning < 0, -size, size))


@np.errstate(all="ignore")
def similarity_add_difference(a: Array, b: Array, c: Array, *, alpha: float, beta: float = 1.0) -> Array:
    """(1-s) (A + alpha (B - C)) + s ((1 - alpha/2) A + alpha/2 B). sd-meh.

    s = beta (A B / max(|A|, |B|)² + 1) / 2.
    """
    added = wide(a) + (alpha * delta(b, c) if alpha != 0 else 0.0)
    if beta == 0:
        return added
    most = np.maximum(np.abs(wide(a)), np.abs(wide(b)))
    safe = np.where(most == 0, 1.0, most)
    alike = np.where(most == 0, beta, beta * ((wide(a) / safe) * (wide(b) / safe) + 1) / 2)
    mixed = (1 - alpha / 2) * wide(a) + alpha / 2 * wide(b)
    return (1 - alike) * added + alike * mixed


@np.errstate(all="ignore")
def weighted_subtraction(a: Array, b: Array, *, alpha: float, beta: float) -> Array:
    """(A - alpha beta B) / (1 - alpha beta). sd-meh."""
    return (wide(a) - alpha * beta * wide(b)) / (1 - alpha * beta)


@np.errstate(all="ignore")
def perpendicular(a: Array, b: Array, c: Array, *, alpha: float = 1.0) -> Array:
    """A + alpha times the part of B - C that stands upright on A - C. sd-mecha's add_perpendicular."""
    if alpha == 0:
        return wide(a)
    p, q = delta(a, c), delta(b, c)
    square = float(np.sum(p * p))
    along = float(np.sum(p * q)) / square if square != 0 else 0.0
    return wide(a) + alpha * (q - along * p)


@np.errstate(all="ignore")
def extract(a: Array, b: Array, c: Array, *, alpha: float, beta: float, gamma: float = 1.0) -> Array:
    """A + lerp(p, q, alpha) lerp(f, 1-f, beta), p = B-A, q = C-A. SuperMerger's extract.

    f = ((cos + 1)/2)^gamma, cos that of p and q along the last axis.
    """
    p, q = (last_axis_rows(delta(x, a)) for x in (b, c))
    norms = np.linalg.norm(p, axis=1, keepdims=True) * np.linalg.norm(q, axis=1, keepdims=True)
    cos = np.sum(p * q, axis=1, keepdims=True) / np.where(norms == 0, 1.0, norms)
    likeness = ((np.clip(cos, -1, 1) + 1) / 2) ** gamma
    moved: Array = ((1 - alpha) * p + alpha * q) * ((1 - beta) * likeness + beta * (1 - likeness))
    return wide(a) + moved.reshape(a.shape)


def tensor_sum(
    a: Array, b: Array, *, alpha: float, beta: float, cut: Literal["rows", "columns"] = "rows"
) -> Array:
    """A with the rows of B from beta to beta + alpha, as shares of their number. SuperMerger's tensor.

    Beyond the last row it goes on at the first. columns: those of axis 1 where it is longer than 100
    (tensor2).
    """
    if a.ndim == 0:
        return wide(a)
    axis = int(cut == "columns" and a.ndim > 1 and a.shape[1] > 100)
    size = a.shape[axis]
    result, other = np.moveaxis(wide(a).copy(), axis, 0), np.moveaxis(wide(b), axis, 0)
    if alpha + beta <= 1:
        result[int(size * beta) : int(size * (alpha + beta))] = other[
            int(size * beta) : int(size * (alpha + beta))
        ]
    else:
        kept = result[int(size * (alpha + beta - 1)) : int(size * beta)].copy()
        result[:] = other
        result[int(size * (alpha + beta - 1)) : int(size * beta)] = kept
    return np.moveaxis(result, 0, axis)


def special_channels(method: Callable[..., Array], a: Array, *others: Array, **keys: float) -> Array:
    """The rule for inpainting and pix2pix models: channels that only A has stay A's."""
    whole = wide(a).copy()
    shared = others[0].shape[1]
    whole[:, :shared] = method(a[:, :shared], *others, **keys)
    return whole
