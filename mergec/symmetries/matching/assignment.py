"""Linear assignment: the permutation of least cost, dense and exact.

The solver of scipy finds it by augmenting paths from nothing. Of large costs few candidates of each row
mostly tell it, with a proof. Where they do not, the costs are first reduced by good potentials of rows and
columns: they have the same solutions, and more of the paths are of length one. A few passes of Sinkhorn's
scaling with falling temperature (Sinkhorn and Knopp 1967; Cuturi 2013) give such potentials.
"""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING

import numpy as np

from mergec.symmetries.matching.candidates import COLDEST, COOLING, LEAST_ASKED, PASSES
from mergec.symmetries.matching.limits import COST_ROWS
from mergec.symmetries.matching.proven_assignment import proven_assignment
from mergec.symmetries.matching.warm_assignment import warm_assignment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SMALL = 512
"""Below this number of rows the solver needs no help."""
OFTEN = 512
"""Up to this number of rows, costs that come again are solved without scipy."""


class Prices:
    """Potentials of the columns of costs that are solved again and again, with little change between."""

    def __init__(self) -> None:
        """None are known yet."""
        self.columns: NDArray[np.float64] | None = None
        self.are_vain = False


def assign(
    cost: NDArray[np.float64], old: NDArray[np.int32], precision: float, prices: Prices | None = None
) -> NDArray[np.int32]:
    """The permutation of least total cost[i, p[i]]; the costs are consumed.

    Where it is no better than the old one, up to `precision` relative to the costs, it is the old one: this
    is seen to for each cycle of what changes alone. `prices` are those of the last costs, and become those
    of these.
    """
    size = len(cost)
    every = np.arange(size)
    before = cost[every, old]
    best = cost.argmin(axis=1)
    if np.count_nonzero(np.bincount(best)) == size:
        after = cost[every, best]
    elif size <= OFTEN and prices and (again := _solve_again(cost, old, prices)) is not None:
        best, after = again, cost[every, again]
    elif size < SMALL:
        best = _solve(cost)
        after = cost[every, best]
    else:
        best, after = _solve_large(cost, old, prices or Prices())
    return keep_ties(old, best.astype(np.int32), before, after, precision)


def keep_ties(
    old: NDArray[np.int32],
    new: NDArray[np.int32],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    precision: float,
) -> NDArray[np.int32]:
    """The new permutation where it costs less than the old one, cycle by cycle of their difference."""
    cycle = _cycles(old, new)
    gain = np.bincount(cycle, before - after)
    scale = np.bincount(cycle, np.abs(before) + np.abs(after))
    return np.where((gain > precision * scale)[cycle], new, old)


def _cycles(old: NDArray[np.int32], new: NDArray[np.int32]) -> NDArray[np.int64]:
    """For each row the least row of its cycle: each row is followed by that which had its new column."""
    size = len(old)
    had = np.empty(size, np.int64)
    had[old] = np.arange(size)
    ahead = had[new]
    least = np.arange(size)
    for _ in range(size.bit_length()):  # each time it has looked at twice as many rows of the cycle
        least = np.minimum(least, least[ahead])
        ahead = ahead[ahead]
    return least


def _solve(cost: NDArray[np.float64]) -> NDArray[np.int64]:
    from scipy.optimize import linear_sum_assignment  # slow to import, and not needed by models alike

    best: NDArray[np.int64] = linear_sum_assignment(cost)[1]
    return best


def _solve_again(
    cost: NDArray[np.float64], old: NDArray[np.int32], prices: Prices
) -> NDArray[np.int64] | None:
    """The best permutation of a few rows, unless prices tell too little; then it is not tried again."""
    if prices.are_vain:
        return None
    columns = _potentials(cost, None) if prices.columns is None else prices.columns.copy()
    best = warm_assignment(cost, old, columns)
    prices.columns, prices.are_vain = None if best is None else columns, best is None
    return best


def _solve_large(
    cost: NDArray[np.float64], old: NDArray[np.int32], prices: Prices
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The best permutation and what it costs, from the prices that are known, or else potentials."""
    every = np.arange(len(cost))
    known = prices.columns
    first = np.zeros(len(cost)) if known is None else known
    solved = proven_assignment(cost, old, first, is_priced=known is not None)
    if solved is None:
        prices.columns = _potentials(cost, known)
        solved = proven_assignment(cost, old, prices.columns, is_priced=True)
    if solved is not None:
        prices.columns = solved.columns
        return solved.best, cost[every, solved.best]
    assert prices.columns is not None
    rows = _reduce(cost, prices.columns)
    best = _solve(cost)
    return best, cost[every, best] + rows + prices.columns[best]


def _reduce(cost: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take potentials of the columns from the costs, and of rows, which are returned: their least is 0."""
    rows = np.empty(len(cost))
    for some in _blocks(cost):
        block = cost[some]
        block -= columns
        rows[some] = block.min(axis=1)
        block -= rows[some, None]
    return rows


def _potentials(cost: NDArray[np.float64], known: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Prices of the columns at which rows that choose softly ask for each about once.

    From prices that are known it takes a single pass, as cool as the last one.
    """
    size = len(cost)
    columns = np.zeros(size) if known is None else known.copy()
    spread = fsum(float((cost[some].mean(1) - cost[some].min(1)).sum()) for some in _blocks(cost))
    temperature = spread / (4 * size)
    passes = PASSES
    if known is not None:
        temperature *= COOLING ** (PASSES - 1)
        passes = 1
    for _ in range(passes if temperature > 0 else 0):
        asked = np.zeros(size)
        for some in _blocks(cost):
            wish = columns - cost[some]
            wish -= wish.max(axis=1, keepdims=True)
            wish /= temperature
            soft = np.maximum(wish, COLDEST, out=wish).astype(np.float32)
            np.exp(soft, out=soft)
            soft /= soft.sum(axis=1, keepdims=True)
            asked += soft.sum(axis=0)
        columns -= temperature * np.log(np.maximum(asked, LEAST_ASKED))
        temperature *= COOLING
    return columns


def _blocks(cost: NDArray[np.float64]) -> Iterator[slice]:
    return (slice(start, start + COST_ROWS) for start in range(0, len(cost), COST_ROWS))
