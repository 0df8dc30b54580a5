"""Inner products of every unit of one model with every unit of another: the costs of a cluster.

Tiles of both operands are multiplied in their own precision and added up in float64. What the tiles are
depends on shapes alone, so that the sums do not depend on the number of workers.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mergec.ir.symmetry import Factor
from mergec.symmetries.matching.freed_memory import give_back
from mergec.symmetries.matching.limits import BLOCK_BYTES, LEAST_ROWS, SLICE
from mergec.symmetries.matching.part_rows import read, segment_index
from mergec.symmetries.matching.times import IN_NUMPY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from mergec.ir.symmetry import Segment, Symmetry
    from mergec.symmetries.matching.cluster import Term
    from mergec.symmetries.matching.operand import Operand
    from mergec.symmetries.matching.times import Times

    Array = NDArray[Any]
    Factors = tuple[Array, Array]
    """Matrices of the anchor's and the moving model's units as rows, whose product is wanted."""
    Run = Callable[[Callable[[range], None], Iterable[range]], None]
    """Calls a function for each of some blocks, in any order or at once, and returns when all are done."""


BLOCKS = 8
LEAST_LINES = 64
LARGE = 1 << 18
"""Elements of a part whose tiles leave holes in memory that are worth giving back."""


class Pair(NamedTuple):
    """A model that stays and one that moves, how the moving one stands now, and how both are multiplied."""

    symmetry: Symmetry
    anchor: Sequence[Operand]
    moving: Sequence[Operand]
    vector: NDArray[np.int32]
    times: Times = IN_NUMPY


def blocks(start: int, stop: int, step: int) -> list[range]:
    """Stretches of at most `step`."""
    return [range(i, min(i + step, stop)) for i in range(start, stop, step)]


class TermGram:
    """The inner products that one term adds, between free units of some roots of each model.

    `is_small`: of all of its units at once, the `factors` can be held.
    """

    def __init__(self, pair: Pair, term: Term, run: Run) -> None:
        """Of a pair of models as it stands now; `run` shares the blocks out."""
        self.pair = pair
        self.term = term
        self.run = run
        part = term.view
        self.rows = [factor.size for factor in part.rows]
        self.unit = prod(
            factor.size for factor in _factors(term) if factor.group not in (None, term.signature[0])
        )
        self.is_small = not term.held and 4 * part.height * part.width <= BLOCK_BYTES
        rows = held_still(part.rows, term.free_rows)
        self.row_index = segment_index(pair.symmetry, rows, pair.vector, {})

    def add(self, out: Array, first: range, second: range, factor: float) -> None:
        """Add the products times a factor to out, for these indices of the root in either model.

        `out` is (first * unit, second * unit), float64; a unit is the free factors but the root.
        """
        places = np.arange(self.term.view.height, dtype=np.int64).reshape(self.rows)
        held = self.term.held
        for at in product(*(range(self.rows[i]) for i in held)):
            chosen = places
            for i, index in zip(held, at, strict=True):
                chosen = chosen.take([index], axis=i)
            columns = self._columns(dict(zip(held, at, strict=True)))
            if self.term.free_rows:
                self._add_free_rows(out, (first, second), factor, chosen, columns)
            else:
                self._add_other_rows(out, (first, second), factor, chosen.reshape(-1), columns)
        if places.size * self.term.view.width > LARGE:
            give_back()

    def factors(self) -> Factors:
        """The units of either model, (units, all else), whose products are the term's."""
        places = np.arange(self.term.view.height, dtype=np.int64)
        if self.term.free_rows:
            places = places.reshape(self.rows)
        return self._both(places, self._columns({}), (None, None))

    def units(self, numbers: NDArray[np.int64], *, is_anchor: bool) -> Array:
        """The factors of some units, by number, on the rows of a model: (units, all else)."""
        part = self.term.view
        free = {part.rows[i].group: i for i in self.term.free_rows}
        order = [free[group] for group in self.term.signature]
        order += [i for i in range(len(self.rows)) if i not in order]
        places = np.arange(part.height, dtype=np.int64).reshape(self.rows).transpose(order)
        rows = places.reshape(part.height // _others(self.term), -1)[numbers].reshape(-1)
        if not is_anchor:
            return read(part, self.pair.moving, self.row_index[rows]).reshape(len(numbers), -1)
        values = read(part, self.pair.anchor, rows, is_masked=True)
        columns = self._columns({})
        return (values if columns is None else values.take(columns, axis=1)).reshape(len(numbers), -1)

    def columns_of(self, rows: range, *, is_anchor: bool) -> Array:
        """The factors that some rows hold of units on the columns, of a model: (units, all else)."""
        places = np.arange(rows.start, rows.stop, dtype=np.int64)
        if is_anchor:
            return self._anchor(places, self._columns({}), None)
        return self._moving(places, None)

    def _columns(self, held: dict[int, int]) -> NDArray[np.int64] | None:
        """The order that the anchor's columns take, so that those of the moving model can stay."""
        part = self.term.view
        at = {part.rows[i].group: index for i, index in held.items()}
        index = segment_index(
            self.pair.symmetry,
            held_still(part.columns, self.term.free_columns),
            self.pair.vector,
            {group: index for group, index in at.items() if group is not None},
        )
        if np.array_equal(index, np.arange(len(index))):
            return None
        found: NDArray[np.int64] = np.argsort(index)
        return found

    def _add_free_rows(
        self,
        out: Array,
        sides: tuple[range, range],
        factor: float,
        places: NDArray[np.int64],
        columns: NDArray[np.int64] | None,
    ) -> None:
        """The root is on the rows: blocks of them, of each model, are multiplied with each other."""
        term, unit = self.term, self.unit
        axis = next(i for i in term.free_rows if term.view.rows[i].group == term.signature[0])
        step = max(1, self._rows_in_tile() * places.shape[axis] // places.size)
        for own in blocks(sides[0].start, sides[0].stop, step):
            left = self._anchor(_stretch(places, axis, own), columns, None)
            top = out[(own.start - sides[0].start) * unit :][: len(own) * unit]

            def multiply(other: range, left: Array = left, top: Array = top) -> None:
                right = self._moving(_stretch(places, axis, other), None)
                target = top[:, (other.start - sides[1].start) * unit :][:, : len(other) * unit]
                self._add_product(target, left, right, factor)

            self.run(multiply, blocks(sides[1].start, sides[1].stop, step))

    def _add_other_rows(
        self,
        out: Array,
        sides: tuple[range, range],
        factor: float,
        places: NDArray[np.int64],
        columns: NDArray[np.int64] | None,
    ) -> None:
        """The free factors are on the columns: products of blocks of rows add up."""
        for some in blocks(0, len(places), max(LEAST_ROWS, self._rows_in_tile())):
            chosen = places[some.start : some.stop]
            left, right = self._both(chosen, columns, sides)

            def multiply(own: range, left: Array = left, right: Array = right) -> None:
                stretch = slice(own.start, own.stop)
                self._add_product(out[stretch], left[stretch], right, factor)

            self.run(multiply, blocks(0, left.shape[0], lines(right)))

    def _add_product(self, target: Array, left: Array, right: Array, factor: float) -> None:
        if left.dtype != right.dtype:
            left, right = left.astype(np.float64), right.astype(np.float64)
        times = self.pair.times.exactly(right)
        for some in blocks(0, left.shape[0], lines(right)):
            stretch = slice(some.start, some.stop)
            add_times(target[stretch], times(left[stretch]), factor)

    def _rows_in_tile(self) -> int:
        return max(1, BLOCK_BYTES // (4 * self.term.view.width))

    def _both(
        self,
        places: NDArray[np.int64],
        columns: NDArray[np.int64] | None,
        roots: tuple[range | None, range | None],
    ) -> Factors:
        """The factors of both models, read at once where there are two workers."""
        found: list[Array] = [np.empty(0)] * 2

        def fill(some: range) -> None:
            for side in some:
                own = roots[side]
                found[side] = self._moving(places, own) if side else self._anchor(places, columns, own)

        self.run(fill, blocks(0, 2, 1))
        return found[0], found[1]

    def _anchor(
        self,
        places: NDArray[np.int64],
        columns: NDArray[np.int64] | None,
        roots: range | None,
    ) -> Array:
        part = self.term.view
        values = read(part, self.pair.anchor, places.reshape(-1), is_masked=True)
        if columns is not None:
            values = values.take(columns, axis=1)
        return free_matrix(self.term, values, places.shape, roots)

    def _moving(self, places: NDArray[np.int64], roots: range | None) -> Array:
        part = self.term.view
        values = read(part, self.pair.moving, self.row_index[places.reshape(-1)])
        return free_matrix(self.term, values, places.shape, roots)


def free_matrix(term: Term, values: Array, rows: Sequence[int], roots: range | None = None) -> Array:
    """Rows of a term's part as (free units, all else); `rows` are how many there are of each factor.

    Where nothing is free on the columns they may be some columns only. `roots`: of which indices of the
    root, if it is on the columns.
    """
    others = [factor.size for factor in term.view.columns] if term.free_columns else [-1]
    values = values.reshape(*rows, *others)
    free = {term.view.columns[i].group: len(rows) + i for i in term.free_columns}
    if roots is not None:
        axis = free[term.signature[0]]
        values = values[(*[slice(None)] * axis, slice(roots.start, roots.stop))]
    elif len(rows) == len(term.view.rows):
        free |= {term.view.rows[i].group: i for i in term.free_rows}
    order = [free[group] for group in term.signature]
    values = values.transpose(*order, *(i for i in range(values.ndim) if i not in order))
    return values.reshape(prod(values.shape[: len(order)]), -1)


def add_times(target: Array, values: Array, factor: float) -> None:
    """Add values times a factor to a target in float64."""
    if factor == 1:
        target += values
    elif factor == -1:
        target -= values
    else:
        for some in blocks(0, len(values), max(1, SLICE // values.shape[1])):
            stretch = slice(some.start, some.stop)
            target[stretch] += np.multiply(values[stretch], factor, dtype=np.float64)


def lines(right: Array) -> int:
    """How many units' products with all those on the right make a block; few units make several too."""
    units = int(right.shape[0])
    most = BLOCK_BYTES // (right.itemsize * units)
    return max(1, min(most, max(LEAST_LINES, units // BLOCKS)))


def _stretch(places: NDArray[np.int64], axis: int, some: range) -> NDArray[np.int64]:
    return places[(*[slice(None)] * axis, slice(some.start, some.stop))]


def _others(term: Term) -> int:
    """How many rows of a term's part hold one and the same unit."""
    rows = term.view.rows
    return prod(factor.size for i, factor in enumerate(rows) if i not in term.free_rows)


def _factors(term: Term) -> list[Factor]:
    part = term.view
    return [part.rows[i] for i in term.free_rows] + [part.columns[i] for i in term.free_columns]


def held_still(segment: Segment, free: tuple[int, ...]) -> Segment:
    """The segment as if its free factors were fixed."""
    return tuple(Factor(factor.size) if i in free else factor for i, factor in enumerate(segment))
