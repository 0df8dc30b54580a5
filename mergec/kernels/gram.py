"""Dot products in float64, in NumPy whatever computes the rest, so that they are the same without torch.

Every block of a tile gives the products of runs, which are short enough that the library of linear algebra
shares none of them out among threads of its own, and then their sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.ir.reduction_primitives import SUM_BLOCK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]

_RUN = 1 << 13


class Gram:
    """Dot products of `width` operands with each other, block by block."""

    def __init__(self, width: int) -> None:
        """Take in `width` operands."""
        self._width = width

    def begin(self) -> Array:
        """Zeros."""
        return np.zeros((self._width, self._width))

    def take_in(self, state: Array, values: Sequence[Array]) -> None:
        """Add the products of a tile."""
        flat = [value.reshape(-1) for value in values]
        buffer = np.empty((self._width, min(SUM_BLOCK, len(flat[0]))))
        for start in range(0, len(flat[0]), SUM_BLOCK):
            parts = [value[start : start + SUM_BLOCK] for value in flat]
            wide = buffer[:, : len(parts[0])]
            for row, part in zip(wide, parts, strict=True):
                np.copyto(row, part)
            with np.errstate(all="ignore"):  # infinities and NaN are values like others
                for i, j in self._pairs():
                    state[i, j] += _product(wide[i], wide[j])

    def end_pass(self, states: Iterable[Array]) -> Array:
        """The sum over the streams in their order, both halves of it."""
        left = iter(states)
        found = next(left)
        for state in left:
            found += state
        for i, j in self._pairs():
            found[j, i] = found[i, j]
        return found

    def _pairs(self) -> Iterator[tuple[int, int]]:
        return ((i, j) for i in range(self._width) for j in range(i, self._width))


def _product(one: Array, other: Array) -> float:
    whole = len(one) - len(one) % _RUN
    found = np.dot(one[whole:], other[whole:])
    runs = np.matmul(one[:whole].reshape(-1, 1, _RUN), other[:whole].reshape(-1, _RUN, 1))
    for run in runs.reshape(-1).tolist():
        found += run
    return float(found)
