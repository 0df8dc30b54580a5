"""Linear assignment: the permutation of least cost, dense and exact.

The solver of scipy finds it by augmenting paths from nothing. Costs that are first reduced by good potentials
of rows and columns have the same solutions, and nearly all paths are then of length one. A few passes of
Sinkhorn's scaling with falling temperature (Sinkhorn and Knopp 1967; Cuturi 2013) give such potentials in a
fraction of the time.
"""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING

import numpy as np

from mergec.symmetries.matching.limits import COST_ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

PASSES = 6
COOLING = 0.6
SMALL = 512
"""Below this number of rows the solver needs no help."""


class Prices:
    """Potentials of the columns of costs that are solved again and again, with little change between."""

    def __init__(self) -> None:
        """None are known yet."""
        self.columns: NDArray[np.float64] | None = None


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
    if len(np.unique(best)) < size:
        from scipy.optimize import linear_sum_assignment  # slow to import, and not needed by models alike

        rows, columns = (
            _reduce(cost, prices or Prices()) if size >= SMALL else (np.zeros(size), np.zeros(size))
        )
        best = linear_sum_assignment(cost)[1]
        after = cost[every, best] + rows + columns[best]
    else:
        after = cost[every, best]
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


def _reduce(cost: NDArray[np.float64], prices: Prices) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Take potentials of rows and columns from the costs, in place, so that the least of each row is 0."""
    columns = prices.columns = _potentials(cost, prices.columns)
    rows = np.empty(len(cost))
    for start in range(0, len(cost), COST_ROWS):
        block = cost[start : start + COST_ROWS]
        block -= columns
        rows[start : start + COST_ROWS] = block.min(axis=1)
        block -= rows[start : start + COST_ROWS, None]
    return rows, columns


def _potentials(cost: NDArray[np.float64], known: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Prices of the columns at which rows that choose softly ask for each about once.

    From prices that are known it takes a single pass, as cool as the last one.
    """
    columns = np.zeros(len(cost)) if known is None else known.copy()
    blocks = [cost[start : start + COST_ROWS] for start in range(0, len(cost), COST_ROWS)]
    spread = fsum(float((block.mean(axis=1) - block.min(axis=1)).sum()) for block in blocks)
    temperature = spread / (4 * len(cost))
    passes = PASSES
    if known is not None:
        temperature *= COOLING ** (PASSES - 1)
        passes = 1
    for _ in range(passes if temperature > 0 else 0):
        asked = np.zeros(len(cost), np.float32)
        for block in blocks:
            wish = (columns - block).astype(np.float32)
            wish -= wish.max(axis=1, keepdims=True)
            wish /= np.float32(temperature)
            np.maximum(wish, -60, out=wish)  # below that float32 would go subnormal, and slow
            np.exp(wish, out=wish)
            wish /= wish.sum(axis=1, keepdims=True)
            asked += wish.sum(axis=0)
        columns -= temperature * np.log(np.maximum(asked.astype(np.float64), 1e-30))
        temperature *= COOLING
    return columns
