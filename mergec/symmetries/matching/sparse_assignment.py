"""Linear assignment among candidates, for costs that are too many to hold.

The costs come in blocks of rows. Of each row and of each column the lowest are kept, the assignment among
them is solved, and its potentials tell in the next pass which other costs would lower it: they join the
candidates. Without such costs the solution is that of the whole matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from mergec.symmetries.matching.assignment import keep_ties
from mergec.symmetries.matching.limits import CANDIDATES, SPARSE_PASSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Blocks = Callable[[], Iterator[tuple[int, torch.Tensor]]]
    """Passes over the costs: the first row of a block, and its rows; the caller's own."""

LEVELS = float(1 << 20)
"""Costs are whole multiples of a typical difference over this: the solver loops without end on values that
differ by less than it can add to its prices."""


class Candidates(NamedTuple):
    """Costs by their places row * size + column, in ascending order."""

    places: NDArray[np.int64]
    costs: NDArray[np.float64]


def assign_sparse(
    blocks: Blocks, old: NDArray[np.int32], precision: float, count: int = CANDIDATES
) -> NDArray[np.int32]:
    """As `assignment.assign`, of blocks of rows, with `count` candidates for each row and column."""
    size = len(old)
    rows, columns = np.zeros(size), np.zeros(size)
    every = np.arange(size, dtype=np.int64)
    found = Candidates(np.empty(0, np.int64), np.empty(0))
    best = old
    for number in range(SPARSE_PASSES):
        better = _lowest(blocks(), old, rows, columns, min(count, size), only_better=number > 0)
        if number > 0 and not len(np.setdiff1d(better.places, found.places)):
            break
        found = _union(found, better)
        best, rows, columns = _solve(found, size, rows, columns)
    before, after = (
        found.costs[np.searchsorted(found.places, every * size + chosen)] for chosen in (old, best)
    )
    return keep_ties(old, best, before, after, precision)


def _lowest(
    blocks: Iterator[tuple[int, torch.Tensor]],
    old: NDArray[np.int32],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    count: int,
    *,
    only_better: bool,
) -> Candidates:
    """The lowest reduced costs of each row and column, those below zero alone if `only_better`; and the old.

    The costs of the old permutation make sure that there is a full matching.
    """
    size = len(old)
    found: list[Candidates] = []
    lowest = torch.zeros((0, size), dtype=torch.float64), torch.zeros((0, size), dtype=torch.int64)
    for start, block in blocks:
        stretch = slice(start, start + len(block))
        own = torch.arange(start, start + len(block))
        kept = torch.from_numpy(old[stretch]).long()
        found.append(Candidates((own * size + kept).numpy(), block[own - start, kept].numpy()))
        reduced = block.sub_(torch.from_numpy(columns)).sub_(torch.from_numpy(rows[stretch])[:, None])
        values, at = torch.topk(reduced, count, dim=1, largest=False, sorted=False)
        at += own[:, None] * size
        found.append(_candidates(values, at, rows, columns, only_better=only_better))
        values, at = torch.topk(reduced, min(count, len(block)), dim=0, largest=False, sorted=False)
        at = (at + start) * size + torch.arange(size)
        values, at = torch.cat([lowest[0], values]), torch.cat([lowest[1], at])
        values, chosen = torch.topk(values, min(count, len(values)), dim=0, largest=False, sorted=False)
        lowest = values, at.gather(0, chosen)
    return _union(*found, _candidates(*lowest, rows, columns, only_better=only_better))


def _candidates(
    values: torch.Tensor,
    places: torch.Tensor,
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    *,
    only_better: bool,
) -> Candidates:
    size = len(rows)
    flat, at = values.reshape(-1).numpy(), places.reshape(-1).numpy()
    if only_better:
        chosen = flat < -1e-9 * (np.abs(rows).mean() + np.abs(columns).mean())
        flat, at = flat[chosen], at[chosen]
    return Candidates(at, flat + rows[at // size] + columns[at % size])


def _union(*some: Candidates) -> Candidates:
    places, first = np.unique(np.concatenate([each.places for each in some]), return_index=True)
    return Candidates(places, np.concatenate([each.costs for each in some])[first])


def _solve(
    found: Candidates, size: int, rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """The best permutation among candidates, and potentials under which none of them lowers it."""
    row, column = np.divmod(found.places, size)
    reduced = found.costs - columns[column]
    start = np.searchsorted(row, np.arange(size))
    rows = np.minimum.reduceat(reduced, start)
    reduced -= rows[row]
    quantum = max(float(reduced.mean()), 1e-300) / LEVELS
    whole = np.round(reduced / quantum)
    graph = csr_array((whole + 1, column, np.append(start, len(row))), shape=(size, size))
    best = min_weight_full_bipartite_matching(graph)[1]
    own = whole[np.searchsorted(found.places, np.arange(size) * size + best)]
    prices = _prices(row, column, whole - own[row], best)
    return best.astype(np.int32), rows + (own - prices[best]) * quantum, columns + prices * quantum


def _prices(
    row: NDArray[np.int64], column: NDArray[np.int64], longer: NDArray[np.float64], best: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Shortest ways to each column over changes of the matching, by Bellman and Ford; exact on integers."""
    order = np.argsort(column, kind="stable")
    source, longer, column = best[row[order]], longer[order], column[order]
    first = np.searchsorted(column, np.arange(len(best)))
    prices = np.zeros(len(best))
    while True:
        shorter = np.minimum.reduceat(prices[source] + longer, first)
        if np.array_equal(shorter, prices):  # a column's own row leads to it at no cost: never longer
            return prices
        prices = shorter
