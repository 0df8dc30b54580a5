"""Costs of some pairs of rows and columns: the least assignment among them, and the prices that prove it.

Of large costs only few pairs can be part of the least assignment. What the assignment among candidates
is worth is a bound from above; its prices tell of every other pair whether it would lower it. If none would,
it is the least of all.
"""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PASSES = 6
COOLING = 0.6
"""Of the temperature from one pass to the next."""
COLDEST = -60.0
"""Exponents below it would make float32 subnormal, and slow."""
LEAST_ASKED = 1e-30
QUANTUM, FINEST = 2.0**-32, 2.0**-40
"""Costs are whole multiples of a mean difference times the first, or of the largest times the second.

The solver loops without end on values that differ by less than it can add to its prices; sums of a way's
whole multiples are exact.
"""
LEAST_QUANTUM = 5e-324
"""Above zero: where all costs are the same, there is no difference to tell."""
SLACK = 1e-9
"""Relative to the prices: a pair whose cost is below them by less is none that would lower the whole."""


class Candidates(NamedTuple):
    """Costs by their places row * size + column, in ascending order; a full matching is among them."""

    places: NDArray[np.int64]
    costs: NDArray[np.float64]


class Solved(NamedTuple):
    """The least assignment among candidates, and prices: none of them costs less than its row and column.

    `slack`: the pairs that cost less by more than it are those that would lower the assignment.
    """

    best: NDArray[np.int64]
    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    slack: float


def union(*some: Candidates) -> Candidates:
    """All of them; each place once."""
    places, first = np.unique(np.concatenate([each.places for each in some]), return_index=True)
    return Candidates(places, np.concatenate([each.costs for each in some])[first])


def least(values: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """The places of the least values of each row, in ascending order: (rows, count)."""
    chosen = np.argpartition(values, count - 1, axis=1)[:, :count]
    chosen.sort(axis=1)
    return chosen


def solve(found: Candidates, columns: NDArray[np.float64], *, is_priced: bool) -> Solved:
    """The least assignment, from prices of the columns; where they say little, better ones are made first.

    Raises:
        ValueError: a cost is not a finite number.
    """
    from scipy.sparse import csr_array  # slow to import, and not needed by models alike
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    if not isfinite(found.costs.sum()):
        raise ValueError("costs are not finite")
    size = len(columns)
    row, column = np.divmod(found.places, size)
    start = np.searchsorted(row, np.arange(size))
    if not is_priced:
        columns = columns + _soft_prices(found.costs - columns[column], row, column, start)
    reduced = found.costs - columns[column]
    rows = np.minimum.reduceat(reduced, start)
    reduced -= rows[row]
    quantum = max(float(reduced.mean()) * QUANTUM, float(reduced.max()) * FINEST, LEAST_QUANTUM)
    whole = np.round(reduced / quantum)
    graph = csr_array((whole + 1, column, np.append(start, len(row))), shape=(size, size))
    best = min_weight_full_bipartite_matching(graph)[1].astype(np.int64)
    own = whole[np.searchsorted(found.places, np.arange(size) * size + best)]
    prices = _prices(row, column, whole - own[row], best)
    rows += (own - prices[best]) * quantum
    columns = columns + prices * quantum
    slack = SLACK * float(np.abs(rows).mean() + np.abs(columns).mean())
    return Solved(best, rows, columns, max(slack, 2 * quantum))


def _soft_prices(
    costs: NDArray[np.float64], row: NDArray[np.int64], column: NDArray[np.int64], start: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Prices of the columns at which rows that choose softly among candidates ask for each about once.

    A few passes of Sinkhorn's scaling with falling temperature (Sinkhorn and Knopp 1967; Cuturi 2013).
    """
    columns = np.zeros(len(start))
    reduced = costs - np.minimum.reduceat(costs, start)[row]
    temperature = float(reduced.mean()) / 4
    for _ in range(PASSES if temperature > 0 else 0):
        wish = columns[column] - reduced
        wish -= np.maximum.reduceat(wish, start)[row]
        wish /= temperature
        wish = np.exp(np.maximum(wish, COLDEST, out=wish).astype(np.float32))
        wish /= np.add.reduceat(wish, start)[row]
        asked = np.bincount(column, wish, len(columns))
        columns -= temperature * np.log(np.maximum(asked, LEAST_ASKED))
        temperature *= COOLING
    return columns


def _prices(
    row: NDArray[np.int64], column: NDArray[np.int64], longer: NDArray[np.float64], best: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Shortest ways to each column over changes of the matching, by Bellman and Ford; exact on integers."""
    order = np.argsort(column, kind="stable")
    source, longer, column = best[row[order]], longer[order], column[order]
    first = np.searchsorted(column, np.arange(len(best)))
    prices = np.zeros(len(best))
    for _ in range(len(best) + 1):
        shorter = np.minimum.reduceat(prices[source] + longer, first)
        if np.array_equal(shorter, prices):  # a column's own row leads to it at no cost: never longer
            return prices
        prices = shorter
    raise ArithmeticError("some change of the assignment lowers it")
