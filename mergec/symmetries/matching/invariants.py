"""What is known of units whose inputs or outputs are in an unknown order: sums that no order changes.

Of a unit's weights along an axis that is not solved yet, only what is symmetric in them tells something:
their sum, the sum of their squares and so on. As Hermite polynomials of the weights over their spread these
sums are independent of each other for normal weights, and each is worth as much as one weight in a known
place, the k-th a k-th of it, as noise of the weights grows with the degree.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.symmetries.matching.gram import add_times, blocks, free_matrix
from mergec.symmetries.matching.part_rows import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mergec.symmetries.matching.cluster import Term
    from mergec.symmetries.matching.gram import Pair
    from mergec.symmetries.matching.objective import Size
    from mergec.symmetries.matching.operand import Operand

    Array = NDArray[Any]

LIMIT = 4.0
"""Weights further out, in spreads, count as much as at this distance."""
ROWS = 4096
DEGREES = 4


class InvariantGram:
    """The products of the invariants of free units, as `TermGram` has those of their weights."""

    def __init__(self, pair: Pair, term: Term, size: Size) -> None:
        """Of a term of a pair; `size` is that of its part."""
        count = term.view.height * term.view.width
        spread = sqrt(max(size.anchor, size.moving) / (term.view.tensor.weight * count)) or 1.0
        self.first = _invariants(term, pair.anchor, spread, is_masked=True)
        self.second = _invariants(term, pair.moving, spread, is_masked=False)
        self.unit = len(self.first) // pair.symmetry.groups[term.signature[0]].size

    def add(self, out: Array, first: range, second: range, factor: float) -> None:
        """As `TermGram.add`."""
        left, right = (
            side[some.start * self.unit : some.stop * self.unit]
            for side, some in ((self.first, first), (self.second, second))
        )
        for some in blocks(0, len(left), max(1, ROWS * ROWS // (4 * len(right)))):
            add_times(out[some.start : some.stop], left[some.start : some.stop] @ right.T, factor)


def _invariants(term: Term, operands: Sequence[Operand], spread: float, *, is_masked: bool) -> Array:
    """(free units, degrees), in float64."""
    part = term.view
    rows = [factor.size for factor in part.rows]
    values = read(part, operands, np.arange(part.height, dtype=np.int64), is_masked=is_masked)
    matrix = np.divide(free_matrix(term, values, rows), spread, dtype=np.float64)
    np.clip(matrix, -LIMIT, LIMIT, out=matrix)
    lower, degree = np.ones_like(matrix), matrix
    sums = []
    for k in range(1, DEGREES + 1):
        scale = spread / sqrt(matrix.shape[1]) / sqrt(k)
        sums.append(degree.sum(1) * scale)
        lower, degree = degree, (matrix * degree - sqrt(k) * lower) / sqrt(k + 1)
    return np.stack(sums, 1)
