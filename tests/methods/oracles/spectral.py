"""Methods that work on singular values, written with numpy's decomposition of the matrices themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]

# Singular values below this share of the largest count as none.
_NONE = 2.0**-20


def _svd(matrix: Array) -> tuple[Array, Array, Array]:
    """The decomposition without what is zero."""
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    kept = s > _NONE * s[0]
    return u[:, kept], s[kept], v[kept]


def _closest_orthonormal(columns: Array) -> Array:
    u, _, v = _svd(columns)
    return np.asarray(u @ v)


def _of_matrices(base: Array, changes: Sequence[Array], lambda_: float, merge: Callable[..., Array]) -> Array:
    """What a function makes of the changes as matrices; their mean where they are none."""
    if not changes:
        return base
    if base.ndim < 2 or base.size == 0:
        return np.asarray(base + lambda_ * sum(changes) / len(changes))
    if not all(np.isfinite(change).all() for change in changes):
        return np.full(base.shape, np.nan)
    flat = [change.reshape(len(change), -1) for change in changes]
    return np.asarray(base + lambda_ * merge(flat).reshape(base.shape))


def _weighted(base: Array, inputs: Sequence[Array], weight: Sequence[float]) -> list[Array]:
    return [w * (x - base) for x, w in zip(inputs, weight, strict=True) if w]


def iso_c(base: Array, inputs: Sequence[Array], weight: Sequence[float], lambda_: float = 1.0) -> Array:
    def merge(changes: list[Array]) -> Array:
        total = np.asarray(sum(changes))
        u, s, v = _svd(total)
        return np.asarray(s.sum() / min(total.shape) * (u @ v))

    return _of_matrices(base, _weighted(base, inputs, weight), lambda_, merge)


def tsv_m(base: Array, inputs: Sequence[Array], weight: Sequence[float], lambda_: float = 1.0) -> Array:
    def merge(changes: list[Array]) -> Array:
        count = max(min(changes[0].shape) // len(changes), 1)
        parts = [_svd(change) for change in changes]
        u = np.hstack([part[0][:, :count] for part in parts])
        s = np.concatenate([part[1][:count] for part in parts])
        v = np.vstack([part[2][:count] for part in parts])
        if not s.size:
            return np.zeros_like(changes[0])
        return np.asarray((_closest_orthonormal(u) * s) @ _closest_orthonormal(v.T).T)

    return _of_matrices(base, _weighted(base, inputs, weight), lambda_, merge)


def iso_cts(
    base: Array,
    inputs: Sequence[Array],
    weight: Sequence[float],
    lambda_: float = 1.0,
    common_space_fraction: float = 0.8,
) -> Array:
    def merge(changes: list[Array]) -> Array:
        directions, models = min(changes[0].shape), len(changes)
        each = min(
            round((directions - int(directions * common_space_fraction)) / models), directions // models
        )
        common = directions - each * models
        u, s, v = _svd(np.asarray(sum(changes)))
        u, s, v = u[:, :common], s[:common], v[:common]
        rests = [_svd(change - u @ (u.T @ change)) if common else _svd(change) for change in changes]
        left = np.hstack([*(rest[0][:, :each] for rest in rests), u])
        values = np.concatenate([*(rest[1][:each] for rest in rests), s])
        right = np.vstack([*(rest[2][:each] for rest in rests), v])
        if not values.size:
            return np.zeros_like(changes[0])
        mean = values.sum() / directions
        return np.asarray(mean * _closest_orthonormal(left) @ _closest_orthonormal(right.T).T)

    return _of_matrices(base, _weighted(base, inputs, weight), lambda_, merge)


def truncated(change: Array, rank: int, energy: float = 1.0, epsilon: float = 0.0) -> Array:
    """A change cut to a rank, by adding one direction after another."""
    if change.ndim < 2 or change.size == 0:
        return change
    u, s, v = np.linalg.svd(change.reshape(len(change), -1), full_matrices=False)
    made = np.zeros((u.shape[0], v.shape[1]))
    held = 0.0
    for j, value in enumerate(s[:rank]):
        if held >= energy * (s**2).sum() or value <= epsilon:
            break
        made += value * np.outer(u[:, j], v[j])
        held += value**2
    return made.reshape(change.shape)


def knots(
    base: Array,
    inputs: Sequence[Array],
    weight: Sequence[float],
    density: Sequence[float],
    lambda_: float = 1.0,
    rank: float = np.inf,
) -> Array:
    """TIES on the parts of the right singular vectors, each times its singular value."""

    def merge(changes: list[Array]) -> Array:
        u, s, v = _svd(np.hstack(changes))
        joint = s[:, None] * v
        joint[np.abs(joint) < 1e-12 * s[0]] = 0.0  # what rounding left of a change that is none
        parts = np.split(joint, len(changes), axis=1)
        directions = int(min(rank, len(u), len(changes) * changes[0].shape[1]))
        size = directions * changes[0].shape[1]
        kept = [_largest(part, share, size) for part, share in zip(parts, density, strict=True)]
        sign = np.sign(sum(kept))
        agrees = [np.sign(part) * sign > 0 for part in kept]
        total = sum(w * part * a for w, part, a in zip(weight, kept, agrees, strict=True))
        mass = sum(w * a for w, a in zip(weight, agrees, strict=True))
        return np.asarray(u @ np.divide(total, mass, out=np.zeros_like(parts[0]), where=mass > 0))

    if base.ndim < 2 or base.size == 0:
        return _of_matrices(base, _weighted(base, inputs, weight), lambda_, merge)
    return _of_matrices(base, [x - base for x in inputs], lambda_, merge)


def _largest(part: Array, share: float, size: int) -> Array:
    """The part with only the largest elements, a share of `size`, of which it lacks some zeros."""
    count = min(max(int(share * size), 1), part.size)
    least = np.sort(np.abs(part), axis=None)[-count]
    return np.where(np.abs(part) >= least, part, 0.0)
