"""In which order clusters are solved at first, and from which of their terms.

Descent from the identity does not find a planted permutation of a residual network: all terms of the residual
stream are noise until the layers are in order, and theirs until the stream is. So those come first whose
terms have fixed axes otherwise (pixels, tokens, classes); what is solved is fixed for those that follow.
"""

from __future__ import annotations

from math import fsum, prod
from typing import TYPE_CHECKING, NamedTuple

from mergec.symmetries.matching.limits import INVARIANT_ELEMENTS

if TYPE_CHECKING:
    from collections.abc import Collection

    from mergec.symmetries.matching.cluster import Term
    from mergec.symmetries.matching.state import Problem


WEAK = 64
"""A unit with fewer anchored weights than this is not told from all others if they are noisy."""


class Start(NamedTuple):
    """A cluster to solve, by its number, and the parts to use: anchored ones, and of some the invariants."""

    cluster: int
    parts: frozenset[int]
    invariant: frozenset[int] = frozenset()


def anchored_order(problem: Problem) -> list[Start]:
    """All clusters: next is always the one with the largest share of its energy in anchored terms.

    The energy of a term is the product of the norms of its operands. If no cluster has any anchored
    terms, next is the one with the most energy. Where a cluster has few anchored weights, the invariants of
    its other terms are used too; where it has neither, all its terms, the others being the identity.
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
            others = left.keys() - {number}
            anchored = frozenset(part for part in linear if standing[part].isdisjoint(others))
            total = _energy(problem, cluster.parts)
            share = _energy(problem, anchored) / total if total else 0.0
            ranked.append((share, total if not share else 0.0, -number, anchored))
        share, _, negative, anchored = max(ranked)
        order.append(_start(problem, -negative, anchored if share else frozenset()))
        del left[-negative]
    return order


def _start(problem: Problem, number: int, anchored: frozenset[int]) -> Start:
    cluster = problem.clusters[number]
    weights = sum(_weights_of_unit(problem, term) for term in cluster.terms if term.part in anchored)
    invariant = frozenset(
        term.part
        for term in cluster.terms
        if term.is_linear
        and term.part not in anchored
        and term.view.height * term.view.width <= INVARIANT_ELEMENTS
    )
    if weights < WEAK and invariant:
        return Start(number, anchored, invariant)
    return Start(number, anchored or frozenset(cluster.parts))


def _weights_of_unit(problem: Problem, term: Term) -> int:
    units = prod(problem.symmetry.groups[group].size for group in term.signature)
    return term.view.height * term.view.width // units


def _energy(problem: Problem, parts: Collection[int]) -> float:
    return fsum(problem.sizes[part].norm for part in parts)
