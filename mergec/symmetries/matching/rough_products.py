"""Inner products of all units of two models in few digits, and exact ones of units that are matched."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mergec.symmetries.matching.gram import BLOCKS, LEAST_LINES, TermGram, blocks
from mergec.symmetries.matching.limits import (
    BLOCK_BYTES,
    SCREENED_COLUMNS,
    SCREENED_ELEMENTS,
    SCREENED_LINES,
)
from mergec.symmetries.matching.stages import lines_of
from mergec.symmetries.matching.times import squares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mergec.symmetries.matching.cluster import Term
    from mergec.symmetries.matching.gram import Pair, Run
    from mergec.symmetries.matching.stages import Stretch

    Array = NDArray[Any]

SUMS = 2.0**-23
"""Of adding up in float32, for each product that is added at once, and each time."""
ANCHOR, MOVING = 0, 1
PRODUCTS = 2 << 20
"""Elements of a block of products, which stay in the cache until they are added."""


class RoughProducts:
    """Of the units of a pair as it stands: what of some terms has been multiplied.

    `squares` are those of the norms of what has: of the anchor's units, and of the moving model's. `columns`
    are how many columns of factors each time.
    """

    def __init__(self, pair: Pair, terms: Sequence[Term], run: Run) -> None:
        """Of terms with the same free factors; nothing has been multiplied yet."""
        size = prod(pair.symmetry.groups[group].size for group in terms[0].signature)
        self.grams = [TermGram(pair, term, run) for term in terms]
        self.lines = [lines_of(term) for term in terms]
        self.run = run
        self.times = pair.times
        self.products = np.zeros((size, size), np.float32)
        self.squares = np.zeros(size, np.float32), np.zeros(size, np.float32)
        self.columns: list[int] = []

    @property
    def error(self) -> float:
        """What the products are wrong by at most, relative to the norms."""
        return self.times.error + SUMS * (max(self.columns, default=0) + len(self.columns))

    def multiply(self, stretch: Stretch) -> None:
        """Add the products of a stretch."""
        gram, size = self.grams[stretch.term], len(self.products)
        every = range(size)
        if gram.term.free_rows:
            units = blocks(0, size, max(1, SCREENED_ELEMENTS // len(stretch.some)))
            for own in units:
                left = self._rows(gram, own, stretch.some, ANCHOR)
                for other in units:
                    right = self._rows(gram, other, stretch.some, MOVING)
                    self._add((own, other), left, right, gram.term.view.tensor.weight)
            self.columns.append(len(stretch.some))
        else:
            step = max(SCREENED_LINES, SCREENED_COLUMNS // gram.term.view.width)
            for some in blocks(stretch.some.start, stretch.some.stop, step):
                left, right = self._columns(gram, some)
                self._add((every, every), left, right, gram.term.view.tensor.weight)
                self.columns.append(int(left.shape[1]))

    def norms_and_matches(self, stretches: Sequence[Stretch], best: NDArray[np.int64]) -> Array:
        """Of stretches the squares of the norms of either model's units, and what the best matches are worth.

        (3, units); the moving model's unit `best[i]` is matched with unit i of the anchor.
        """
        found = [np.zeros((3, len(best)), np.float32)] * len(stretches)

        def look(some: range) -> None:
            for i in some:
                found[i] = self._matched(stretches[i], best)

        self.run(look, blocks(0, len(stretches), 1))
        return np.stack(found).sum(axis=0) if found else np.zeros((3, len(best)), np.float32)

    def _rows(self, gram: TermGram, units: range, columns: range, side: int) -> Any:  # noqa: ANN401
        """Some columns of the factors of units on the rows."""
        out = self.times.empty((len(units), len(columns)))
        chosen = slice(columns.start, columns.stop)

        def fill(some: range) -> None:
            values = gram.units(np.arange(some.start, some.stop), is_anchor=side == ANCHOR)[:, chosen]
            own = slice(some.start - units.start, some.stop - units.start)
            out[own] = self.times.rounded(values)

        self.run(fill, blocks(units.start, units.stop, _units_in_block(gram)))
        return out

    def _columns(self, gram: TermGram, rows: range) -> list[Any]:
        """The factors of both models that some rows hold, of units on the columns."""
        sides: list[Any] = [None] * 2

        def fill(some: range) -> None:
            for side in some:
                sides[side] = self.times.rounded(gram.columns_of(rows, is_anchor=side == ANCHOR))

        self.run(fill, blocks(0, 2, 1))
        return sides

    def _add(
        self,
        units: tuple[range, range],
        left: Any,  # noqa: ANN401
        right: Any,  # noqa: ANN401
        weight: float,
    ) -> None:
        own, other = units
        block = self.products[own.start : own.stop, other.start : other.stop]
        if other.start == 0:
            self.squares[ANCHOR][own.start : own.stop] += weight * self.times.squares(left)
        if own.start == 0:
            self.squares[MOVING][other.start : other.stop] += weight * self.times.squares(right)
        add = self.times.roughly(right)

        def multiply(some: range) -> None:
            stretch = slice(some.start, some.stop)
            add(block[stretch], left[stretch], weight)

        self.run(multiply, blocks(0, len(own), _lines(len(own), len(other))))

    def _matched(self, stretch: Stretch, best: NDArray[np.int64]) -> Array:
        gram = self.grams[stretch.term]
        total = np.zeros((3, len(best)), np.float32)
        if gram.term.free_rows:
            columns = slice(stretch.some.start, stretch.some.stop)
            for some in blocks(0, len(best), _units_in_block(gram)):
                own, chosen = slice(some.start, some.stop), best[some.start : some.stop]
                left = gram.units(np.arange(some.start, some.stop), is_anchor=True)[:, columns]
                right = gram.units(chosen, is_anchor=False)[:, columns]
                total[0, own], total[2, own] = squares(left), (left * right).sum(axis=1)
                total[1, chosen] = squares(right)
        else:
            step = max(1, BLOCK_BYTES // (4 * gram.term.view.width))
            for some in blocks(stretch.some.start, stretch.some.stop, step):
                left, right = (gram.columns_of(some, is_anchor=is_anchor) for is_anchor in (True, False))
                total[0] += squares(left)
                total[1] += squares(right)
                total[2] += (left * _chosen(right, best)).sum(axis=1)
        total *= gram.term.view.tensor.weight
        return total


def _chosen(factor: Array, units: NDArray[np.int64]) -> Array:
    """Some units of a factor, which lie as those of the factor do."""
    return factor.T.take(units, axis=1).T if factor.flags.f_contiguous else factor.take(units, axis=0)


def _lines(rows: int, columns: int) -> int:
    """Rows of a block of products: it stays in the cache, and there are several to share out."""
    return max(1, min(PRODUCTS // columns, max(LEAST_LINES, rows // BLOCKS)))


def _units_in_block(gram: TermGram) -> int:
    return max(1, BLOCK_BYTES // (4 * lines_of(gram.term)))
