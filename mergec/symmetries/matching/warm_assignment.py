"""The assignment of least cost for a few hundred rows that are solved again and again, in NumPy.

From prices of the columns that are nearly right most rows have their column at once. The others bid, all
together: a row takes its best column, whose price falls to where the second best is as good, and whoever had
it bids next (Bertsekas 1981; Jonker and Volgenant 1987). The last few go by shortest augmenting paths. It
takes as long as scipy's solver does from nothing, and loading that takes as long as ten matches of a small
network.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BIDS, STEPS = 4, 8
"""For each row, of bids and of steps of paths: with more, the prices were far off."""
FEW = 4
"""Rows for which bids together are no faster than paths."""
NOBODY = -1


def warm_assignment(
    cost: NDArray[np.float64], old: NDArray[np.int32], columns: NDArray[np.float64]
) -> NDArray[np.int64] | None:
    """The least assignment, given prices of the columns, which become such that prove it.

    Nothing if it takes too many steps.
    """
    matching = _Matching(cost, columns)
    free = matching.take_best(old)
    free = matching.bid(free, BIDS * len(cost))
    return matching.column_of if matching.go(free, STEPS * len(cost)) else None


class _Matching:
    """Rows and columns that have each other, each at the price at which no row wants another column."""

    def __init__(self, cost: NDArray[np.float64], columns: NDArray[np.float64]) -> None:
        self.cost = cost
        self.prices = columns
        self.column_of = np.full(len(cost), NOBODY, np.int64)
        self.row_of = np.full(len(cost), NOBODY, np.int64)

    def take_best(self, old: NDArray[np.int32]) -> list[int]:
        """Give rows their best column, the old one if it is as good; those that have none then."""
        every = np.arange(len(self.cost))
        reduced = self.cost - self.prices
        best = reduced.argmin(axis=1)
        stays = reduced[every, old] <= reduced[every, best]
        self.column_of[stays] = old[stays]
        self.row_of[old[stays]] = every[stays]
        for row in np.flatnonzero(~stays).tolist():
            if self.row_of[best[row]] == NOBODY:
                self._give(row, int(best[row]))
        return [int(row) for row in np.flatnonzero(self.column_of == NOBODY)]

    def _give(self, row: int, column: int) -> None:
        self.row_of[column] = row
        self.column_of[row] = column

    def bid(self, free: list[int], most: int) -> list[int]:
        """Let rows bid together, until few of them or none of `most` bids are left; the rows that are."""
        rows = np.array(free, np.int64)
        while len(rows) > FEW and most > 0:
            most -= len(rows)
            every = np.arange(len(rows))
            reduced = self.cost[rows] - self.prices
            wanted = reduced.argmin(axis=1)
            gains = -reduced[every, wanted]
            reduced[every, wanted] = inf
            gains += reduced.min(axis=1)
            first = np.argsort(-gains, kind="stable")  # of those who want the same, who gains most by it
            columns, at = np.unique(wanted[first], return_index=True)
            best = first[at]
            # Where another column is as good it is for a path to say whose this is.
            may_take = (self.row_of[columns] == NOBODY) | (gains[best] > 0)
            if not may_take.any():
                break
            best, columns = best[may_take], columns[may_take]
            before = self.row_of[columns]
            before = before[before != NOBODY]
            self.prices[columns] -= gains[best]
            self.column_of[before] = NOBODY
            self.row_of[columns], self.column_of[rows[best]] = rows[best], columns
            rows = np.concatenate([np.delete(rows, best), before])
        return [int(row) for row in rows]

    def go(self, free: list[int], most: int) -> bool:
        """Give each of these rows a column, by shortest paths; whether that took at most so many steps."""
        for row in free:
            most -= self._augment(row, most)
            if most <= 0:
                return False
        return True

    def _augment(self, start: int, most: int) -> int:
        """The shortest path from a row to a free column, and the matching changed along it; its steps."""
        ways = self.cost[start] - self.prices
        source = np.full(len(ways), start)
        is_done = np.zeros(len(ways), np.bool_)
        open_ways = ways.copy()
        done: list[int] = []
        for steps in range(1, most + 1):
            column = int(open_ways.argmin())
            length = open_ways[column]
            row = int(self.row_of[column])
            if row == NOBODY:
                self.prices[done] += ways[done] - length
                self._change(start, column, source)
                return steps
            done.append(column)
            is_done[column], open_ways[column] = True, inf
            further = self.cost[row] - self.prices
            further -= further[column] - length
            is_shorter = further < ways
            is_shorter[is_done] = False
            np.copyto(ways, further, where=is_shorter)
            np.copyto(open_ways, further, where=is_shorter)
            source[is_shorter] = row
        return most

    def _change(self, start: int, column: int, source: NDArray[np.int64]) -> None:
        while True:
            row = int(source[column])
            column, before = int(self.column_of[row]), column
            self._give(row, before)
            if row == start:
                return
