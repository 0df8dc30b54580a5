"""Factors whose products add up, until there are enough of them to be multiplied at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mergec.symmetries.matching.gram import blocks, lines
from mergec.symmetries.matching.limits import FACTOR_ELEMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from mergec.symmetries.matching.gram import Factors, Run
    from mergec.symmetries.matching.times import Times

THIN = 64
"""Factors of fewer columns are put side by side first: their products would cost no more than adding them."""


class WaitingFactors:
    """Takes factors (units, any) of both models; adds the negatives of their products to costs.

    Products of factors that waited together add up in their own precision, all else in float64.
    """

    def __init__(self, costs: NDArray[np.float64], run: Run, times: Times) -> None:
        """`costs` is (units, units), float64."""
        self.costs = costs
        self.run = run
        self.times = times
        self.waiting: list[Factors] = []
        self.elements = 0

    def make_room(self, elements: int) -> None:
        """For factors that are about to come, of so many elements together."""
        if self.elements + elements > FACTOR_ELEMENTS:
            self.multiply()

    def add(self, factors: Factors) -> None:
        """Wait for more, or for the end."""
        elements = sum(side.size for side in factors)
        self.make_room(elements)
        self.waiting.append(factors)
        self.elements += elements

    def multiply(self) -> None:
        """Add the products of all that wait."""
        factors = [(left, self.times.exactly(right)) for left, right in _side_by_side(self.waiting)]
        self.waiting, self.elements = [], 0
        if not factors:
            return

        def multiply(some: range) -> None:
            stretch = slice(some.start, some.stop)
            total = factors[0][1](factors[0][0][stretch])
            for left, times in factors[1:]:
                total += times(left[stretch])
            self.costs[stretch] -= total

        self.run(multiply, blocks(0, len(self.costs), lines(self.costs)))


def _side_by_side(waiting: Sequence[Factors]) -> Iterator[Factors]:
    """The same factors, all of one precision, the thin ones as one."""
    if any(side.dtype == np.float64 for factors in waiting for side in factors):
        waiting = [(left.astype(np.float64), right.astype(np.float64)) for left, right in waiting]
    thin = [factors for factors in waiting if factors[0].shape[1] < THIN]
    if thin:
        yield np.concatenate([left for left, _ in thin], 1), np.concatenate([right for _, right in thin], 1)
    yield from (factors for factors in waiting if factors[0].shape[1] >= THIN)
