"""Dot products in float64, in NumPy whatever computes the rest, so that they are the same without torch.

The products of one run after another are added up. Runs are short enough that the library of linear algebra
shares none of them out among threads of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.ir.reduction_primitives import SUM_BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]

# Part of what the numerics fix. Blocks of SUM_BLOCK, which are widened at a time, hold whole runs.
_RUN = 1 << 13


class Gram:
    """Dot products of `width` operands with each other."""

    def __init__(self, width: int) -> None:
        """Take in `width` operands."""
        self._width = width

    def begin(self) -> Array:
        """Zeros."""
        return np.zeros((self._width, self._width))

    def take_in(self, state: Array, values: Sequence[Array]) -> None:
        """Add the products of a tile."""
        flat = [value.reshape(-1) for value in values]
        count = len(flat[0])
        buffer = np.empty((self._width, min(SUM_BLOCK, count)))
        with np.errstate(all="ignore"):  # infinities and NaN are values like others
            for start in range(0, count, SUM_BLOCK):
                parts = [value[start : start + SUM_BLOCK] for value in flat]
                wide = buffer[:, : len(parts[0])]
                for row, part in zip(wide, parts, strict=True):
                    np.copyto(row, part)
                whole = len(parts[0]) // _RUN * _RUN
                _add_products(state, wide[:, :whole].reshape(self._width, -1, 1, _RUN))
                _add_products(state, wide[:, whole:].reshape(self._width, 1, 1, -1))

    def end_pass(self, states: Iterable[Array]) -> Array:
        """The sum over the streams in their order."""
        left = iter(states)
        found = next(left)
        for state in left:
            found += state
        return np.triu(found) + np.triu(found, 1).T


def _add_products(state: Array, runs: Array) -> None:
    """Add the dot products of each row of runs with itself and those after it."""
    if runs.size:
        for i, row in enumerate(runs):
            products = np.matmul(row, runs[i:].swapaxes(2, 3))
            state[i, i:] += np.add.reduce(products, axis=(1, 2, 3))
