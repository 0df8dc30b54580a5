"""How a model stands while it is matched: its element, and what each part is worth under it."""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING

import numpy as np

from mergec.symmetries.element import rows_of
from mergec.symmetries.matching.cluster import with_kept_costs
from mergec.symmetries.matching.gram import Pair, blocks
from mergec.symmetries.matching.invariants import InvariantGram
from mergec.symmetries.matching.kept_costs import KeptCosts
from mergec.symmetries.matching.objective import value_since
from mergec.symmetries.matching.screening import proven_best
from mergec.symmetries.matching.solve_cluster import WeightedGram, propose, weighted
from mergec.symmetries.matching.times import IN_NUMPY

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from mergec.ir.symmetry import Symmetry
    from mergec.symmetries.matching.anchored import Start
    from mergec.symmetries.matching.cluster import Cluster
    from mergec.symmetries.matching.gram import Run
    from mergec.symmetries.matching.objective import Size
    from mergec.symmetries.matching.operand import Operand
    from mergec.symmetries.matching.part import Part
    from mergec.symmetries.matching.solve_cluster import KnownCosts, Proposal
    from mergec.symmetries.matching.times import Times

LEAST_GAIN = 1e-9
"""Of the norms of a cluster's terms; a smaller gain is none."""
QUADRATIC_ROUNDS = 4


class Problem:
    """Two models to bring together, cut into parts and clusters."""

    def __init__(
        self,
        symmetry: Symmetry,
        parts: Sequence[Part],
        clusters: Sequence[Cluster],
        sizes: Sequence[Size],
        operands: tuple[Sequence[Operand], Sequence[Operand]],
        times: Times = IN_NUMPY,
    ) -> None:
        """`operands` are the anchor's and the moving model's; `times` is how they are multiplied."""
        self.symmetry = symmetry
        self.parts = parts
        self.clusters = clusters
        self.sizes = sizes
        self.anchor, self.moving = operands
        self.times = times

    def pair(self, vector: NDArray[np.int32]) -> Pair:
        """The models with the moving one as the vector has it."""
        return Pair(self.symmetry, self.anchor, self.moving, vector, self.times)

    def neighbours(self, cluster: int) -> list[int]:
        """The other clusters that stand on a part of it, in ascending order."""
        own = set(self.clusters[cluster].parts)
        return [
            number
            for number, other in enumerate(self.clusters)
            if number != cluster and not own.isdisjoint(other.parts)
        ]


class State:
    """The moving model's vector and its parts' values. Clusters that share no part may change at once."""

    def __init__(self, problem: Problem, vector: NDArray[np.int32], values: Sequence[float]) -> None:
        """`values` are those of the parts under the vector."""
        self.problem = problem
        self.vector = vector.copy()
        self.values = list(values)
        self.unlike: set[str] = set()
        self.kept = {
            problem.clusters[number].name: KeptCosts(problem.clusters[number])
            for number in with_kept_costs(problem.clusters)
        }

    @property
    def objective(self) -> float:
        """The sum over all parts."""
        return fsum(self.values)

    def start(self, cluster: Cluster, start: Start, run: Run) -> bool:
        """Give a cluster what its anchored terms, and what is invariant of others, say; whether it changed.

        What only its invariants say is not held against its terms, as their other axes are in no order yet.
        """
        if not start.invariant:
            return self.improve(cluster, start.parts, run)
        pair = self.problem.pair(self.vector)
        grams, known = self._products(cluster, start.parts, run)
        grams += (
            WeightedGram(
                term.signature,
                InvariantGram(pair, term, self.problem.sizes[term.part]),
                term.view.tensor.weight,
            )
            for term in cluster.terms
            if term.part in start.invariant
        )
        return self._take(cluster, (), propose(pair, cluster, grams, run, known), run)

    def improve(self, cluster: Cluster, used: Collection[int], run: Run) -> bool:
        """Give a cluster what is best for the parts used; whether they gained by it.

        Of a cluster that stands on a part more than once the proposal is only the best linear one, and
        what follows from it may be better still.
        """
        has_changed = False
        for _ in range(QUADRATIC_ROUNDS if cluster.is_quadratic else 1):
            found = self._screened(cluster, used, run)
            if found is None:
                grams, known = self._products(cluster, used, run)
                found = propose(self.problem.pair(self.vector), cluster, grams, run, known)
            if not self._take(cluster, used, found, run):
                break
            has_changed = True
        return has_changed

    def _screened(self, cluster: Cluster, used: Collection[int], run: Run) -> Proposal | None:
        """What can be proven to be best for the parts used; not asked again of a cluster where it fails."""
        if cluster.name in self.unlike:
            return None
        sizes = self.problem.sizes
        terms = [(term, sizes[term.part].norm) for term in cluster.terms if term.part in used]
        found = proven_best(self.problem.pair(self.vector), cluster.root, terms, run)
        if found is None and len(used) == len(cluster.parts):
            self.unlike.add(cluster.name)
        return found

    def _products(
        self, cluster: Cluster, used: Collection[int], run: Run
    ) -> tuple[list[WeightedGram], KnownCosts | None]:
        """What the parts used say of a cluster: products to make, or costs that are kept."""
        pair = self.problem.pair(self.vector)
        kept = self.kept.get(cluster.name)
        if kept is not None:
            return [], kept.at(pair, used, run)
        return [weighted(pair, term, run) for term in cluster.terms if term.part in used], None

    def _take(self, cluster: Cluster, used: Collection[int], found: Proposal, run: Run) -> bool:
        """Take a proposal if the parts used, if any, gain by it, counted in float64 from the operands."""
        symmetry = self.problem.symmetry
        if all(np.array_equal(rows_of(symmetry, self.vector, group), rows) for group, rows in found.items()):
            return False
        vector = self.vector.copy()
        for group, rows in found.items():
            rows_of(symmetry, vector, group)[:] = rows
        pair = self.problem.pair(vector)
        values = dict.fromkeys(cluster.parts, 0.0)

        def count(some: range) -> None:
            for part in cluster.parts[some.start : some.stop]:
                values[part] = value_since(self.values[part], self.vector, pair, self.problem.parts[part])

        run(count, blocks(0, len(cluster.parts), 1))
        gain = fsum(values[part] - self.values[part] for part in used)
        if used and gain <= LEAST_GAIN * fsum(self.problem.sizes[part].norm for part in used):
            return False
        for group, rows in found.items():
            rows_of(symmetry, self.vector, group)[:] = rows
        for part, worth in values.items():
            self.values[part] = worth
        return True
