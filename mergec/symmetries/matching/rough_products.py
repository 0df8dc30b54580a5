"""Inner products of all units of two models in few digits, and exact ones of units that are matched."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np
import torch

from mergec.symmetries.matching.gram import BLOCKS, LEAST_LINES, TermGram, blocks
from mergec.symmetries.matching.limits import (
    BLOCK_BYTES,
    SCREENED_COLUMNS,
    SCREENED_ELEMENTS,
    SCREENED_LINES,
)
from mergec.symmetries.matching.stages import lines_of
from mergec.symmetries.matching.times import TimesTransposed, least_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mergec.symmetries.matching.cluster import Term
    from mergec.symmetries.matching.gram import Pair, Run
    from mergec.symmetries.matching.stages import Stretch

ERRORS = {torch.bfloat16: 2.0**-6, torch.float32: 2.0**-20}
"""Relative to the norms: of rounding both factors, their product and the norms."""
SUMS = 2.0**-23
"""Of adding up in float32, for each product that is added at once, and each time."""
ANCHOR, MOVING = 0, 1
ROWS = 64
"""Of a factor whose squares are added up at once."""
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
        self.products = torch.zeros((size, size))
        self.squares = torch.zeros(size), torch.zeros(size)
        self.dtype = least_dtype()
        self.columns: list[int] = []

    @property
    def error(self) -> float:
        """What the products are wrong by at most, relative to the norms."""
        return ERRORS[self.dtype] + SUMS * (max(self.columns, default=0) + len(self.columns))

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
                self.columns.append(left.shape[1])

    def norms_and_matches(self, stretches: Sequence[Stretch], best: torch.Tensor) -> torch.Tensor:
        """Of stretches the squares of the norms of either model's units, and what the best matches are worth.

        (3, units); the moving model's unit `best[i]` is matched with unit i of the anchor.
        """
        found = [torch.zeros((3, len(best)))] * len(stretches)

        def look(some: range) -> None:
            for i in some:
                found[i] = self._matched(stretches[i], best)

        self.run(look, blocks(0, len(stretches), 1))
        return torch.stack(found).sum(0) if found else torch.zeros((3, len(best)))

    def _rows(self, gram: TermGram, units: range, columns: range, side: int) -> torch.Tensor:
        """Some columns of the factors of units on the rows."""
        out = torch.empty((len(units), len(columns)), dtype=self.dtype)
        chosen = slice(columns.start, columns.stop)

        def fill(some: range) -> None:
            values = gram.units(np.arange(some.start, some.stop), is_anchor=side == ANCHOR)[:, chosen]
            own = slice(some.start - units.start, some.stop - units.start)
            out[own] = values

        self.run(fill, blocks(units.start, units.stop, _units_in_block(gram)))
        return out

    def _columns(self, gram: TermGram, rows: range) -> list[torch.Tensor]:
        """The factors of both models that some rows hold, of units on the columns."""
        sides = [torch.empty(0)] * 2

        def fill(some: range) -> None:
            for side in some:
                sides[side] = gram.columns_of(rows, is_anchor=side == ANCHOR, dtype=self.dtype)

        self.run(fill, blocks(0, 2, 1))
        return sides

    def _add(
        self, units: tuple[range, range], left: torch.Tensor, right: torch.Tensor, weight: float
    ) -> None:
        own, other = units
        block = self.products[own.start : own.stop, other.start : other.stop]
        if other.start == 0:
            self.squares[ANCHOR][own.start : own.stop].add_(_squares(left), alpha=weight)
        if own.start == 0:
            self.squares[MOVING][other.start : other.stop].add_(_squares(right), alpha=weight)
        times = TimesTransposed(right)

        def multiply(some: range) -> None:
            stretch = slice(some.start, some.stop)
            block[stretch].add_(times(left[stretch]), alpha=weight)

        self.run(multiply, blocks(0, len(own), _lines(len(own), len(other))))

    def _matched(self, stretch: Stretch, best: torch.Tensor) -> torch.Tensor:
        gram = self.grams[stretch.term]
        total = torch.zeros((3, len(best)))
        if gram.term.free_rows:
            columns = slice(stretch.some.start, stretch.some.stop)
            for some in blocks(0, len(best), _units_in_block(gram)):
                own, chosen = slice(some.start, some.stop), best[some.start : some.stop]
                left = gram.units(np.arange(some.start, some.stop), is_anchor=True)[:, columns]
                right = gram.units(chosen.numpy(), is_anchor=False)[:, columns]
                total[0, own], total[2, own] = _squares(left), (left * right).sum(1)
                total[1, chosen] = _squares(right)
        else:
            step = max(1, BLOCK_BYTES // (4 * gram.term.view.width))
            for some in blocks(stretch.some.start, stretch.some.stop, step):
                left, right = (gram.columns_of(some, is_anchor=is_anchor) for is_anchor in (True, False))
                total[0] += _squares(left)
                total[1] += _squares(right)
                total[2] += (left * _chosen(right, best)).sum(1)
        return total * gram.term.view.tensor.weight


def _squares(factor: torch.Tensor) -> torch.Tensor:
    """Of the norms of the rows; `vector_norm` takes ten times as long where these lie across memory."""
    if factor.is_contiguous():
        return torch.cat([some.float().square().sum(1) for some in torch.split(factor, ROWS)])
    return torch.stack([some.float().square().sum(0) for some in torch.split(factor.T, ROWS)]).sum(0)


def _chosen(factor: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
    """Some units of a factor; where these lie across memory, numpy takes them faster than torch."""
    if factor.T.is_contiguous():
        return torch.from_numpy(factor.T.numpy().take(units.numpy(), axis=1)).T
    return factor.index_select(0, units)


def _lines(rows: int, columns: int) -> int:
    """Rows of a block of products: it stays in the cache, and there are several to share out."""
    return max(1, min(PRODUCTS // columns, max(LEAST_LINES, rows // BLOCKS)))


def _units_in_block(gram: TermGram) -> int:
    return max(1, BLOCK_BYTES // (4 * lines_of(gram.term)))
