"""Linear assignment among candidates, for costs that are too many to hold.

The costs come in blocks of rows. Of each row and of each column the lowest are kept, the assignment among
them is solved, and its prices tell in the next pass which other costs would lower it: they join the
candidates. Without such costs the solution is that of the whole matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mergec.symmetries.matching.assignment import keep_ties
from mergec.symmetries.matching.candidates import Candidates, least, solve, union
from mergec.symmetries.matching.limits import CANDIDATES, SPARSE_PASSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from mergec.symmetries.matching.candidates import Solved

    Blocks = Callable[[], Iterator[tuple[int, NDArray[np.float64]]]]
    """Passes over the costs: the first row of a block, and its rows; the caller's own."""

LINES = 64
"""Rows or columns of a block whose lowest costs are looked for at once."""


def assign_sparse(
    blocks: Blocks, old: NDArray[np.int32], precision: float, count: int = CANDIDATES
) -> NDArray[np.int32]:
    """As `assignment.assign`, of blocks of rows, with `count` candidates for each row and column."""
    size = len(old)
    every = np.arange(size, dtype=np.int64)
    found = _lowest(blocks(), old, min(count, size))
    solved = solve(found, np.zeros(size), is_priced=False)
    for _ in range(SPARSE_PASSES - 1):
        better = _better(blocks(), solved, count)
        if not len(better.places):
            break
        found = union(found, better)
        solved = solve(found, solved.columns, is_priced=True)
    before, after = (
        found.costs[np.searchsorted(found.places, every * size + chosen)] for chosen in (old, solved.best)
    )
    return keep_ties(old, solved.best.astype(np.int32), before, after, precision)


def _lowest(
    blocks: Iterator[tuple[int, NDArray[np.float64]]], old: NDArray[np.int32], count: int
) -> Candidates:
    """The lowest costs of each row and column; and those of the old permutation: it is a full matching."""
    size = len(old)
    found: list[Candidates] = []
    lowest = np.empty((size, 0)), np.empty((size, 0), np.int64)
    for first, block in blocks:
        own = np.arange(first, first + len(block), dtype=np.int64)
        kept = old[own].astype(np.int64)
        found.append(Candidates(own * size + kept, block[own - first, kept]))
        for start in range(0, len(block), LINES):
            some = block[start : start + LINES]
            at = least(some, count)
            places = at + own[start : start + LINES, None] * size
            found.append(Candidates(places.ravel(), np.take_along_axis(some, at, axis=1).ravel()))
        lowest = _lowest_of_columns(lowest, own, block, count)
    costs, rows = lowest
    places = rows * size + np.arange(size)[:, None]
    return union(*found, Candidates(places.ravel(), costs.ravel()))


def _lowest_of_columns(
    known: tuple[NDArray[np.float64], NDArray[np.int64]],
    own: NDArray[np.int64],
    block: NDArray[np.float64],
    count: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The lowest costs of each column, (columns, count), and their rows, with a block of more rows."""
    costs, rows = known
    kept = min(count, costs.shape[1] + len(block))
    best = np.empty((len(costs), kept)), np.empty((len(costs), kept), np.int64)
    for start in range(0, len(costs), LINES):
        some = slice(start, start + LINES)
        joined = np.concatenate([costs[some], block[:, some].T], axis=1)
        numbers = np.concatenate([rows[some], np.broadcast_to(own, (len(joined), len(own)))], axis=1)
        at = least(joined, kept)
        best[0][some] = np.take_along_axis(joined, at, axis=1)
        best[1][some] = np.take_along_axis(numbers, at, axis=1)
    return best


def _better(blocks: Iterator[tuple[int, NDArray[np.float64]]], solved: Solved, count: int) -> Candidates:
    """Of each row the costs that are furthest below their prices, if any are below."""
    size = len(solved.columns)
    found = [Candidates(np.empty(0, np.int64), np.empty(0))]
    for first, block in blocks:
        for start in range(0, len(block), LINES):
            some = block[start : start + LINES]
            own = np.arange(first + start, first + start + len(some))
            reduced = some - solved.columns
            reduced -= solved.rows[own, None]
            row, column = np.nonzero(reduced < -solved.slack)
            if len(row) > count * len(some):
                column = least(reduced, count).ravel()
                row = np.repeat(np.arange(len(some)), count)
                is_lower = reduced[row, column] < -solved.slack
                row, column = row[is_lower], column[is_lower]
            found.append(Candidates(own[row] * size + column, some[row, column]))
    return union(*found)
