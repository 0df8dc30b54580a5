"""In which order clusters are solved at first, and from which of their terms.

Descent from the identity does not find a planted permutation of a residual network: all terms of the residual
stream are noise until the layers are in order, and theirs until the stream is. So those come first whose
terms have fixed axes otherwise (pixels, tokens, classes); what is solved is fixed for those that follow.
"""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mergec.symmetries.matching.state import Problem


class Start(NamedTuple):
    """A cluster to solve, by its number, and the numbers of the parts that are to be used."""

    cluster: int
    parts: frozenset[int]


def anchored_order(problem: Problem) -> list[Start]:
    """All clusters: next is always the one with the largest share of its energy in anchored terms.

    The energy of a term is the product of the norms of its operands. If no cluster has any anchored
    terms, the one with the most energy is solved from all of its terms, the others being the identity.
    """
    standing: dict[int, set[int]] = {}
    for number, cluster in enumerate(problem.clusters):
        for part in cluster.parts:
            standing.setdefault(part, set()).add(number)
    left, order = dict.fromkeys(range(len(problem.clusters))), []
    while left:
        ranked = []
        for number in left:
            cluster = problem.clusters[number]
            linear = {term.part for term in cluster.terms if term.is_linear}
            anchored = frozenset(
                part
                for part in cluster.parts
                if part in linear and standing[part].isdisjoint(left.keys() - {number})
            )
            total = _energy(problem, cluster.parts)
            share = _energy(problem, anchored) / total if total else 0.0
            ranked.append((share, total if not share else 0.0, -number, anchored))
        share, _, negative, anchored = max(ranked)
        number = -negative
        order.append(Start(number, anchored if share else frozenset(problem.clusters[number].parts)))
        del left[number]
    return order


def _energy(problem: Problem, parts: frozenset[int] | tuple[int, ...]) -> float:
    return fsum(problem.sizes[part].norm for part in parts)
