"""Oracles of means on the sphere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from tests.methods.oracles.arrays import Array, Compat, cosine, delta, deltas, total, wide

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _arc(x: Array, y: Array, t: float, cos: float, *, straight: bool) -> Array:
    """The point at t on the great circle through x and y, or on the line."""
    if t == 0:
        return x
    if t == 1:
        return y
    if straight:
        return (1 - t) * x + t * y
    angle = math.acos(cos) if not math.isnan(cos) else math.nan
    return (math.sin((1 - t) * angle) * x + math.sin(t * angle) * y) / math.sin(angle)


@np.errstate(all="ignore")
def slerp(inputs: Sequence[Array], *, t: float, compat: Compat = None) -> Array:
    """y = (sin((1-t) w) x + sin(t w) y) / sin w, w the angle of the flattened tensors. Shoemake 1985.

    A line where there is no one arc: 1 - cos² <= 1e-8, or a norm of 0. mergekit: a line where
    |cos| > 0.9995, and vectors of norm <= 1e-8 keep their length in the dot product.
    """
    x, y = (wide(one) for one in inputs)
    if compat:
        a, b = (v if np.linalg.norm(v) <= 1e-8 else v / np.linalg.norm(v) for v in (x, y))
        cos = float(np.clip(np.sum(a * b), -1, 1))
        return _arc(x, y, t, cos, straight=abs(cos) > 0.9995)
    return _between(x, y, t)


def _between(x: Array, y: Array, t: float) -> Array:
    cos = cosine(x, y)
    nothing = not np.any(x) or not np.any(y)
    return _arc(x, y, t, cos, straight=nothing or 1 - cos * cos <= 1e-8)


def _between_as_mergekit(x: Array, y: Array, t: float) -> Array:
    norms = [max(float(np.linalg.norm(v)), 1e-7) for v in (x, y)]
    cos = float(np.clip(np.sum(x * y) / (norms[0] * norms[1]), -1, 1))
    return _arc(x, y, t, cos, straight=1 - cos * cos <= 1e-8)


@np.errstate(all="ignore")
def nuslerp(
    inputs: Sequence[Array],
    weight: Sequence[float],
    base: Array | None = None,
    *,
    vectors: Literal["tensor", "rows", "columns"] = "tensor",
    compat: Compat = None,
) -> Array:
    """Slerp at t = w_1 / (w_0 + w_1), of tensors, of rows or of columns; with a base, of the deltas.

    mergekit's documentation, whose row_wise is false for rows. Rows there are vectors along the last
    axis, and a sum of weights below 1e-6 gives t = 0.5.
    """
    x, y = (wide(v) if base is None else delta(v, base) for v in inputs)
    sum_ = weight[0] + weight[1]
    t = 0.5 if compat and abs(sum_) < 1e-6 else weight[1] / sum_
    mix = _between_as_mergekit if compat else _between
    found = (
        mix(x, y, t)
        if vectors == "tensor" or x.ndim < 2
        else _vector_by_vector(x, y, t, vectors, mix, compat)
    )
    return found if base is None else wide(base) + found


def _vector_by_vector(
    x: Array, y: Array, t: float, vectors: str, mix: Callable[[Array, Array, float], Array], compat: Compat
) -> Array:
    if x.size == 0:
        return x
    width = x.shape[-1] if compat else math.prod(x.shape[1:])
    if vectors == "columns":
        flat = [v.reshape(v.shape[0], -1).T for v in (x, y)]
    else:
        flat = [v.reshape(-1, width) for v in (x, y)]
    done = np.stack([mix(a, b, t) for a, b in zip(*flat, strict=True)])
    return (done.T if vectors == "columns" else done).reshape(x.shape)


def _units(vectors: Sequence[Array], eps: float = 0.0) -> list[Array]:
    norms = [float(np.linalg.norm(x)) for x in vectors]
    return [x / (n + eps) if n != 0 else np.zeros(x.shape) for x, n in zip(vectors, norms, strict=True)]


@np.errstate(all="ignore")
def multislerp(
    inputs: Sequence[Array],
    weight: Sequence[float],
    base: Array | None = None,
    *,
    normalize_weights: bool = True,
    eps: float = 1e-8,
    compat: Compat = None,
) -> Array:
    """The mean direction times the mean length; the weighted sum where the mean direction is none.

    mergekit's documentation. There the mean is followed by a step in its tangent space, which is 0.
    """
    shares = np.array(weight, np.float64)
    shares = shares / shares.sum() if normalize_weights else shares
    vectors = [wide(x) for x in inputs] if base is None else deltas(inputs, base)
    units = _units(vectors, eps if compat else 0.0)
    mean = total([a * u for a, u in zip(shares, units, strict=True)], inputs[0])
    length = float(np.linalg.norm(mean))
    if length < eps:
        found = total([a * x for a, x in zip(shares, vectors, strict=True)], inputs[0])
    else:
        found = mean / length * sum(a * np.linalg.norm(x) for a, x in zip(shares, vectors, strict=True))
    return found if base is None else wide(base) + found


@np.errstate(all="ignore")
def karcher(
    inputs: Sequence[Array],
    weight: Sequence[float] | None = None,
    *,
    max_iter: int = 10,
    tol: float = 1e-5,
    compat: Compat = None,
) -> Array:
    """The Riemannian mean of the directions times the mean length. Karcher 1977; mergekit's documentation.

    Tensors of norm 0 (mergekit: at most tol) have no direction, but count in the mean length.
    """
    given = np.array(weight if weight is not None else [1.0] * len(inputs), np.float64)
    shares = given / given.sum()
    norms = [float(np.linalg.norm(wide(x))) for x in inputs]
    chosen = [i for i, norm in enumerate(norms) if not norm <= (tol if compat else 0.0)]
    if not chosen:
        return np.zeros(inputs[0].shape)
    units = [wide(inputs[i]) / norms[i] for i in chosen]
    parts = shares[chosen] / shares[chosen].sum()
    return _centre(units, parts, max_iter, tol) * float(np.dot(shares, norms))


def _centre(units: Sequence[Array], parts: Array, max_iter: int, tol: float) -> Array:
    mean = total([a * u for a, u in zip(parts, units, strict=True)], units[0])
    centre = units[0] if np.linalg.norm(mean) < tol else mean / np.linalg.norm(mean)
    for _ in range(max_iter):
        tangent = np.zeros(centre.shape)
        for part, unit in zip(parts, units, strict=True):
            cos = float(np.clip(np.sum(unit * centre), -1, 1))
            angle = math.acos(cos) if not math.isnan(cos) else math.nan
            if not (angle < tol or angle > math.pi - tol):
                tangent = tangent + part * angle / math.sin(angle) * (unit - cos * centre)
        length = float(np.linalg.norm(tangent))
        if length < tol:
            break
        centre = math.cos(length) * centre + math.sin(length) / length * tangent
        centre = centre / np.linalg.norm(centre)
    return centre
