"""The assignment of least cost for a few hundred rows that are solved again and again, in NumPy.

From prices of the columns that are nearly right most rows have their column at once. The others bid: a row
takes its best column, whose price falls to where the second best is as good, and whoever had it bids next
(Bertsekas 1981; Jonker and Volgenant 1987). What is left then goes by shortest augmenting paths. It takes as
long as scipy's solver does from nothing, and loading that takes as long as ten matches of a small network.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BIDS, STEPS = 4, 8
"""For each row, of bids and of steps of paths: with more, the prices were far off."""
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
        """Let rows bid at most so often; those without a column then."""
        cost, prices, row_of, column_of = self.cost, self.prices, self.row_of, self.column_of
        waiting, left = free[::-1], []
        while waiting and most > 0:
            row = waiting.pop()
            most -= 1
            reduced = cost[row] - prices
            column = int(reduced.argmin())
            least = float(reduced[column])
            reduced[column] = inf
            gain = float(reduced[reduced.argmin()]) - least
            before = int(row_of[column])
            if before != NOBODY and not gain > 0:
                left.append(row)  # another column is as good: that is for a path to say
                continue
            if gain < inf:
                prices[column] -= gain
            row_of[column], column_of[row] = row, column
            if before != NOBODY:
                column_of[before] = NOBODY
                waiting.append(before)
        return left + waiting

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
