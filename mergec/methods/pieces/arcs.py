"""Coefficients of points on the arc between two vectors, from their dot products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Vectors as nearly parallel as this have no arc worth the name: the line is as good.
PARALLEL = 1e-8


def arc(products: NDArray[Any], t: float, parallel: float, least_norm: float) -> NDArray[Any]:
    """For each pair of vectors, whose dot products are (pairs, 2, 2), the two coefficients: (pairs, 2).

    sin((1-t)w) / sin w and sin(tw) / sin w, w being the angle. Where 1 - cos^2 is at most `parallel`, or a
    vector is 0, they are those of the straight line. With a `least_norm` no norm counts as less than that,
    and a vector that is 0 is at a right angle to all others.
    """
    norms = np.sqrt(np.einsum("pii->pi", products))
    if least_norm:
        norms = np.where(norms < least_norm, least_norm, norms)
    cosine = np.clip(products[:, 0, 1] / (norms[:, 0] * norms[:, 1]), -1.0, 1.0)
    angle = np.arccos(cosine)
    sine = np.sin(angle)
    curved = np.stack([np.sin((1 - t) * angle) / sine, np.sin(t * angle) / sine], axis=1)
    is_line = (norms == 0).any(axis=1) | (1 - cosine * cosine <= parallel)
    return np.where(is_line[:, None], np.array([1 - t, t]), curved)
