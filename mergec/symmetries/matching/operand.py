"""Where the matcher gets its values from: rows of tensors, read in blocks in any order."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mergec.symmetries.matching.limits import BLOCK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mergec.ir.strided_view import Shape

    Array = NDArray[Any]

GAP = 64
"""Rows that are read although nobody wants them, where that makes one read of two."""


class Operand(Protocol):
    """A tensor of a model."""

    @property
    def shape(self) -> Shape:
        """Its shape."""

    def rows(self, start: int, stop: int) -> Array:
        """Indices start <= i < stop of its first axis, in float32 or float64; not to be written to.

        Safe to call from several threads at once.
        """

    def in_memory(self) -> Array | None:
        """All of its rows, if they are kept in memory."""


def rows_at(operands: Sequence[Operand], height: int, rows: NDArray[np.int64]) -> Array:
    """The rows of operands that are stacked, `height` rows each, in the order asked for."""
    count = len(rows)
    if count == rows[-1] - rows[0] + 1 and rows[0] // height == rows[-1] // height and _ascends(rows):
        number, start = divmod(int(rows[0]), height)
        return operands[number].rows(start, start + count)
    whole = operands[0].in_memory() if len(operands) == 1 else None
    if whole is not None:
        return whole.take(rows, axis=0)
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    out: Array | None = None
    for first, last in _runs(ordered, height, rows_in_block(operands[0].shape)):
        number, start = divmod(int(ordered[first]), height)
        read = operands[number].rows(start, start + int(ordered[last - 1] - ordered[first]) + 1)
        if out is None:
            out = np.empty((count, *read.shape[1:]), read.dtype)
        out[order[first:last]] = read[ordered[first:last] - ordered[first]]
    assert out is not None
    return out


def rows_in_block(shape: Shape) -> int:
    """How many rows of a tensor make a block of at most BLOCK_BYTES; at least one."""
    return max(1, BLOCK_BYTES // (4 * max(1, int(np.prod(shape[1:], dtype=np.int64)))))


def _ascends(rows: NDArray[np.int64]) -> bool:
    return bool((np.diff(rows) == 1).all())


def _runs(ordered: NDArray[np.int64], height: int, limit: int) -> Iterator[tuple[int, int]]:
    """Stretches of ascending rows to read at once: near each other, of one tensor, and few enough."""
    numbers = ordered // height
    cuts = np.flatnonzero((np.diff(ordered) > GAP) | (np.diff(numbers) != 0)) + 1
    for first, last in pairwise([0, *cuts.tolist(), len(ordered)]):
        start = first
        while start < last:
            stop = int(np.searchsorted(ordered[start:last], ordered[start] + limit)) + start
            yield start, stop
            start = stop
