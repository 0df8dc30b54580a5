"""How inner products change when few of the other groups' units move: by the products of those alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.symmetries.matching.gram import blocks, free_matrix, held_still
from mergec.symmetries.matching.limits import BLOCK_BYTES, CHANGE_BYTES
from mergec.symmetries.matching.part_rows import read, segment_index

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mergec.symmetries.matching.cluster import Term
    from mergec.symmetries.matching.gram import Factors, Pair

    Array = NDArray[Any]


class ChangedProducts:
    """What the products of a term have changed by since an earlier vector of the pair.

    Of a linear term with one free factor. `is_possible`: nothing has moved but on the side without that
    factor; `share` is how much of that side has.
    """

    def __init__(self, pair: Pair, term: Term, before: NDArray[np.int32]) -> None:
        """`before` is the earlier vector."""
        self.pair = pair
        self.term = term
        sides = (term.view.rows, term.free_rows), (term.view.columns, term.free_columns)
        self.is_possible = not term.held
        self.share = 0.0
        if self.is_possible:
            (old_rows, new_rows), (old_columns, new_columns) = (
                [
                    segment_index(pair.symmetry, held_still(side, free), vector, {})
                    for vector in (before, pair.vector)
                ]
                for side, free in sides
            )
            self.rows = old_rows, new_rows
            self.columns = old_columns, new_columns
            moved = np.flatnonzero(old_rows != new_rows), np.flatnonzero(old_columns != new_columns)
            self.moved = moved[not term.free_columns]
            self.share = len(self.moved) / len(new_columns if term.free_rows else new_rows)
            self.is_possible = not len(moved[bool(term.free_columns)])

    def factors(self) -> Iterator[Factors]:
        """Factors of the change, the earlier products taken away, in blocks."""
        part = self.term.view
        step = max(1, CHANGE_BYTES // (4 * (part.height if self.term.free_rows else part.width)))
        for some in blocks(0, len(self.moved), step):
            moved = self.moved[some.start : some.stop]
            yield self._of_columns(moved) if self.term.free_rows else self._of_rows(moved)

    def _of_columns(self, moved: NDArray[np.int64]) -> Factors:
        part, index = self.term.view, self.rows[1]
        old, new = (side[moved] for side in self.columns)
        left, right = [], []
        for some in blocks(0, part.height, max(1, BLOCK_BYTES // (4 * part.width))):
            rows = np.arange(some.start, some.stop)
            left.append(read(part, self.pair.anchor, rows, is_masked=True).take(moved, axis=1))
            values = read(part, self.pair.moving, index[rows])
            right.append(values.take(new, axis=1))
            right[-1] -= values.take(old, axis=1)
        return self._factors(
            np.concatenate(left), np.concatenate(right), [factor.size for factor in part.rows]
        )

    def _of_rows(self, moved: NDArray[np.int64]) -> Factors:
        part, (old, new) = self.term.view, self.rows
        left = read(part, self.pair.anchor, moved, is_masked=True)
        columns = self.columns[1]
        if not np.array_equal(columns, np.arange(len(columns))):
            left = left.take(np.argsort(columns), axis=1)
        right = read(part, self.pair.moving, new[moved]) - read(part, self.pair.moving, old[moved])
        return self._factors(left, right, [len(moved)])

    def _factors(self, left: Array, right: Array, rows: list[int]) -> Factors:
        if self.term.view.tensor.weight != 1:
            right *= self.term.view.tensor.weight
        return free_matrix(self.term, left, rows), free_matrix(self.term, right, rows)
