"""Costs of a cluster that are kept from one time it is solved to the next, and brought up to date then."""

from __future__ import annotations

from itertools import chain
from math import fsum
from typing import TYPE_CHECKING

import numpy as np

from mergec.symmetries.matching.assignment import Prices
from mergec.symmetries.matching.changed_products import ChangedProducts
from mergec.symmetries.matching.solve_cluster import KnownCosts, add_costs, weighted
from mergec.symmetries.matching.waiting_factors import WaitingFactors

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from mergec.symmetries.matching.cluster import Cluster, Term
    from mergec.symmetries.matching.gram import Pair, Run

MOST = 0.5
"""Of the work of all products; where changes are more, the products are made anew."""


class KeptCosts:
    """Those of a cluster that is a single group and linear.

    They are sums of products at one time and of changes since, so they depend on what they were asked for
    before: never on memory or the number of workers.
    """

    def __init__(self, cluster: Cluster) -> None:
        """Nothing is known yet."""
        self.size = cluster.root.size
        self.terms = cluster.terms
        self.costs: NDArray[np.float64] | None = None
        self.counted: frozenset[int] = frozenset()
        self.vector: NDArray[np.int32] | None = None
        self.prices = Prices()

    def at(self, pair: Pair, used: Collection[int], run: Run) -> KnownCosts:
        """The costs of the parts used, with the pair as it stands now; they are not to be changed."""
        changes = self._changes(pair, used)
        if self.costs is None:
            self.costs = np.zeros((self.size, self.size))
        if changes is None:
            self.costs.fill(0)
            self.counted = frozenset()
        waiting = WaitingFactors(self.costs, run, pair.times)
        for factors in chain.from_iterable(change.factors() for change in changes or ()):
            waiting.add(factors)
        waiting.multiply()
        new = [term for term in self.terms if term.part in used and term.part not in self.counted]
        add_costs(self.costs, [weighted(pair, term, run) for term in new], run, pair.times)
        self.counted = frozenset(term.part for term in self.terms if term.part in used)
        self.vector = pair.vector.copy()
        return KnownCosts(self.costs, self.prices)

    def _changes(self, pair: Pair, used: Collection[int]) -> list[ChangedProducts] | None:
        """What has changed since, of the terms that are counted; nothing if it is better to start anew."""
        if self.vector is None or not self.counted <= frozenset(used):
            return None
        own = [term for term in self.terms if term.part in self.counted]
        changes = [ChangedProducts(pair, term, self.vector) for term in own]
        work = fsum(change.share * _elements(change.term) for change in changes)
        is_little = work <= MOST * sum(map(_elements, own))
        return changes if is_little and all(change.is_possible for change in changes) else None


def _elements(term: Term) -> int:
    return term.view.height * term.view.width
