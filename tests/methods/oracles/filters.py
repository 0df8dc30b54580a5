"""Oracles of methods that filter whole tensors."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tests.methods.oracles.arrays import Array, delta, wide


@np.errstate(all="ignore")
def smooth_add(a: Array, b: Array, c: Array, *, alpha: float = 1.0) -> Array:
    """A + alpha G(M(B - C)): median of 3 along every axis, then a Gaussian of deviation 1. SuperMerger."""
    d = delta(b, c)
    if alpha == 0 or d.size == 0:
        return wide(a)
    smooth = d if d.ndim == 0 else ndimage.gaussian_filter(ndimage.median_filter(d, size=3), sigma=1)
    return wide(a) + alpha * np.asarray(smooth)


def _radius(shape: tuple[int, ...]) -> Array:
    """How far each frequency lies from the constant, 0 to 1."""
    longer = [n for n in shape if n > 1]
    squares = np.zeros(shape)
    for axis, n in enumerate(shape):
        if n > 1:
            frequency = np.minimum(np.arange(n), n - np.arange(n)) / (n / 2)
            squares = squares + np.expand_dims(frequency**2, [i for i in range(len(shape)) if i != axis])
    return np.sqrt(squares / max(len(longer), 1))


@np.errstate(all="ignore")
def crossover(a: Array, b: Array, *, alpha: float, tilt: float = 0.0) -> Array:
    """The low frequencies of A with the high ones of B. After sd-mecha's crossover; the filter is our own.

    H = [r >= 1-alpha], or with a tilt the ramp clamp(alpha + (1-tilt)/tilt (r - (1-alpha)), 0, 1).
    """
    if alpha in {0, 1}:
        return wide(b if alpha else a)
    if a.size <= 1 or tilt == 1:
        return (1 - alpha) * wide(a) + alpha * wide(b)
    radius = _radius(a.shape)
    if tilt == 0:
        share = (radius >= 1 - alpha).astype(np.float64)
    else:
        share = np.clip(alpha + (1 - tilt) / tilt * (radius - (1 - alpha)), 0.0, 1.0)
    return np.fft.ifftn((1 - share) * np.fft.fftn(wide(a)) + share * np.fft.fftn(wide(b))).real
