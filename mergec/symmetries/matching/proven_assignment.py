"""The assignment of least cost from few candidates of each row, if prices prove it.

Candidates are the lowest costs of each row. Prices of the assignment among them tell which other costs would
lower it: those join, until none would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mergec.symmetries.matching.candidates import Candidates, least, solve, union
from mergec.symmetries.matching.limits import FEW_CANDIDATES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mergec.symmetries.matching.candidates import Solved

ROWS = 64
"""Of the costs that are looked at at once: they stay in the cache."""
UNWANTED = 1 / 128
"""Of the columns: where more are no row's candidates, the prices are too far off for candidates to tell."""
ROUNDS = 8
MORE = 8
"""Candidates that may join for each row, in all rounds; with more it is faster to solve the whole."""


def proven_assignment(
    cost: NDArray[np.float64], old: NDArray[np.int32], columns: NDArray[np.float64], *, is_priced: bool
) -> Solved | None:
    """The least assignment with its prices, from prices of the columns that are known or zero.

    Nothing if the prices are too far off. The old assignment only makes sure that there is one.
    """
    size = len(cost)
    every = np.arange(size, dtype=np.int64)
    lowest = _lowest(cost, columns)
    wanted = np.bincount(lowest.places % size, minlength=size)
    if np.count_nonzero(wanted == 0) > UNWANTED * size:
        return None
    found = union(lowest, Candidates(every * size + old, cost[every, old]))
    most = len(found.places) + MORE * size
    for _ in range(ROUNDS):
        solved = solve(found, columns, is_priced=is_priced)
        better = _better(cost, solved, most - len(found.places))
        if better is None:
            return None
        if not len(better.places):
            return solved
        found, columns, is_priced = union(found, better), solved.columns, True
    return None


def _blocks(
    cost: NDArray[np.float64], columns: NDArray[np.float64]
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Blocks of rows, less the prices of the columns."""
    for start in range(0, len(cost), ROWS):
        some = slice(start, start + ROWS)
        yield some, cost[some] - columns


def _lowest(cost: NDArray[np.float64], columns: NDArray[np.float64]) -> Candidates:
    """Those of each row."""
    size = len(cost)
    places = np.concatenate(
        [
            (least(reduced, min(size, FEW_CANDIDATES)) + size * np.arange(size)[some, None]).ravel()
            for some, reduced in _blocks(cost, columns)
        ]
    )
    return Candidates(places, cost.reshape(-1)[places])


def _better(cost: NDArray[np.float64], solved: Solved, most: int) -> Candidates | None:
    """The costs below their prices; nothing if these are too many."""
    size = len(cost)
    found: list[NDArray[np.int64]] = []
    for some, reduced in _blocks(cost, solved.columns):
        low = reduced < (solved.rows[some] - solved.slack)[:, None]
        if low.any():
            found.append(np.flatnonzero(low) + some.start * size)
            most -= len(found[-1])
            if most < 0:
                return None
    places = np.concatenate(found) if found else np.empty(0, np.int64)
    return Candidates(places, cost.reshape(-1)[places])
